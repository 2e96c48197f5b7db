"""Which pages may listen and publish, as a real browser enforces it."""

import uuid

import pytest
from playwright.async_api import Browser

from tests.browser.balancer import balancer
from tests.browser.chromium import EDITOR, EVIL, OWN, PREVIEW, page_of, until
from tests.program import Driven

pytestmark = pytest.mark.asyncio(loop_scope="session")

LISTEN = """([base, channel, token]) => {
  window.heard = [];
  window.told = [];
  window.live = Hub.subscribe({
    url: base + "/",
    channels: channel,
    token,
    onMessage: (message) => heard.push(message.data),
    onStatus: (status, error) => told.push([status, error?.status, error?.code]),
  });
}"""
PUBLISH = """([url, channel, token, data]) =>
  Hub.publish({ url, channel, event: "said", data, token })"""


async def channel_of(hub: Driven, *, public: bool = False) -> str:
    """A channel that no other test has."""
    name = f"c-{uuid.uuid4()}"
    await hub.put(f"/v1/channels/{name}", {"public": public})
    return name


async def key_of(hub: Driven, *scopes: str) -> str:
    """A key with some scopes."""
    answer = await hub.api.post("/v1/keys", json={"name": "page", "scopes": scopes})
    key: str = answer.json()["key"]
    return key


@pytest.mark.parametrize("origin", [EDITOR, PREVIEW, OWN])
async def test_pages_of_weweb_and_of_the_settings_listen_and_publish_with_a_token(
    browser: Browser, hub: Driven, origin: str
) -> None:
    channel, key = await channel_of(hub), await key_of(hub, "read", "publish")
    port = int(hub.base.rsplit(":", 1)[1])
    async with balancer(port) as in_front, page_of(browser, origin) as page:
        base = in_front.base
        await page.add_script_tag(url=f"{base}/hub.js")
        await page.evaluate(LISTEN, [base, channel, key])
        await until(page, "told.some(([status]) => status == 'open')")
        told = await page.evaluate(PUBLISH, [base, channel, key, {"n": 1}])
        assert set(told) == {"id"}
        await until(page, "heard.length")
        assert await page.evaluate("heard") == [{"n": 1}]
        assert await page.evaluate("location.origin") + "/" == origin

        asked = {line.split("?")[0] for line in in_front.requests}
        assert "OPTIONS /realtime" in asked, "the browser asked whether it may"
        assert f"OPTIONS /realtime/{channel} HTTP/1.1" in asked
        assert not [line for line in in_front.requests if key in line], "no token in a URL"


async def test_a_strange_page_reads_a_public_channel_and_no_other(
    browser: Browser, hub: Driven
) -> None:
    private, public = await channel_of(hub), await channel_of(hub, public=True)
    key = await key_of(hub, "read", "publish")
    async with page_of(browser, EVIL) as page:
        await page.add_script_tag(url=f"{hub.base}/hub.js")
        await page.evaluate(LISTEN, [hub.base, public, None])
        await until(page, "told.some(([status]) => status == 'open')")
        await hub.api.post(f"/v1/channels/{public}/messages", json={"event": "e", "data": "hi"})
        await until(page, "heard.length")
        assert await page.evaluate("heard") == ["hi"]
        await page.evaluate("live.close()")
        assert (await page.evaluate("told.at(-1)"))[0] == "closed"

        for given in (key, None):
            await page.evaluate(LISTEN, [hub.base, private, given])
            waiting = await until(page, "told.find(([status]) => status == 'waiting')")
            assert waiting == ["waiting", None, None], "the browser keeps the answer from it"
            assert await page.evaluate("heard") == []
            await page.evaluate("live.close()")


async def test_a_fixed_token_that_is_refused_ends_it_and_a_function_is_asked_again(
    browser: Browser, hub: Driven
) -> None:
    channel, key = await channel_of(hub), await key_of(hub, "read")
    async with page_of(browser) as page:
        await page.add_script_tag(url=f"{hub.base}/hub.js")
        await page.evaluate(LISTEN, [hub.base, channel, "wrong"])
        stopped = await until(page, "told.find(([status]) => status == 'stopped')")
        assert stopped == ["stopped", 401, "unauthorized"]
        assert await page.evaluate("told.length") == 2

        await page.evaluate(
            """([channel, key]) => {
              window.heard = [];
              window.given = [];
              const tokens = ["old", key];
              Hub.subscribe({
                channels: [channel],
                token: async () => (given.push(tokens[0]), tokens.shift()),
                onMessage: (message) => {
                  heard.push(message.data);
                  throw Error("thrown by the page");
                },
                onStatus: (status) => (window.last = status),
              });
              addEventListener("unhandledrejection", (happened) => happened.preventDefault());
            }""",
            [channel, key],
        )
        await until(page, "last == 'open'")
        assert await page.evaluate("given") == ["old", key]
        for n in range(2):
            message = {"event": "e", "data": n}
            await hub.api.post(f"/v1/channels/{channel}/messages", json=message)
        await until(page, "heard.length == 2")
        assert await page.evaluate("last") == "open", "what a callback throws ends nothing"
