// Live messages on a WeWeb page. Paste this into a "Custom JavaScript" action of a workflow that
// runs when the app or the page loads, and set what stands in capitals. It comes back by itself
// after every loss, misses nothing, and may run again: the connection before is closed then.
const HUB = "https://YOUR-HUB";
const CHANNELS = ["YOUR-CHANNEL"];
const LIST = ""; // the id of an array variable that gets the messages; "" for none
const MOST = 200; // so many of the latest messages stay in it
const STATUS = ""; // the id of a text variable: connecting, open, waiting, stopped, closed
const WORKFLOW = ""; // the id of a global workflow that each message starts; "" for none

// Asked anew for each connection. Have your backend make the token (see README.md); a channel that
// is public needs none: then return nothing.
async function getToken() {
  const answer = await fetch("https://YOUR-BACKEND/channel-token", { method: "POST" });
  return (await answer.json()).token;
}

// What is used of WeWeb: wwVariable.getValue and updateValue, and wwWorkflow.executeGlobal, whose
// second argument holds the workflow's parameters by name. Give that workflow one named "message".
const { wwVariable, wwWorkflow } = wwLib;

function take(message) {
  if (LIST) {
    const before = wwVariable.getValue(LIST) ?? [];
    wwVariable.updateValue(LIST, [...before, message].slice(-MOST));
  }
  if (WORKFLOW) wwWorkflow.executeGlobal(WORKFLOW, { message });
}

await import(`${HUB}/hub.js`);
globalThis.hubLive?.close();
globalThis.hubLive = Hub.subscribe({
  url: HUB,
  channels: CHANNELS,
  token: getToken,
  onMessage: take,
  onStatus: (status) => STATUS && wwVariable.updateValue(STATUS, status),
});
