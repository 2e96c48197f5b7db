"""What a hostile side says is read to the letter of HTTP or called broken: in time and memory."""

import asyncio
import gzip
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import pytest

from hub.errors import OutboundError
from hub.model.http import OutboundRequest, OutboundResponse
from hub.outbound.client import Client
from tests.outbound.servers import Exchange, Handler, Serve

Pieces: TypeAlias = Callable[[bytes], Handler]
MEGABYTE = 1 << 20
OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PACKED = OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n"


async def send(client: Client, url: str, timeout_s: float = 5.0) -> OutboundResponse:
    request = OutboundRequest("POST", url, (("content-type", "text/plain"),), b"hello")
    return await client.send(request, timeout_s=timeout_s)


async def broken(client: Client, url: str) -> str:
    """Why the answer is called broken; it is told at once, and it may have run."""
    began = time.perf_counter()
    with pytest.raises(OutboundError) as caught:
        await send(client, url)
    assert (caught.value.code, caught.value.details) == ("answer_broken", {"may_have_run": True})
    assert time.perf_counter() - began < 2
    start, _, why = caught.value.message.partition(": ")
    assert start == "The answer broke off or is no HTTP"
    assert why.isprintable()
    assert len(why) <= 301
    assert why.endswith((".", "!", "?"))
    return why


