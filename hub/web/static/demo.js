// The page to try a channel on. All that comes from elsewhere is shown as text, never as HTML.
const CHANNEL = "demo";
const MOST_SHOWN = 200;
const WORDS = { waiting: "lost, coming back", open: "connected" };
const byId = (id) => document.getElementById(id);

async function getToken() {
  const answer = await fetch("/demo/token", { method: "POST" });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.message);
  showSnippets(told.token);
  return told.token;
}

function showStatus(state, error) {
  byId("status").dataset.state = state;
  byId("status").textContent = WORDS[state] ?? state;
  byId("status").title = error?.message ?? "";
}

function showMessage({ id, event, data, ts }) {
  const item = document.createElement("li");
  item.dataset.id = id;
  const name = document.createElement("strong");
  name.textContent = event;
  const time = document.createElement("time");
  time.dateTime = ts;
  time.textContent = new Date(ts).toLocaleTimeString();
  const text = document.createElement("pre");
  text.textContent = typeof data === "string" ? data : JSON.stringify(data, null, 2);
  item.append(time, name, text);
  const list = byId("messages");
  list.prepend(item);
  if (list.children.length > MOST_SHOWN) list.lastElementChild.remove();
  byId("none").hidden = true;
}

function showSnippets(token) {
  const { origin } = location;
  const at = `${origin}/realtime/${CHANNEL}`;
  const bearer = `-H "Authorization: Bearer ${token}"`;
  byId("listen").textContent = `curl -N ${bearer} ${at}`;
  byId("speak").textContent = `curl ${bearer} --json '{"event": "greeting", "data": "Hello"}' ${at}`;
  byId("page").textContent = `<script src="${origin}/hub.js"></${"script"}>
<script>
  Hub.subscribe({
    channels: ["${CHANNEL}"],
    token: "${token}",
    onMessage: (message) => console.log(message.event, message.data),
  });
</${"script"}>`;
  byId("weweb").textContent = `await import("${origin}/hub.js");
Hub.subscribe({
  channels: ["${CHANNEL}"],
  token: "${token}",
  onMessage: (message) => wwLib.wwVariable.updateValue("YOUR-VARIABLE-ID", message),
});`;
}

function dataOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function publish(form) {
  const outcome = byId("outcome");
  outcome.toggleAttribute("data-failed", false);
  try {
    const { event, data } = Object.fromEntries(new FormData(form));
    const told = { channel: CHANNEL, event, data: dataOf(data), token: getToken };
    const { id } = await Hub.publish(told);
    outcome.textContent = `Published as ${id}`;
  } catch (error) {
    outcome.toggleAttribute("data-failed", true);
    outcome.textContent = error.message || "The hub does not answer.";
  }
}

async function copy(button) {
  await navigator.clipboard.writeText(byId(button.dataset.copies).textContent);
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

byId("publish").addEventListener("submit", (happened) => {
  happened.preventDefault();
  publish(happened.target);
});
for (const button of document.querySelectorAll("[data-copies]")) {
  button.addEventListener("click", () => copy(button));
}
Hub.subscribe({
  channels: [CHANNEL],
  token: getToken,
  after: "earliest",
  onMessage: showMessage,
  onStatus: showStatus,
});
