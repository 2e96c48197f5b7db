"""Answers read piece by piece: as fast as they have to be, as large as they may be."""

import asyncio
import gzip
import time
import zlib
from dataclasses import replace

import pytest

from hub.errors import OutboundError
from hub.model.http import OutboundRequest
from hub.outbound.client import Client
from hub.outbound.guard import AddressPolicy
from hub.outbound.streaming import StreamLimits
from tests.outbound.proxy import open_proxy
from tests.outbound.servers import LOOPBACK, Exchange, Handler, Lookup, Serve, hang, polite, reset
from tests.outbound.test_client_hostile import memory_below

MIB = 1 << 20
SHORT_GZIP = gzip.compress(b"abc" * 99)[:-9]
LIMITS = StreamLimits(most_bytes=64 * MIB, total_s=10, first_s=2, idle_s=2)


def get(url: str) -> OutboundRequest:
    return OutboundRequest("GET", url, (), b"")


async def read(client: Client, url: str, limits: StreamLimits = LIMITS) -> bytes:
    async with client.stream(get(url), limits=limits) as answer:
        return b"".join([piece async for piece in answer.body])


async def failure(client: Client, url: str, limits: StreamLimits = LIMITS) -> OutboundError:
    with pytest.raises(OutboundError) as caught:
        await read(client, url, limits)
    return caught.value


def saying(head: str, *parts: bytes, pause_s: float = 0.0, ends: bool = True) -> Handler:
    """Says a head, the parts one after the other, and closes or falls silent."""

    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(f"HTTP/1.1 {head}\r\n\r\n".encode())
        for part in parts:
            await exchange.say(part)
            await asyncio.sleep(pause_s)
        if not ends:
            await asyncio.Event().wait()

    return handler


async def test_a_body_is_given_piece_by_piece_in_little_memory(
    serve: Serve, client: Client
) -> None:
    block = bytes(MIB)

    async def large(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (48 * MIB))
        for _ in range(48):
            await exchange.say(block)

    server = await serve(large)
    size = 0
    with memory_below(8 * MIB):
        async with client.stream(get(server.url), limits=LIMITS) as answer:
            assert (answer.status, answer.url) == (200, server.url)
            assert answer.headers.get("content-length") == str(48 * MIB)
            async for piece in answer.body:
                size += len(piece)
    assert size == 48 * MIB
    assert b"accept-encoding: identity" in server.heads[0].lower()


