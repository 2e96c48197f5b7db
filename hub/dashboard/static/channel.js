// The page of a channel: what is said there is put on top of the list, as text, as it comes.
(() => {
  "use strict";

  const MOST = 200;
  const TURNING = /[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/g;
  const WORDS = {
    connecting: "Connecting…",
    open: "Live: what is said appears here at once.",
    waiting: "The connection is lost; it is tried again.",
    stopped: "The connection has ended: load the page again.",
  };

  const watch = document.querySelector("[data-watch]");
  const list = document.querySelector("#messages");
  const blank = document.querySelector("#message");
  const { watch: channel, after, shown } = watch.dataset;

  // Signs that would turn their neighbours around are spelled out.
  const plain = (text) =>
    text.replace(TURNING, (sign) => "\\u" + sign.charCodeAt(0).toString(16).padStart(4, "0"));

  async function token() {
    const answer = await fetch("/dashboard/live", { cache: "no-store" });
    if (answer.status === 401) location.reload();
    return (await answer.json()).token;
  }

  function time(iso) {
    const made = document.createElement("time");
    made.dateTime = made.title = iso;
    made.textContent = "now";
    return made;
  }

  function show(message) {
    const made = blank.content.cloneNode(true);
    const event = made.querySelector(".event");
    event.textContent = plain(message.event);
    event.after(" ", time(message.ts));
    const where = [message.channel === channel ? "" : "on " + message.channel];
    if (message.from) where.push("by " + plain(message.from));
    made.querySelector(".where").textContent = where.join(" ");
    const text = plain(JSON.stringify(message.data));
    made.querySelector("pre").textContent =
      text.length > shown ? text.slice(0, Number(shown)) + "…" : text;
    list.prepend(made);
    while (list.children.length > MOST) list.lastElementChild.remove();
  }

  Hub.subscribe({
    channels: [channel],
    token,
    after: after || undefined,
    onMessage: show,
    onStatus: (status) => (watch.textContent = WORDS[status] ?? ""),
    onGap: () => (watch.textContent = "Messages were missed: load the page again to see them."),
  });
})();
