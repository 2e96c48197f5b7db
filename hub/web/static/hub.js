// Live channels in any page: <script src="https://HUB/hub.js"> or await import("https://HUB/hub.js").
//   const live = Hub.subscribe({ channels: ["orders"], token, onMessage: (m) => show(m.data) });
//   await Hub.publish({ channel: "orders", event: "order.seen", data: { id: 7 }, token });
// token: a text, or a function (async too) that is asked anew for each connection.
// onStatus: "connecting", "open", "waiting", "stopped" (for good) or "closed", and the error if any.
globalThis.Hub = (() => {
  // The first address in a stack is this file's own, in modules too.
  const home = /https?:\/\/[^\s/]+/.exec(Error().stack)?.[0];

  // Half of it to all of it, so that many pages do not come back as one.
  const pause = (ms) =>
    new Promise((done) => setTimeout(done, Math.min(ms, 3e4) * (1 - Math.random() / 2)));

  // Async: what a callback throws is reported, and stops nothing here.
  const tell = async (callback, ...what) => callback?.(...what);

  // What has a "call" is a function.
  async function send(url, path, token, wish) {
    const bearer = await (token?.call ? token() : token);
    if (bearer) wish.headers.authorization = "Bearer " + bearer;
    const answer = await fetch((url || home).replace(/\/$/, "") + "/realtime" + path, wish);
    if (answer.ok) return answer;
    throw Object.assign(
      Error(),
      { status: answer.status },
      await answer.json().catch(() => 0),
    );
  }

  function subscribe({ url, channels, token, after, named, presence, onMessage, onStatus, onGap }) {
    const seen = new Set();
    let closed, current, timer, position = after, fails = 0, retry = 1e3;

    const again = () => current.abort();

    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(again, 4e4);
    };

    function hear(comment) {
      if (comment == "gap") tell(onGap);
      if (/^hello/.test(comment)) {
        fails = 0;
        tell(onStatus, "open");
      }
    }

    // An id counts at the end of its block, when what it stands for has been passed on.
    function take(block) {
      if (closed) return;
      if (block.data) {
        const message = JSON.parse(block.data);
        if (!seen.has(message.id)) tell(onMessage, message);
        seen.add(message.id);
        if (seen.size > 1e3) seen.delete(seen.values().next().value);
      }
      position = block.id || position;
      retry = block.retry || retry;
    }

    async function read(signal) {
      // Neither names nor positions have a character that a URL would take amiss.
      const query =
        "?channel=" + [].concat(channels).join("&channel=") +
        (position ? "&last_event_id=" + position : "") +
        (named ? "&named=1" : "") +
        (presence ? "&presence=1" : "");
      alive();
      const { body } = await send(url, query, token, {
        signal,
        headers: { accept: "text/event-stream" },
      });
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      let block = {}, rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        alive();
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        for (const line of lines) {
          const at = line.indexOf(":"), text = line.slice(at + 1).trim();
          if (!at) hear(text);
          else if (at > 0) block[line.slice(0, at)] = text;
          else block = take(block) || {};
        }
      }
    }

    async function run() {
      while (!closed) {
        const { signal } = (current = new AbortController());
        const early = new Promise((done) => (signal.onabort = done));
        tell(onStatus, "connecting");
        const error = await read(signal).catch((error) => error);
        clearTimeout(timer);
        if (/40[013]/.test(error?.status) && !token?.call) end("stopped", error);
        if (closed) return;
        tell(onStatus, "waiting", error);
        await Promise.race([early, pause(retry * 2 ** fails++)]);
      }
    }

    function end(status, error) {
      if (closed) return;
      closed = true;
      removeEventListener("online", again);
      again();
      tell(onStatus, status, error);
    }

    addEventListener("online", again);
    run();
    return {
      close: () => end("closed"),
      get position() {
        return position;
      },
    };
  }

  async function publish({ url, channel, event, data, id, token }) {
    // Unlike randomUUID it is there on pages without https too.
    id ||= crypto.getRandomValues(new Uint32Array(4)).join("-");
    const body = JSON.stringify({ event, data, id });
    for (let tries = 1; ; tries++) {
      try {
        const answer = await send(url, "/" + encodeURI(channel), token, {
          method: "POST",
          body,
          headers: { "content-type": "application/json" },
          signal: AbortSignal.timeout(15e3),
        });
        return await answer.json();
      } catch (error) {
        if (tries > 4 || error.status < 500) throw error;
        await pause(500 * 2 ** tries);
      }
    }
  }

  return { subscribe, publish };
})();
