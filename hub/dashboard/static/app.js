// What the pages do beside htmx: times, copying, asking once more, and following what happens.
(() => {
  "use strict";

  // Times tell how long ago they were; the exact one is their title.
  const UNITS = [
    [60, 1, "second"],
    [3600, 60, "minute"],
    [86400, 3600, "hour"],
    [Infinity, 86400, "day"],
  ];
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

  function tellTimes() {
    for (const each of document.querySelectorAll("time[datetime]")) {
      const seconds = (Date.parse(each.dateTime) - Date.now()) / 1000;
      if (Number.isNaN(seconds)) continue;
      const [, size, unit] = UNITS.find(([below]) => Math.abs(seconds) < below);
      const text = Math.abs(seconds) < 5 ? "now" : words.format(Math.round(seconds / size), unit);
      if (each.textContent !== text) each.textContent = text;
    }
  }

  // A part that refreshes itself waits while somebody reads, marks or types in it.
  function isBusy(part) {
    const marked = getSelection();
    const inside = (node) => node && part.contains(node);
    return (
      document.hidden ||
      part.matches(":has(:focus-visible, :focus-within input, td input:checked, dialog[open])") ||
      (marked && !marked.isCollapsed && inside(marked.anchorNode))
    );
  }

  const due = new WeakMap();
  function refresh() {
    for (const part of document.querySelectorAll("[data-refresh]")) {
      const next = due.get(part) ?? Date.now() + 1000 * Number(part.dataset.refresh);
      if (Date.now() < next) due.set(part, next);
      else if (!isBusy(part)) {
        due.delete(part);
        htmx.trigger(part, "refresh");
      }
    }
  }

  // data-live names channels, with spaces between; what is said there has the part load anew,
  // with data-live-of only what is said of that id.
  let following;
  async function token() {
    const answer = await fetch("/dashboard/live", { cache: "no-store" });
    if (answer.status === 401) location.reload();
    return (await answer.json()).token;
  }

  function follow() {
    const parts = [...document.querySelectorAll("[data-live]")];
    const channels = [...new Set(parts.flatMap((part) => part.dataset.live.split(" ")))].sort();
    const key = channels.join(" ");
    if (following?.key === key) return;
    following?.stream?.close();
    following = { key };
    if (channels.length) following.stream = Hub.subscribe({ channels, token, onMessage: heard });
  }

  function heard(message) {
    for (const part of document.querySelectorAll("[data-live]")) {
      if (!part.dataset.live.split(" ").includes(message.channel)) continue;
      if ((part.dataset.liveOf ?? message.data?.id) !== message.data?.id) continue;
      part.dispatchEvent(new CustomEvent("message", { detail: message, bubbles: true }));
      if (part.hasAttribute("hx-get")) soon(part);
    }
  }

  const waiting = new WeakSet();
  function soon(part) {
    if (waiting.has(part)) return;
    waiting.add(part);
    setTimeout(() => {
      waiting.delete(part);
      if (part.isConnected && !isBusy(part)) htmx.trigger(part, "refresh");
    }, 300);
  }

  async function copy(button) {
    const from = button.parentElement.querySelector("pre, code, textarea");
    const text = from.value ?? from.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren(from);
      document.execCommand("copy");
    }
    const label = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = label), 1500);
  }

  function toggleTheme() {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("theme", next);
  }

  function toggleMenu(button) {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    document.body.classList.toggle("menu-open", open);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button");
    if (!button) return;
    if (button.hasAttribute("data-copy")) copy(button);
    if (button.hasAttribute("data-theme-toggle")) toggleTheme();
    if (button.classList.contains("menu")) toggleMenu(button);
  });

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset?.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });

  document.addEventListener("htmx:afterSettle", () => {
    tellTimes();
    follow();
  });
  setInterval(() => {
    tellTimes();
    refresh();
  }, 500);
  tellTimes();
  follow();
})();
