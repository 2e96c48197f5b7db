"""``hub.js`` and hubs that stand still, turn it away, say things twice, or fall silent."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page

from tests.browser.chromium import page_of, until
from tests.browser.scripted import Answer, Scripted, scripted
from tests.program import Driven

pytestmark = pytest.mark.asyncio(loop_scope="session")

LISTEN = """([url, after]) => {
  window.heard = [];
  window.told = [];
  window.live = Hub.subscribe({
    url, channels: ["a", "b.*"], token: "t", after, presence: true,
    onMessage: (message) => heard.push(message),
    onStatus: (status) => told.push(status),
    onGap: () => told.push("gap"),
  });
}"""


def said(n: int, end: str = "\n") -> str:
    """A message as it is streamed."""
    told = json.dumps({"id": f"m{n}", "event": "e", "data": "ä€𝄞" * n}, ensure_ascii=False)
    return f"id: p-{n}{end}data: {told}{end}{end}"


HELLO = ": hello p-0\nid: p-0\nretry: 20\n\n"


def answer(*parts: str, is_held: bool = False) -> Answer:
    """A stream."""
    return Answer([part.encode() for part in parts], is_held=is_held)


@asynccontextmanager
async def page_for(browser: Browser, hub: Driven, *, clock: bool = False) -> AsyncIterator[Page]:
    """A page that has the script."""
    async with page_of(browser) as page:
        if clock:
            await page.clock.install()
        await page.add_script_tag(url=f"{hub.base}/hub.js")
        yield page


async def listen(page: Page, to: Scripted, after: str | None = None) -> None:
    """Subscribe."""
    await page.evaluate(LISTEN, [to.base, after])


async def test_what_is_said_again_is_told_once_however_it_is_cut_into_pieces(
    browser: Browser, hub: Driven
) -> None:
    text = (said(1) + said(2, "\r\n") + ": gap\n\n" + said(3)).encode()
    torn = Answer([HELLO.encode(), *(text[at : at + 3] for at in range(0, len(text), 3))])
    cut_within_a_message = answer(HELLO, said(3), said(4), "id: p-5\ndata: {")
    last = answer(HELLO.replace("p-0", "p-4"), said(5), ":\nid: p-9\n\n", is_held=True)
    async with scripted(torn, cut_within_a_message, last) as far, page_for(browser, hub) as page:
        await listen(page, far, "earliest")
        await until(page, "live.position == 'p-9'")
        heard = await page.evaluate("heard")
        assert [each["id"] for each in heard] == ["m1", "m2", "m3", "m4", "m5"]
        assert [each["data"] for each in heard] == ["ä€𝄞" * n for n in range(1, 6)]
        once = ["connecting", "open", "waiting"]
        assert await page.evaluate("told") == [*once[:2], "gap", once[2], *once, *once[:2]]
        lines = [each.line.split()[1] for each in far.asked]
        wish = "/realtime?channel=a&channel=b.*&last_event_id={}&presence=1"
        assert lines == [wish.format(each) for each in ("earliest", "p-3", "p-4")]

        await page.evaluate("live.close(); live.close()")
        assert await page.evaluate("told.slice(-1)") == ["closed"]
        assert (await page.evaluate("told")).count("closed") == 1


async def test_a_connection_that_falls_silent_is_left_after_40_seconds(
    browser: Browser, hub: Driven
) -> None:
    silent = answer(HELLO, said(1), is_held=True)
    async with scripted(silent) as far, page_for(browser, hub, clock=True) as page:
        await listen(page, far)
        await until(page, "heard.length == 1")
        await page.clock.fast_forward(30_000)
        await asyncio.sleep(0.2)
        assert len(far.asked) == 1
        await page.clock.fast_forward(11_000)
        assert "last_event_id=p-1" in (await far.until_asked(2)).line
        await page.evaluate("dispatchEvent(new Event('online'))")
        await far.until_asked(3)
        assert await page.evaluate("heard.length") == 1


async def test_a_hub_that_turns_a_page_away_says_when_it_comes_back(
    browser: Browser, hub: Driven
) -> None:
    shed = answer(": shed\nretry: 20000\n\n")
    async with (
        scripted(shed, answer(HELLO, is_held=True)) as far,
        page_for(browser, hub, clock=True) as page,
    ):
        await listen(page, far)
        await until(page, "told.at(-1) == 'waiting'")
        await page.clock.fast_forward(9_000)
        await asyncio.sleep(0.2)
        assert len(far.asked) == 1, "half of what it was told at least"
        assert await page.evaluate("told") == ["connecting", "waiting"]
        await page.clock.fast_forward(11_500)
        await until(page, "told.at(-1) == 'open'")


async def test_a_message_of_a_page_is_sent_until_it_is_taken_under_one_id(
    browser: Browser, hub: Driven
) -> None:
    refused = Answer([b'{"code": "message_invalid", "message": "No."}'], 400)
    taken = Answer([b'{"id": "m"}'], 202)
    answers = [Answer([b"{}"], 503), Answer(is_cut=True), Answer([b"<p>"], 502), taken, refused]
    async with scripted(*answers) as far, page_for(browser, hub, clock=True) as page:
        await page.evaluate(
            """(url) => {
              window.done = [];
              window.publish = (told) => Hub.publish({ url, channel: "a/b", token: "t", ...told })
                .then((taken) => done.push(taken.id), (error) => done.push(error.code));
              publish({ event: "e", data: [1] });
            }""",
            far.base,
        )
        for times in range(1, 5):
            await far.until_asked(times)
            await asyncio.sleep(0.1)
            await page.clock.fast_forward(30_000)
        assert await until(page, "done.length && done") == ["m"]
        bodies = [json.loads(each.body) for each in far.asked]
        assert len(bodies) == 4
        assert {each["id"] for each in bodies} == {bodies[0]["id"]}
        assert (bodies[0]["event"], bodies[0]["data"]) == ("e", [1])
        assert {each.line for each in far.asked} == {"post /realtime/a/b http/1.1"}

        await page.evaluate("publish({ event: 'e', data: 1, id: 'own' })")
        assert await until(page, "done[1] && done") == ["m", "message_invalid"]
        assert json.loads((await far.until_asked(5)).body)["id"] == "own"
