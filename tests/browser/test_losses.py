"""A server or Valkey is lost while a page listens: it gets every message once, and in order."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser

from hub.valkey import EmbeddedValkey
from tests.browser.balancer import Balancer, balancer
from tests.browser.chromium import OWN, page_of, until
from tests.databases import Postgres, prepare
from tests.faults.apart import pid_of_valkey
from tests.program import Driven, Program, client, embedded_hub, free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

LISTEN = """async ([base, token]) => {
  await import(base + "/hub.js");
  window.heard = { native: [], hub: [] };
  window.told = [];
  const source = new EventSource(base + "/realtime/news?token=" + token);
  source.onmessage = ({ data }) => heard.native.push(JSON.parse(data));
  window.live = Hub.subscribe({
    channels: ["news"],
    token,
    onMessage: (message) => heard.hub.push(message),
    onStatus: (status) => told.push(status),
    onGap: () => told.push("gap"),
  });
  await new Promise((done) => (source.onopen = done));
}"""


@dataclass
class Two:
    """Two servers behind a balancer; pages are given to the first as long as it lives."""

    in_front: Balancer
    first: Program
    first_api: httpx.AsyncClient
    second_api: httpx.AsyncClient


@asynccontextmanager
async def two_servers(data: Path, database_url: str, redis_url: str) -> AsyncIterator[Two]:
    """``hub serve`` twice."""
    environment = {"HUB_DATABASE_URL": database_url, "HUB_REDIS_URL": redis_url}
    environment["HUB_CORS_ORIGINS"] = OWN
    prepare(database_url, data)
    ports = [free_port(), free_port()]
    bases = [f"http://127.0.0.1:{port}" for port in ports]
    programs = [
        Program(["serve", "--port", str(port)], environment, data / f"{port}.log") for port in ports
    ]
    async with AsyncExitStack() as stack:
        for program in programs:
            await program.start()
            stack.push_async_callback(program.stop)
        for program, base in zip(programs, bases, strict=True):
            await program.ready(base, timeout_s=60)
        in_front = await stack.enter_async_context(balancer(*ports))
        apis = [await stack.enter_async_context(client(base)) for base in bases]
        yield Two(in_front, programs[0], *apis)


async def token(api: httpx.AsyncClient) -> str:
    """By which a page may listen."""
    made = await api.post("/v1/channels/tokens", json={"channels": ["news"]})
    text: str = made.json()["token"]
    return text


async def publish(api: httpx.AsyncClient, *numbers: int) -> None:
    """Publish numbers, each under an id of its own."""
    for n in numbers:
        message = {"id": f"m{n}", "event": "said", "data": n}
        answer = await api.post("/v1/channels/news/messages", json=message)
        assert answer.status_code == 202, answer.text


@pytest.mark.timeout(180)  # two programs start on what may be a busy machine
async def test_a_page_misses_nothing_when_its_server_is_killed(
    browser: Browser, tmp_path: Path, postgres: Postgres, valkey: EmbeddedValkey
) -> None:
    with postgres.database() as database_url:
        async with (
            two_servers(tmp_path, database_url, valkey.url) as two,
            page_of(browser) as page,
        ):
            await page.evaluate(LISTEN, [two.in_front.base, await token(two.first_api)])
            await until(page, "told.includes('open')")

            await publish(two.first_api, *range(5))
            await until(page, "heard.native.length == 5 && heard.hub.length == 5")
            await asyncio.gather(two.first.kill(), publish(two.second_api, *range(5, 40)))
            await publish(two.second_api, *range(40, 50))
            await until(page, "heard.native.length >= 50 && heard.hub.length >= 50", 40)
            await publish(two.second_api, 50)
            await until(page, "heard.native.length >= 51 && heard.hub.length >= 51")

            for who in ("native", "hub"):
                heard = await page.evaluate(f"heard.{who}")
                assert [each["id"] for each in heard] == [f"m{n}" for n in range(51)], who
                assert [each["data"] for each in heard] == list(range(51)), who
            told = await page.evaluate("told")
            assert "gap" not in told
            assert told[-3:] == ["waiting", "connecting", "open"]
            assert await page.evaluate("live.position == heard.hub.at(-1).position")


async def test_a_page_misses_nothing_when_valkey_is_killed_and_comes_back(
    browser: Browser, tmp_path: Path
) -> None:
    async with embedded_hub(tmp_path, cors_origins=OWN) as hub, page_of(browser) as page:
        await page.evaluate(LISTEN, [hub.base, await token(hub.api)])
        await until(page, "told.includes('open')")
        await publish(hub.api, *range(5))
        await until(page, "heard.hub.length == 5")

        await kill_valkey(hub)
        await published_at_last(hub, 5)
        await publish(hub.api, *range(6, 10))
        await until(page, "heard.native.length >= 10 && heard.hub.length >= 10", 40)

        assert await page.evaluate("heard.hub.map((each) => each.data)") == list(range(10))
        assert await page.evaluate("heard.native.map((each) => each.data)") == list(range(10))
        assert "gap" not in await page.evaluate("told")


async def kill_valkey(hub: Driven) -> None:
    """``kill -9``; the hub starts it again."""
    assert hub.hub is not None
    os.kill(await pid_of_valkey(hub.hub.redis_url), signal.SIGKILL)


async def published_at_last(hub: Driven, n: int) -> None:
    """Publish, as often as it takes."""
    async with asyncio.timeout(20):
        message = {"id": f"m{n}", "event": "said", "data": n}
        while (await hub.api.post("/v1/channels/news/messages", json=message)).status_code != 202:
            await asyncio.sleep(0.1)
