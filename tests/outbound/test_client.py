"""What the client sends and how it reads a well-formed answer."""

import asyncio
import gzip
import re
import time

import pytest

from hub.errors import OutboundError
from hub.model.http import OutboundRequest
from hub.outbound.client import USER_AGENT, Client
from hub.outbound.guard import AddressPolicy
from tests.outbound.servers import LOOPBACK, Exchange, Serve

TIMEOUT_S = 5.0


def get(url: str) -> OutboundRequest:
    return OutboundRequest("GET", url, (), b"")


def post(url: str, body: bytes = b"{}", *fields: tuple[str, str]) -> OutboundRequest:
    return OutboundRequest("POST", url, fields, body)


async def test_what_is_sent_is_what_was_asked_and_nothing_more(
    serve: Serve, client: Client
) -> None:
    server = await serve()
    fields = (("Content-Type", "application/json"), ("X-Make-Apikey", "k"))
    await client.send(
        post(server.url + "a%20b?c=d&e=%2B#f", b'{"a":1}', *fields), timeout_s=TIMEOUT_S
    )
    line, *rest = server.heads[0].decode().strip().split("\r\n")
    sent = dict(pair.lower().split(": ", 1) for pair in rest)
    assert line == "POST /a%20b?c=d&e=%2B HTTP/1.1"
    assert sent == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "*/*",
        "accept-encoding": "gzip",
        "user-agent": USER_AGENT.lower(),
        "content-type": "application/json",
        "content-length": "7",
        "x-make-apikey": "k",
    }


async def test_a_body_arrives_byte_by_byte_as_it_was_given(serve: Serve, client: Client) -> None:
    bodies = []

    async def keep(exchange: Exchange) -> None:
        bodies.append(await exchange.request())
        await exchange.answer()

    server = await serve(keep)
    body = bytes(range(256)) * 4096
    await client.send(post(server.url, body), timeout_s=TIMEOUT_S)
    assert bodies == [body]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_sent_too(method: str, serve: Serve, client: Client) -> None:
    async def bodiless(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n")

    server = await serve(bodiless)
    answer = await client.send(OutboundRequest(method, server.url, (), b""), timeout_s=TIMEOUT_S)
    assert (answer.status, answer.body, answer.truncated) == (204, b"", False)
    assert server.heads[0].startswith(method.encode() + b" / HTTP/1.1\r\n")


async def test_an_answer_is_returned_whatever_its_status(serve: Serve, client: Client) -> None:
    async def refuse(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.answer(
            b"full", "Retry-After: 7", "X-Twice: a", "X-Twice: b", status="429 No"
        )

    server = await serve(refuse)
    answer = await client.send(post(server.url), timeout_s=TIMEOUT_S)
    assert (answer.status, answer.body) == (429, b"full")
    assert answer.headers.get("retry-after") == "7"
    assert answer.headers.all("x-twice") == ["a", "b"]
    assert 0 <= answer.duration_ms < 1000


async def test_a_chunked_answer_is_put_together(serve: Serve, client: Client) -> None:
    async def chunked(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await exchange.say(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    server = await serve(chunked)
    assert (await client.send(get(server.url), timeout_s=TIMEOUT_S)).body == b"abcde"


async def test_a_gzip_answer_is_unpacked(serve: Serve, client: Client) -> None:
    async def packed(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.answer(gzip.compress(b"hello" * 1000), "Content-Encoding: gzip")

    server = await serve(packed)
    answer = await client.send(get(server.url), timeout_s=TIMEOUT_S)
    assert (answer.body, answer.truncated) == (b"hello" * 1000, False)


async def test_an_answer_of_exactly_the_cap_is_whole_and_one_byte_more_is_not(
    serve: Serve, client: Client
) -> None:
    async def ten_bytes(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            await exchange.answer(b"0123456789")

    server = await serve(ten_bytes)
    for cap_bytes, body, truncated in ((10, b"0123456789", False), (9, b"012345678", True)):
        answer = await client.send(get(server.url), timeout_s=TIMEOUT_S, cap_bytes=cap_bytes)
        assert (answer.body, answer.truncated) == (body, truncated)


async def test_connections_are_kept_and_used_again(serve: Serve, client: Client) -> None:
    server = await serve()
    for _ in range(10):
        await client.send(post(server.url), timeout_s=TIMEOUT_S)
    assert (server.connections, len(server.heads)) == (1, 10)


async def test_the_number_of_connections_is_bounded(serve: Serve) -> None:
    server = await serve()
    async with Client(AddressPolicy(allow=LOOPBACK), connections=3) as few:
        await asyncio.gather(*(few.send(post(server.url), timeout_s=TIMEOUT_S) for _ in range(30)))
    assert server.most_open <= 3
    assert len(server.heads) == 30


async def test_no_cookie_is_kept(serve: Serve, client: Client) -> None:
    async def baker(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            await exchange.answer(b"", "Set-Cookie: a=b; Path=/")

    server = await serve(baker)
    await client.send(get(server.url), timeout_s=TIMEOUT_S)
    await client.send(get(server.url), timeout_s=TIMEOUT_S)
    assert b"cookie" not in server.heads[1].lower()


async def test_the_environments_proxy_is_not_asked(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = await serve(), await serve()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with Client(AddressPolicy(allow=LOOPBACK)) as client:
        await client.send(get(server.url), timeout_s=TIMEOUT_S)
    assert (proxy.connections, server.connections) == (0, 1)


async def test_a_users_user_agent_replaces_the_hubs(serve: Serve, client: Client) -> None:
    server = await serve()
    await client.send(post(server.url, b"", ("user-agent", "mine")), timeout_s=TIMEOUT_S)
    assert server.heads[0].lower().count(b"user-agent:") == 1
    assert b"mine" in server.heads[0]


def test_the_user_agent_names_the_hub_and_does_not_look_like_a_bot() -> None:
    assert re.match(r"hub/\d+\.\d+", USER_AGENT)
    # The shapes by which lists of bots know a bare product token, and words they look for.
    bare = re.compile(r"[\w .\-():%?]+(/v?\d+(\.\d+)*)?(,|$)")
    words = re.compile(r"bot|http|crawl|spider|server|node|java|python|url|tools|@|\.com|feed")
    assert not bare.match(USER_AGENT)
    assert not words.search(USER_AGENT.lower())


@pytest.mark.parametrize("field", [("host", "x"), ("x-a", "b\r\nhost: c"), ("content-length", "0")])
async def test_a_forbidden_field_is_refused_before_anything_is_sent(
    field: tuple[str, str], serve: Serve, client: Client
) -> None:
    server = await serve()
    with pytest.raises(OutboundError) as caught:
        await client.send(post(server.url, b"", field), timeout_s=TIMEOUT_S)
    assert caught.value.code == "request_invalid"
    assert caught.value.details == {"may_have_run": False}
    assert server.connections == 0


async def test_a_pooled_connection_that_was_closed_meanwhile_is_not_used(
    serve: Serve, client: Client
) -> None:
    async def once(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.answer()

    server = await serve(once)
    for _ in range(3):
        await client.send(post(server.url), timeout_s=TIMEOUT_S)
        while server.open:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.01)
    assert server.connections == 3


async def test_opening_a_client_is_quick() -> None:
    started = time.perf_counter()
    async with Client(AddressPolicy()):
        pass
    assert time.perf_counter() - started < 1
