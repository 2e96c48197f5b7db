"""Senders that are slow, stop in the middle or go away hold nothing up and leave nothing behind."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.web import protocol
from tests.faults.wire import Wire, ask, post
from tests.program import Driven, embedded_hub

LIMIT_S = 0.3
CHUNKED = b"POST /in/open HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n"
HALF = b"POST /in/open HTTP/1.1\r\nHost: hub\r\nContent-Length: 9\r\n\r\n" + b'{"a"'


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Driven]:
    """A hub that does not wait long for the rest of a body."""
    async with embedded_hub(tmp_path, body_timeout_s=LIMIT_S) as driven:
        await driven.put("/v1/sources/open", {"verify": {"mode": "none"}})
        yield driven


@pytest.fixture
def short_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """No long waits for heads either."""
    monkeypatch.setattr(protocol, "HEAD_S", LIMIT_S)


async def events(hub: Driven) -> list[dict[str, Any]]:
    """Everything that was recorded."""
    found: list[dict[str, Any]] = (await hub.get("/v1/events"))["items"]
    return found


async def drip(wire: Wire, part: bytes) -> None:
    """Send a little again and again, until the connection is closed."""
    while not wire.writer.is_closing():
        await wire.send(part)
        await asyncio.sleep(0.02)


async def test_a_body_that_stops_is_refused_in_time(hub: Driven) -> None:
    began = time.monotonic()
    answer = await ask(hub.base, HALF)
    assert answer is not None
    assert (answer.status, answer.problem["code"]) == (408, "body_timeout")
    assert "HUB_BODY_TIMEOUT_S" in answer.problem["message"]
    assert LIMIT_S <= time.monotonic() - began < 10 * LIMIT_S
    (event,) = await events(hub)
    assert event["fate"] == "rejected"
    assert event["reason"].startswith("body_timeout: ")


async def test_a_body_that_comes_in_drops_has_no_longer(hub: Driven) -> None:
    async with Wire(hub.base) as wire:
        await wire.send(CHUNKED)
        dripping = asyncio.create_task(drip(wire, b"1\r\n \r\n"))
        answer = await wire.answer()
        dripping.cancel()
    assert answer is not None
    assert (answer.status, answer.problem["code"]) == (408, "body_timeout")


@pytest.mark.usefixtures("short_heads")
async def test_a_head_that_stops_is_refused_in_time(hub: Driven) -> None:
    answer = await ask(hub.base, b"POST /in/open HTTP/1.1\r\nHost: hub\r\n")
    assert answer is not None
    assert (answer.status, answer.problem["code"]) == (408, "head_timeout")
    assert answer.headers["connection"] == "close"
    assert await events(hub) == []


@pytest.mark.usefixtures("short_heads")
async def test_a_head_that_comes_in_drops_has_no_longer(hub: Driven) -> None:
    async with Wire(hub.base) as wire:
        await wire.send(b"POST /in/open HTTP/1.1\r\n")
        dripping = asyncio.create_task(drip(wire, b"X-Drop: 1\r\n"))
        answer = await wire.answer()
        dripping.cancel()
    assert answer is not None
    assert (answer.status, answer.problem["code"]) == (408, "head_timeout")


@pytest.mark.usefixtures("short_heads")
@pytest.mark.parametrize("greeting", [b"", b"\r\n"], ids=["nothing", "an empty line"])
async def test_a_connection_that_asks_for_nothing_is_closed(hub: Driven, greeting: bytes) -> None:
    async with Wire(hub.base) as wire:
        await wire.send(greeting)
        assert await wire.is_closed()


@pytest.mark.usefixtures("short_heads")
async def test_the_rest_of_a_refused_body_is_not_waited_for_long(hub: Driven) -> None:
    async with Wire(hub.base) as wire:
        await wire.send(CHUNKED.replace(b"/in/open", b"/in/nobody"))
        answer = await wire.answer()
        assert answer is not None
        assert answer.problem["code"] == "source_unknown"
        dripping = asyncio.create_task(drip(wire, b"1\r\n \r\n"))
        assert await wire.is_closed()
        dripping.cancel()


async def test_a_sender_that_goes_away_leaves_nothing(hub: Driven) -> None:
    for part in (b"POST /in/op", HALF[:-4], HALF):
        async with Wire(hub.base) as wire:
            await wire.send(part)
        async with Wire(hub.base) as wire:
            await wire.send(part)
            wire.writer.transport.abort()
    answer = await ask(hub.base, post("/in/open", b'{"good":true}'))
    assert answer is not None
    assert [event["id"] for event in await events(hub)] == [answer.json["event_id"]]


async def test_slow_senders_hold_nobody_up(hub: Driven) -> None:
    slow = [Wire(hub.base) for _ in range(100)]
    for wire in slow:
        await wire.__aenter__()
        await wire.send(HALF)
    began = time.monotonic()
    answer = await ask(hub.base, post("/in/open", b'{"good":true}'))
    assert answer is not None
    assert answer.status == 202
    assert time.monotonic() - began < LIMIT_S
    for wire in slow:
        await wire.__aexit__()


async def test_a_connection_goes_on_after_a_refused_request(hub: Driven) -> None:
    refused = [
        post("/in/nobody", b"{}"),
        post("/in/open", b"{"),
        post("/in/open", b"{}", "Content-Encoding: gzip"),
        post("/in/open", b'"' + b"x" * 2_000_000 + b'"'),
        b"DELETE /in/open HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"".join([b"POST /in/open HTTP/1.1\r\nHost: hub\r\n", b"X-Many: 1\r\n" * 100, b"\r\n"]),
    ]
    async with Wire(hub.base) as wire:
        for request in refused:
            sending = asyncio.create_task(wire.send(request))
            answer = await wire.answer()
            await sending
            assert answer is not None
            assert answer.problem["code"]
            assert "connection" not in answer.headers
            await wire.send(post("/in/open", b'{"good":true}'))
            answer = await wire.answer()
            assert answer is not None
            assert answer.status == 202


async def test_a_connection_ends_after_what_cannot_be_read(hub: Driven) -> None:
    async with Wire(hub.base) as wire:
        await wire.send(post("/in/open", b'{"n":1}'))
        first = await wire.answer()
        assert first is not None
        assert first.status == 202
        await wire.send(b"\x00\x01\x02\r\n\r\n" + post("/in/open", b'{"n":2}'))
        answer = await wire.answer()
        assert answer is not None
        assert answer.problem["code"] == "request_broken"
        assert answer.headers["connection"] == "close"
        assert await wire.is_closed()
    assert len(await events(hub)) == 1


async def test_who_asks_before_sending_a_body_is_told_to_go_on_or_not(hub: Driven) -> None:
    request = post("/in/open", b'{"n":1}', "Expect: 100-continue")
    head, body = request[:-7], request[-7:]
    async with Wire(hub.base) as wire:
        await wire.send(head)
        assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await wire.send(body)
        answer = await wire.answer()
        assert answer is not None
        assert answer.status == 202
    answer = await ask(hub.base, head.replace(b"/in/open", b"/in/nobody"))
    assert answer is not None
    assert answer.status == 404
