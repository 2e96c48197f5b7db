"""Destinations that refuse, hang, break off, talk nonsense or never stop talking."""

import asyncio
import gzip
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.faults.apart import until
from tests.outbound.servers import Exchange, Handler, RawServer, hang, reset
from tests.program import Driven, embedded_hub, free_port
from tests.sink import Sink, open_sink

MEGABYTE = 1 << 20
NEVER = {"min_calls": 10_000}
STACK = """
{ task: "pass_on", source: "shop", function_stack: [
  { function: "deliver", destination: "bad", payload: { n: "{{n}}" } },
  { function: "deliver", destination: "good", payload: { n: "{{n}}" } },
] }
"""
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Driven]:
    """One hub for all of them, which has few hands."""
    async with embedded_hub(
        tmp_path_factory.mktemp("hub"),
        stop_grace_s=0.1,
        deliver_concurrency=12,
        deliver_per_destination=6,
    ) as driven:
        await driven.put("/v1/stacks/shop", STACK)
        await driven.put("/v1/sources/shop", {"verify": {"mode": "none"}})
        yield driven


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def good(hub: Driven) -> AsyncIterator[Sink]:
    """A destination that takes everything."""
    async with open_sink() as sink:
        await hub.put("/v1/destinations/good", {"url": sink.url})
        yield sink


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[RawServer]:
    """A server that answers as the handler does."""
    server = RawServer(handler)
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await server.stop()
        await listening.wait_closed()


def saying(*parts: bytes) -> Handler:
    """Reads a request, says these parts, and closes."""

    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        for part in parts:
            await exchange.say(part)

    return handler


async def plain(exchange: Exchange) -> None:
    """Answers without TLS whatever comes."""
    await exchange.reader.read(1)
    await exchange.say(b"HTTP/1.1 400 No TLS here\r\n\r\n")


def without_end(head: bytes, part: bytes, pause_s: float = 0) -> Handler:
    """Reads a request, and then never stops."""

    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(head)
        while True:
            await exchange.say(part)
            await asyncio.sleep(pause_s)

    return handler


def bomb() -> bytes:
    """100 MB in 100 KB."""
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(bytes(MEGABYTE)) for _ in range(100)]
    return b"".join([*parts, packer.flush()])


@dataclass(frozen=True)
class Case:
    """What a destination does, and how its attempts are told."""

    handler: Handler | None
    outcome: str
    says: str
    status: int | None = None
    may_have_run: bool = False
    body: str | None = None
    scheme: str = "http"