@contextmanager
def memory_below(most: int) -> Iterator[None]:
    """At its fullest it takes no more than so many bytes, those of the server among them."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most


def at_once(answer: bytes) -> Handler:
    """Says this in one go to each request, and keeps the connection."""

    async def handler(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            await exchange.say(answer)

    return handler


def in_two(answer: bytes) -> Handler:
    """The same, with the body in a packet of its own that comes once the head is read."""
    head, _, body = answer.partition(b"\r\n\r\n")

    async def handler(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            await exchange.say(head + b"\r\n\r\n")
            await turns()
            await exchange.say(body)

    return handler


def endless(head: bytes, part: bytes) -> Handler:
    """Reads a request, says the head, and then the part again and again."""

    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(head)
        while True:
            await exchange.say(part)
            await asyncio.sleep(0)

    return handler


UNREADABLE = {
    "a status of one digit": (b"HTTP/1.1 0 Zero\r\n" + EMPTY, "Invalid status code"),
    "a status of zeros": (b"HTTP/1.1 000 Zero\r\n" + EMPTY, "a status of 0 answers nothing"),
    "a status below 100": (b"HTTP/1.1 099 No\r\n" + EMPTY, "a status of 99 answers nothing"),
    "a switch of protocols": (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxx",
        "a status of 101 answers nothing",
    ),
    "a status of four digits": (b"HTTP/1.1 1000 No\r\n" + EMPTY, "Invalid response status"),
    "a negative status": (b"HTTP/1.1 -200 OK\r\n" + EMPTY, "Invalid status code"),
    "a status with a letter": (b"HTTP/1.1 2x0 OK\r\n" + EMPTY, "Invalid status code"),
    "a status in wide digits": (
        "HTTP/1.1 \uff12\uff10\uff10 OK\r\n".encode() + EMPTY,
        "Invalid status code",
    ),
    "no status": (b"HTTP/1.1\r\n" + EMPTY, "Expected space after version"),
    "no head": (b"<html>It works!</html>", "Expected HTTP/"),
    "frames of HTTP/2": (b"\x00\x00\x12\x04" + bytes(23), "Expected HTTP/"),
    "a status line of 9 KB": (
        b"HTTP/1.1 200 " + b"x" * 9000 + b"\r\n" + EMPTY,
        "Got more than 8190 bytes",
    ),
    "a field of 9 KB": (OK + b"X: " + b"x" * 9000 + b"\r\n" + EMPTY, "Got more than 8190 bytes"),
    "129 fields": (OK + b"X: x\r\n" * 129 + EMPTY, "Too many headers"),
    "a field without a colon": (OK + b"nonsense\r\n" + EMPTY, "Invalid header token"),
    "a field with NUL": (OK + b"X: a\0b\r\n" + EMPTY, "Invalid HTTP header"),
    "a field with a bare return": (OK + b"X: a\rSet-Cookie: b\r\n" + EMPTY, "Missing expected LF"),
    "a length with a sign": (OK + b"Content-Length: +3\r\n\r\nabc", "in Content-Length"),
    "a negative length": (OK + b"Content-Length: -3\r\n\r\nabc", "in Content-Length"),
    "a length in hex": (OK + b"Content-Length: 0x3\r\n\r\nabc", "in Content-Length"),
    "a list of lengths": (OK + b"Content-Length: 3, 3\r\n\r\nabc", "in Content-Length"),
    "no length": (OK + b"Content-Length: \r\n\r\nabc", "Empty Content-Length"),
    "a length without end": (OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", "overflow"),
    "two equal lengths": (
        OK + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "Duplicate Content-Length",
    ),
    "a length and chunks": (
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "can't be present with Content-Length",
    ),
    "a negative chunk": (CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n", "in chunk size"),
    "a chunk's size with 0x": (CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n", "in chunk size"),
    "a chunk's size with _": (CHUNKED + b"1_0\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n", "in chunk size"),
    "a chunk's size over 64 bits": (CHUNKED + b"f" * 20 + b"\r\nabc", "Chunk size overflow"),
    "a chunk longer than it says": (CHUNKED + b"3\r\nabcdef0\r\n\r\n", "after chunk data"),
    "a second chunk that breaks": (CHUNKED + b"1\r\na\r\nzz\r\n", "in chunk size"),
    "129 fields behind the chunks": (CHUNKED + b"0\r\n" + b"X: x\r\n" * 129, "Too many headers"),
}


@pytest.mark.parametrize("pieces", [at_once, in_two])
@pytest.mark.parametrize("kind", UNREADABLE)
async def test_what_cannot_be_read_is_broken_at_once_however_it_comes_in(
    kind: str, pieces: Pieces, serve: Serve, client: Client
) -> None:
    """Although the other side keeps the connection: nobody waits for the time to be over."""
    answer, says = UNREADABLE[kind]
    server = await serve(pieces(answer))
    assert says in await broken(client, server.url)


READABLE = {
    "a status that nobody knows": (b"HTTP/1.1 999 No\r\n" + EMPTY, 999, b""),
    "a status without a reason": (b"HTTP/1.1 200\r\n" + EMPTY, 200, b""),
    "an answer after early hints": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3 + OK + b"Content-Length: 2\r\n\r\nok",
        200,
        b"ok",
    ),
    "204 with a body": (b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\nhello", 204, b""),
    "204 with chunks": (
        b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        204,
        b"",
    ),
    "304 with a body": (b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\nhello", 304, b""),
    "fields behind the chunks": (CHUNKED + b"2\r\nok\r\n0\r\nX-Evil: 1\r\n\r\n", 200, b"ok"),
    "chunks with notes": (CHUNKED + b"2;a=b\r\nok\r\n0;c\r\n\r\n", 200, b"ok"),
    "a packing that was not asked for": (
        OK + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\nok",
        200,
        b"ok",
    ),
    "a charset of nonsense": (
        OK + b"Content-Type: text/plain; charset=\xff\r\nContent-Length: 2\r\n\r\nok",
        200,
        b"ok",
    ),
}


@pytest.mark.parametrize("pieces", [at_once, in_two])
@pytest.mark.parametrize("kind", READABLE)
async def test_what_is_odd_but_clear_is_an_answer_and_nothing_of_it_reaches_the_next(
    kind: str, pieces: Pieces, serve: Serve, client: Client
) -> None:
    answer, status, body = READABLE[kind]
    server = await serve(pieces(answer))
    for _ in range(2):
        found = await send(client, server.url)
        assert (found.status, found.body, found.truncated) == (status, body, False)


@pytest.mark.parametrize("is_late", [True, False])
async def test_an_answer_that_nobody_asked_for_is_not_the_next_ones(
    is_late: bool, serve: Serve, client: Client
) -> None:
    said = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b"HTTP/1.1 204 No\r\n\r\n" + (b"" if is_late else FORGED))
        if is_late:
            await turns()
            await exchange.say(FORGED)
        said.set()
        await exchange.request()

    server = await serve(handler)
    for n in range(1, 4):
        said.clear()
        assert (await send(client, server.url)).status == 204
        await said.wait()
        await turns()
        assert (server.connections, len(server.heads)) == (n, n)


FORGED = b"HTTP/1.1 500 No\r\n" + EMPTY


async def turns() -> None:
    """Let the loop turn until what was said is heard."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_folded_and_spaced_fields_are_one_field_each(serve: Serve, client: Client) -> None:
    head = OK + b"X-A: b\r\n  Content-Length: 9\r\nX-B: \xff\r\nContent-Length: 0\r\n\r\n"
    found = await send(client, (await serve(at_once(head))).url)
    assert (found.headers.get("content-length"), found.body) == ("0", b"")
    assert "\n" not in str(found.headers.get("x-a"))


STAGES = {
    "when it is connected": b"",
    "inside the status line": b"HTTP/1.1 20",
    "inside the head": OK + b"Set-Cookie: secret=1\r\nX-A",
    "before the body": OK + b"Content-Length: 9\r\n\r\n",
    "inside the body": OK + b"Content-Length: 9\r\n\r\nabc",
    "inside a chunk": CHUNKED + b"9\r\nabc",
    "between chunks": CHUNKED + b"3\r\nabc\r\n",
    "before the last chunk's end": CHUNKED + b"3\r\nabc\r\n0\r\n",
}


