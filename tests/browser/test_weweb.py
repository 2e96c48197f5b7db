"""WeWeb's own way of reading a stream, and the script for its custom JavaScript action."""

import json
import re
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page

import connectors.weweb
from tests.browser.chromium import EDITOR, page_of, until
from tests.program import ADMIN_KEY, Driven

pytestmark = pytest.mark.asyncio(loop_scope="session")

SNIPPET = Path(connectors.weweb.__file__).with_name("snippet.js")
READER = """async ([url, key]) => {
  const list = [];
  const parsed = (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  };
  const headers = { accept: "text/event-stream", "content-type": "application/json" };
  if (key) headers.authorization = "Bearer " + key;
  const answer = await fetch(url, { headers, credentials: "include" });
  if (!answer.ok) throw Error(`HTTP error ${answer.status}: ${await answer.text()}`);
  const reader = answer.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return list;
    const lines = (rest + decoder.decode(value, { stream: true })).split("\\n");
    rest = lines.pop();
    for (const line of lines.map((each) => each.trim())) {
      if (!line || /^(id:|event:|retry:|:)/.test(line)) continue;
      const text = line.startsWith("data:") ? line.slice(5).trim() : line;
      if (text === "[DONE]") return list;
      list.push(parsed(text));
    }
  }
}"""
HARD = [
    "[DONE]",
    "two\nlines\r\nand\rthree",
    "data: [DONE]\n\ndata: x\n\n: gap\n\n",
    "\u2028 \u2029 \u0085 \x0b \ufeff",
    {"nested": ["\n", {"[DONE]": None}]},
    None,
    12.5,
    "ä€𝄞" * 22_000,
    "",
]


async def channel_with(hub: Driven, *data: Any) -> str:
    """A channel on which that has been said."""
    channel = f"w-{uuid.uuid4()}"
    for each in data:
        await say(hub, channel, each)
    return channel


async def say(hub: Driven, channel: str, data: Any) -> None:
    """Publish."""
    path = f"/v1/channels/{channel}/messages"
    answer = await hub.api.post(path, json={"event": "[DONE]", "data": data})
    assert answer.status_code == 202, answer.text


async def read(page: Page, hub: Driven, channel: str, wish: str) -> list[dict[str, Any]]:
    """What the action's array holds when the stream has ended."""
    url = f"{hub.base}/realtime/{channel}?{wish}"
    found: list[dict[str, Any]] = await page.evaluate(READER, [url, ADMIN_KEY])
    return found


@pytest.mark.parametrize("wish", ["", "&hello=1", "&named=1", "&hello=1&named=1"])
async def test_each_message_is_one_element_of_the_array_whatever_it_holds(
    browser: Browser, hub: Driven, wish: str
) -> None:
    channel = await channel_with(hub, *HARD)
    async with page_of(browser, EDITOR) as page:
        limit = f"last_event_id=earliest&limit={len(HARD)}"
        found = await read(page, hub, channel, f"{limit}{wish}")
    assert all(isinstance(each, dict) for each in found)
    messages = [each for each in found if each["id"] is not None]
    assert [each["data"] for each in messages] == HARD
    assert {each["event"] for each in messages} == {"[DONE]"}
    told = [each["event"] for each in found if each["id"] is None]
    assert told == (["hello"] if "hello" in wish else [])


async def test_a_loop_of_short_streams_misses_nothing(browser: Browser, hub: Driven) -> None:
    channel = await channel_with(hub, *range(5))
    async with page_of(browser, EDITOR) as page:
        first = await read(page, hub, channel, "last_event_id=earliest&limit=3")
        assert [each["data"] for each in first] == [0, 1, 2]
        position = quote(first[-1]["position"])
        await say(hub, channel, 5)
        more = await read(page, hub, channel, f"last_event_id={position}&max_seconds=0.5")
        assert [each["data"] for each in more] == [3, 4, 5]
        position = quote(more[-1]["position"])
        assert await read(page, hub, channel, f"last_event_id={position}&max_seconds=0.2") == []


async def test_the_custom_javascript_fills_a_variable_and_starts_a_workflow_for_each_message(
    browser: Browser, hub: Driven
) -> None:
    channel = await channel_with(hub)
    code = SNIPPET.read_text()
    for name, value in {
        "HUB": hub.base,
        "CHANNELS": [channel],
        "LIST": "list-id",
        "MOST": 3,
        "STATUS": "status-id",
        "WORKFLOW": "workflow-id",
    }.items():
        code, times = re.subn(rf"(?m)^const {name} = [^;]+;", _constant(name, value), code)
        assert times == 1, name
    code = code.replace("https://YOUR-BACKEND/channel-token", "/channel-token")
    async with page_of(browser, EDITOR) as page:
        await page.evaluate(
            """([code, token]) => {
              window.variables = { "list-id": undefined };
              window.started = [];
              window.wwLib = {
                wwVariable: {
                  getValue: (id) => variables[id],
                  updateValue: (id, value) => (variables[id] = value),
                },
                wwWorkflow: {
                  executeGlobal: async (id, parameters) => started.push([id, parameters]),
                },
              };
              const really = fetch;
              window.fetch = (url, wish) => url === "/channel-token"
                ? Promise.resolve(Response.json({ token })) : really(url, wish);
              const Action = (async () => {}).constructor;
              window.run = () => new Action("wwLib", code)(wwLib);
            }""",
            [code, ADMIN_KEY],
        )
        for _ in range(2):  # the page is opened again
            await page.evaluate("run()")
            await until(page, "variables['status-id'] == 'open'")
        for n in range(5):
            await say(hub, channel, n)
        await until(page, "started.length >= 5")
        started = await page.evaluate("started")
        assert [each[0] for each in started] == ["workflow-id"] * 5
        assert [each[1]["message"]["data"] for each in started] == list(range(5))
        assert await page.evaluate("variables['list-id'].map((each) => each.data)") == [2, 3, 4]


def _constant(name: str, value: Any) -> str:
    return f"const {name} = {json.dumps(value)};"