async def test_what_is_left_unread_costs_the_connection_and_nothing_more(
    serve: Serve, client: Client
) -> None:
    async def forever(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            await exchange.say(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nabc")

    server = await serve(forever)
    for _ in range(2):
        async with client.stream(get(server.url), limits=LIMITS) as answer:
            assert await anext(answer.body) == b"abc"
    assert server.connections == 2


async def test_what_the_reader_raises_is_not_taken_for_a_fault_of_the_answer(
    serve: Serve, client: Client
) -> None:
    server = await serve(polite)
    with pytest.raises(ValueError, match="mine"):
        async with client.stream(get(server.url), limits=LIMITS):
            raise ValueError("mine")
    assert await read(client, server.url) == b"ok"


async def test_a_body_that_stops_is_cut_after_the_idle_time(serve: Serve, client: Client) -> None:
    server = await serve(saying("200 OK\r\nContent-Length: 9", b"abc", ends=False))
    began = time.monotonic()
    error = await failure(client, server.url, replace(LIMITS, idle_s=0.2))
    assert (error.code, error.details["may_have_run"]) == ("answer_too_slow", True)
    assert "0.2 s (idle_s)" in error.message
    assert time.monotonic() - began < 1.5


async def test_a_body_that_dribbles_is_cut_though_it_never_stops(
    serve: Serve, client: Client
) -> None:
    server = await serve(saying("200 OK\r\nContent-Length: 999999", *[b"x"] * 500, pause_s=0.02))
    error = await failure(client, server.url, replace(LIMITS, idle_s=0.3, least_bytes=1000))
    assert error.code == "answer_too_slow"
    assert "of the next 1,000 bytes" in error.message


async def test_a_body_that_is_just_fast_enough_is_read_to_its_end(
    serve: Serve, client: Client
) -> None:
    server = await serve(saying("200 OK\r\nContent-Length: 3000", *[bytes(100)] * 30, pause_s=0.02))
    assert len(await read(client, server.url, replace(LIMITS, idle_s=0.5, least_bytes=400))) == 3000


async def test_a_slow_reader_is_no_fault_of_the_server(serve: Serve, client: Client) -> None:
    server = await serve(saying("200 OK\r\nContent-Length: 6", b"abc", b"def", pause_s=0.01))
    async with client.stream(get(server.url), limits=replace(LIMITS, idle_s=0.2)) as answer:
        assert (await anext(answer.body))[:3] == b"abc"
        await asyncio.sleep(0.4)
        rest = [piece async for piece in answer.body]
    assert b"".join(rest) in (b"def", b"")


async def test_the_whole_has_its_time_however_fast_it_comes(serve: Serve, client: Client) -> None:
    async def endless(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await exchange.say(bytes(1000))
            await asyncio.sleep(0.01)

    server = await serve(endless)
    error = await failure(client, server.url, replace(LIMITS, total_s=0.3))
    assert error.code == "timeout"
    assert "0.3 s (total_s)" in error.message


async def test_a_body_without_an_end_is_cut_where_it_is_too_large(
    serve: Serve, client: Client
) -> None:
    async def endless(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await exchange.say(bytes(65_536))

    server = await serve(endless)
    error = await failure(client, server.url, replace(LIMITS, most_bytes=MIB))
    assert error.code == "answer_too_large"
    assert "1,048,576 bytes" in error.message


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (hang, "timeout"),
        (reset, "answer_broken"),
        (saying("200 OK\r\nContent-Length: 9", b"abc"), "answer_broken"),
        (saying("200 OK\r\nTransfer-Encoding: chunked", b"3\r\nabc\r\n"), "answer_broken"),
        (saying("200 OK\r\nTransfer-Encoding: chunked", b"zz\r\nabc\r\n"), "answer_broken"),
        (saying("200 OK\r\nContent-Length: 3", b"abcdefghi"), "answer_broken"),
        (saying("101 Switching\r\nUpgrade: x\r\nConnection: upgrade"), "answer_broken"),
        (saying(f"200 OK\r\nX-Large: {'x' * 100_000}"), "answer_broken"),
        (saying("200 OK" + "".join(f"\r\nX-{n}: 1" for n in range(5000))), "answer_broken"),
        (saying("200 OK\r\nContent-Encoding: br", b"abc"), "encoding_unknown"),
        (saying("200 OK\r\nContent-Encoding: gzip", b"no gzip at all"), "answer_broken"),
        (saying("200 OK\r\nContent-Encoding: gzip", SHORT_GZIP), "answer_broken"),
    ],
)  # fmt: skip
async def test_an_answer_that_is_broken_is_told_with_its_code(
    handler: Handler, code: str, serve: Serve, client: Client
) -> None:
    server = await serve(handler)
    error = await failure(client, server.url, replace(LIMITS, first_s=0.3))
    assert error.code == code, error.message


async def test_what_is_packed_all_the_same_is_unpacked_member_by_member(
    serve: Serve, client: Client
) -> None:
    packed = gzip.compress(b"first,") + gzip.compress(b"second") + bytes(10)
    parts = [packed[n : n + 7] for n in range(0, len(packed), 7)]
    server = await serve(saying("200 OK\r\nContent-Encoding: gzip", *parts, pause_s=0.001))
    assert await read(client, server.url) == b"first,second"


async def test_data_that_are_packed_tightly_are_unpacked_whole(
    serve: Serve, client: Client
) -> None:
    data = b"1,2,3\n" * (5 * MIB // 6)
    server = await serve(saying("200 OK\r\nContent-Encoding: gzip", gzip.compress(data)))
    assert await read(client, server.url) == data


@pytest.mark.parametrize("most_bytes", [MIB, 1 << 40])
async def test_a_bomb_is_cut_by_its_size_or_by_how_it_grows(
    most_bytes: int, serve: Serve, client: Client
) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(MIB)) for _ in range(100)) + packer.flush()
    server = await serve(saying("200 OK\r\nContent-Encoding: gzip", bomb))
    read_bytes = 0

    async def count() -> None:
        nonlocal read_bytes
        limits = replace(LIMITS, most_bytes=most_bytes)
        async with client.stream(get(server.url), limits=limits) as answer:
            async for piece in answer.body:
                read_bytes += len(piece)

    with memory_below(8 * MIB), pytest.raises(OutboundError) as caught:
        await count()
    assert caught.value.code == ("answer_too_large" if most_bytes == MIB else "answer_expands")
    assert read_bytes <= 25 * MIB


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "http://169.254.169.254/", "http://10.0.0.1/", "http://[::1]/"]
)
async def test_private_addresses_are_refused(url: str, strict: Client) -> None:
    assert (await failure(strict, url)).code == "address_refused"


async def test_it_goes_through_the_proxy_as_everything_does(serve: Serve) -> None:
    server = await serve()
    async with (
        open_proxy() as proxy,
        Client(AddressPolicy(), lookup=Lookup(["93.184.215.14"]), proxy=proxy.url) as client,
    ):
        assert await read(client, f"http://data.example:{server.port}/a") == b"ok"
        inside = await failure(client, "http://10.0.0.1/")
    assert proxy.asked == [f"GET http://data.example:{server.port}/a HTTP/1.1"]
    assert inside.code == "address_refused"


async def test_a_proxy_that_lets_nobody_in_is_named(serve: Serve) -> None:
    server = await serve(saying("407 No\r\nContent-Length: 0"))
    policy = AddressPolicy(allow=LOOPBACK)
    async with Client(policy, proxy=server.url) as client:
        error = await failure(client, "http://127.0.0.1:9/")
    assert "HUB_OUTBOUND_PROXY" in error.message


async def test_a_client_is_well_after_it_was_cut(serve: Serve, client: Client) -> None:
    slow = await serve(saying("200 OK\r\nContent-Length: 9", b"abc", ends=False))
    for _ in range(3):
        await failure(client, slow.url, replace(LIMITS, idle_s=0.05))
    server = await serve(polite)
    assert await read(client, server.url) == b"ok"