@pytest.mark.parametrize("is_reset", [True, False], ids=["reset", "closed"])
@pytest.mark.parametrize("stage", STAGES)
async def test_a_connection_that_ends_at_any_stage_is_a_broken_answer(
    stage: str, is_reset: bool, serve: Serve, client: Client
) -> None:
    async def handler(exchange: Exchange) -> None:
        if STAGES[stage]:
            await exchange.request()
            await exchange.say(STAGES[stage])
            await turns()
        if is_reset:
            exchange.writer.transport.abort()

    why = await broken(client, (await serve(handler)).url)
    assert "secret" not in why
    assert "Message" not in why


FLOODS = {
    "promises to go on": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    "promises to process": (b"", b"HTTP/1.1 102 Processing\r\nX: y\r\n\r\n" * 500),
    "notes on a chunk": (CHUNKED + b"3;", b"x" * 65_536),
}


@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_that_is_no_answer_ends_with_the_time_and_takes_no_memory(
    kind: str, serve: Serve, client: Client
) -> None:
    server = await serve(endless(*FLOODS[kind]))
    began = time.perf_counter()
    with memory_below(4 * MEGABYTE), pytest.raises(OutboundError) as caught:
        await send(client, server.url, 0.2)
    assert time.perf_counter() - began < 1.5
    assert (caught.value.code, caught.value.details) == ("timeout", {"may_have_run": True})
    assert caught.value.message == "There was no complete answer within 0.2 s."


HEADS = {
    "a status line": (b"HTTP/1.1 200 ", b"x" * 65_536, "Got more than 8190 bytes"),
    "a field": (OK + b"X: ", b"x" * 65_536, "Got more than 8190 bytes"),
    "fields": (OK, b"X: x\r\n" * 1000, "Too many headers"),
    "large fields": (OK, b"X: " + b"x" * 8000 + b"\r\n", "Too many headers"),
    "fields behind the chunks": (CHUNKED + b"0\r\n", b"X: x\r\n" * 1000, "Too many headers"),
}


@pytest.mark.parametrize("kind", HEADS)
async def test_a_head_without_an_end_is_left_after_a_megabyte(
    kind: str, serve: Serve, client: Client
) -> None:
    head, part, says = HEADS[kind]
    server = await serve(endless(head, part))
    with memory_below(8 * MEGABYTE):
        assert says in await broken(client, server.url)


def twice(body: bytes) -> bytes:
    return gzip.compress(gzip.compress(body))


NESTED = gzip.compress(gzip.compress(bytes(50 * MEGABYTE)))
EMPTY_MEMBER = gzip.compress(b"")
BOMBS = {
    "one inside another": (PACKED + NESTED, b"", b"\x1f\x8b", False),
    "one that says so": (PACKED.replace(b"gzip", b"gzip, gzip") + NESTED, b"", b"\x1f\x8b", False),
    "one packed as zlib does": (
        PACKED.replace(b"gzip", b"deflate") + zlib.compress(bytes(MEGABYTE)),
        b"",
        b"x\x9c",
        False,
    ),
    "many members": (PACKED + gzip.compress(b"a") * 2000, b"", b"a", True),
    "empty members without end": (PACKED, EMPTY_MEMBER * 1000, b"", True),
}


@pytest.mark.parametrize("kind", BOMBS)
async def test_a_bomb_is_unpacked_once_and_up_to_the_cap(
    kind: str, serve: Serve, client: Client
) -> None:
    head, part, start, truncated = BOMBS[kind]

    async def closing(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(head)

    server = await serve(endless(head, part) if part else closing)
    began = time.perf_counter()
    with memory_below(4 * MEGABYTE):
        found = await send(client, server.url)
    assert time.perf_counter() - began < 2
    assert (found.body[:2], found.truncated) == (start, truncated)
    assert len(found.body) <= 65_536


@pytest.mark.parametrize(
    "target",
    [
        *("http://169.254.169.254/latest/meta-data/", "http://[::1]/", "http://[fd00:ec2::254]/"),
        *("file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL", "//127.0.0.1/", "/"),
        *("http://[", "", "http://a@127.0.0.1/", "\\\\evil\\share", "javascript:alert(1)"),
    ],
)
async def test_no_redirect_is_followed_whatever_it_names(
    target: str, serve: Serve, client: Client
) -> None:
    for status in (300, 301, 302, 303, 305, 307, 308):
        head = f"HTTP/1.1 {status} Go\r\nLocation: {target}\r\nRefresh: 0; url={target}\r\n"
        server = await serve(at_once(head.encode() + EMPTY))
        found = await send(client, server.url)
        assert (found.status, found.headers.get("location")) == (status, target)
        assert (server.connections, len(server.heads)) == (1, 1)