OK = b"HTTP/1.1 200 OK\r\n"
CASES = {
    "refuses the connection": Case(None, "retry", "No connection could be made"),
    "hangs": Case(hang, "unknown", "within 0.3 s", may_have_run=True),
    "resets the connection": Case(reset, "unknown", "broke off", may_have_run=True),
    "closes without a word": Case(saying(), "unknown", "broke off", may_have_run=True),
    "talks SMTP": Case(
        saying(b"220 mail.example ESMTP\r\n"), "unknown", "is no HTTP", may_have_run=True
    ),
    "talks nonsense": Case(
        saying(bytes(range(256)) * 10), "unknown", "is no HTTP", may_have_run=True
    ),
    "sends a head without an end": Case(
        without_end(OK, b"X-Field: 1\r\n" * 100), "unknown", "broke off", may_have_run=True
    ),
    "promises more than it sends": Case(
        saying(OK + b"Content-Length: 100\r\n\r\nabc"), "unknown", "broke off", may_have_run=True
    ),
    "answers in drops": Case(
        without_end(OK + b"Content-Length: 9999\r\n\r\n", b"x", 0.02),
        "unknown",
        "within 0.3 s",
        may_have_run=True,
    ),
    "has no TLS": Case(plain, "retry", "TLS", scheme="https"),
    "sends to another address": Case(
        saying(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
        "refused",
        "redirects are not followed",
        status=302,
        body="",
    ),
    "sends to the cloud's metadata": Case(
        saying(
            b"HTTP/1.1 307 Go\r\nLocation: http://169.254.169.254/latest/\r\n"
            b"Content-Length: 0\r\n\r\n"
        ),
        "refused",
        "307: redirects are not followed; set the new URL.",
        status=307,
        body="",
    ),
    "switches to another protocol": Case(
        saying(b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        "unknown",
        "a status of 101 answers nothing",
        may_have_run=True,
    ),
    "answers with a status that nobody knows": Case(
        saying(b"HTTP/1.1 999 Eh\r\nContent-Length: 0\r\n\r\n"),
        "retry",
        "Answered 999.",
        status=999,
        body="",
    ),
    "breaks inside its chunks": Case(
        saying(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n", b"zz\r\n"),
        "unknown",
        "Invalid character in chunk size",
        may_have_run=True,
    ),
    "closes inside the head": Case(
        saying(OK + b"Set-Cookie: secret"),
        "unknown",
        "no HTTP: the other side closed the connection. It may have run all the same.",
        may_have_run=True,
    ),
    "answers NUL and broken UTF-8": Case(
        saying(b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\na\x00\xff\xc3b"),
        "retry",
        "Answered 500",
        status=500,
        body="a\ufffd\ufffd\ufffdb",
    ),
    "answers with bytes that are no gzip": Case(
        saying(OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain"),
        "unknown",
        "broke off",
        may_have_run=True,
    ),
}


async def send(hub: Driven, n: int = 0) -> str:
    """Send an event; gives the path of its delivery to the bad one."""
    answer = await hub.api.post("/in/shop", json={"n": n})
    run_id = answer.json()["run_id"]
    await hub.until(f"/v1/runs/{run_id}", status="succeeded")
    (delivery,) = (await hub.get(f"/v1/deliveries?run_id={run_id}&destination=bad"))["items"]
    return f"/v1/deliveries/{delivery['id']}"


async def set_bad(hub: Driven, port: int, scheme: str = "http", **more: Any) -> None:
    """Name the destination that the cases are about."""
    url = f"{scheme}://127.0.0.1:{port}/hook"
    setting = {"url": url, "timeout_s": 0.3, "retry_schedule_s": [], "breaker": NEVER}
    await hub.put("/v1/destinations/bad", setting | more)


@pytest.mark.parametrize("name", CASES)
async def test_each_attempt_says_what_became_of_it_and_others_are_served(
    hub: Driven, good: Sink, name: str
) -> None:
    case, came = CASES[name], len(good.requests)
    async with serving(case.handler or hang) as server:
        port = server.port if case.handler else free_port()
        await set_bad(hub, port, case.scheme)
        path = await send(hub)
        await good.wait_for(came + 1, 2)
        delivery = await hub.until(path, status="dead")
    (attempt,) = delivery["attempts"]
    assert attempt["outcome"] == case.outcome
    assert attempt["status_code"] == case.status
    assert attempt["response_body"] == case.body
    assert case.says in attempt["message"]
    assert ("may have run" in attempt["message"]) == case.may_have_run
    assert attempt["duration_ms"] < 1000
    assert case.says in delivery["reason"]
    assert ("Gave up after 1 attempt." in delivery["reason"]) == (case.outcome != "refused")


async def test_a_204_with_a_body_behind_it_is_delivered_once(hub: Driven, good: Sink) -> None:
    answer = b"HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\ndone"
    async with serving(saying(answer)) as server:
        await set_bad(hub, server.port)
        delivery = await hub.until(await send(hub), status="delivered")
    assert [attempt["status_code"] for attempt in delivery["attempts"]] == [204]
    assert len(server.heads) == 1


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("{hub}/in/shop", "port {port} is the hub itself"),
        ("http://[::1]:{port}/in/shop", "port {port} is the hub itself"),
        ("http://169.254.169.254/latest/", "169.254.169.254 is not public (link-local)"),
        ("http://[::ffff:10.0.0.1]/", "carries 10.0.0.1 (IPv4-mapped)"),
    ],
)
async def test_an_address_that_is_not_allowed_is_refused_at_once_and_says_why(
    hub: Driven, good: Sink, url: str, says: str
) -> None:
    port = hub.base.rpartition(":")[2]
    await set_bad(hub, 1, url=url.format(hub=hub.base, port=port), allow_private=True)
    delivery = await hub.until(await send(hub), status="dead")
    assert says.format(port=port) in delivery["reason"]
    (attempt,) = delivery["attempts"]
    assert (attempt["outcome"], attempt["status_code"]) == ("refused", None)


async def test_what_breaks_off_again_and_again_is_sent_under_one_key(
    hub: Driven, good: Sink
) -> None:
    async with serving(reset) as server:
        await set_bad(hub, server.port, retry_schedule_s=[0, 0])
        delivery = await hub.until(await send(hub), status="dead")
    assert [attempt["n"] for attempt in delivery["attempts"]] == [1, 2, 3]
    assert {attempt["outcome"] for attempt in delivery["attempts"]} == {"unknown"}
    assert "Gave up after 3 attempts." in delivery["reason"]
    keys = [line for head in server.heads for line in head.split(b"\r\n") if b"-key:" in line]
    assert (len(keys), len(set(keys))) == (3, 1)


GIGABYTE = OK + b"Content-Length: 1073741824\r\n\r\n"
LARGE = {
    "a gigabyte": without_end(GIGABYTE, b"x" * MEGABYTE),
    "chunks without an end": without_end(
        OK + b"Transfer-Encoding: chunked\r\n\r\n", b"100000\r\n" + b"x" * MEGABYTE + b"\r\n"
    ),
    "a bomb of gzip": saying(OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n", bomb()),
}


@pytest.mark.parametrize("name", LARGE)
async def test_of_an_endless_answer_only_the_beginning_is_read(
    hub: Driven, good: Sink, name: str
) -> None:
    async with serving(LARGE[name]) as server:
        await set_bad(hub, server.port, timeout_s=5)
        tracemalloc.start()
        try:
            delivery = await hub.until(await send(hub), status="delivered")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 10 * MEGABYTE
    (attempt,) = delivery["attempts"]
    assert (attempt["outcome"], attempt["status_code"]) == ("delivered", 200)
    assert attempt["response_body"].endswith("(cut)")
    assert len(attempt["response_body"]) < 5000


async def test_small_packed_answers_are_read_whole(hub: Driven, good: Sink) -> None:
    packed = gzip.compress(b"thank you")
    head = OK + f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    async with serving(saying(head + packed)) as server:
        await set_bad(hub, server.port)
        delivery = await hub.until(await send(hub), status="delivered")
    assert delivery["attempts"][0]["response_body"] == "thank you"


async def test_a_destination_that_hangs_with_many_deliveries_leaves_room_for_the_others(
    hub: Driven, good: Sink
) -> None:
    came, began = len(good.requests), time.monotonic()
    async with serving(hang) as server:
        await set_bad(hub, server.port, timeout_s=8)
        await asyncio.gather(*(send(hub, n) for n in range(30)))
        await good.wait_for(came + 30, 8)
        assert time.monotonic() - began < 8
        assert server.most_open <= 6
    await until(lambda: is_at_rest(hub))  # the others fail fast now


async def is_at_rest(hub: Driven) -> bool:
    pages = [
        await hub.get(f"/v1/deliveries?status={status}&limit=1")
        for status in ("pending", "delivering", "retrying")
    ]
    return not any(page["items"] for page in pages)


async def test_a_destination_that_was_removed_makes_its_deliveries_dead_with_a_word(
    tmp_path: Path,
) -> None:
    async with embedded_hub(tmp_path) as own, open_sink() as sink:
        await own.put("/v1/stacks/shop", STACK)
        await own.put("/v1/sources/shop", {"verify": {"mode": "none"}})
        await own.put("/v1/destinations/good", {"url": sink.url})
        await set_bad(own, free_port(), retry_schedule_s=[0.3] * 10)
        path = await send(own)
        await own.until(path, status="retrying")
        assert (await own.api.delete("/v1/destinations/bad")).status_code == 204
        delivery = await own.until(path, status="dead")
        assert "no destination 'bad'" in delivery["reason"]
