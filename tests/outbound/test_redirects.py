"""Redirects are followed where data are fetched, and every hop is checked as the first one is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.errors import OutboundError
from hub.model.destination import Tls
from hub.model.http import OutboundRequest, Pairs
from hub.outbound.client import Client
from hub.outbound.guard import AddressPolicy
from hub.outbound.redirects import following
from hub.outbound.streaming import StreamLimits
from tests.outbound.certificates import authority
from tests.outbound.datasets import fields_of
from tests.outbound.servers import LOOPBACK, Exchange, Handler, Lookup, Serve, polite

LIMITS = StreamLimits(most_bytes=1 << 20, total_s=5, first_s=2, idle_s=2)
SECRET: Pairs = (
    ("authorization", "Bearer s"),
    ("x-api-key", "s"),
    ("cookie", "s=1"),
    ("accept", "text/csv"),
    ("range", "bytes=3-"),
)


def leading(where: Callable[[int], str], status: str = "302 Found") -> Handler:
    """Leads each request on, by the number of the requests before it."""

    async def handler(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            location = where(len(exchange.heads) - 1)
            await exchange.answer(b"over there", f"Location: {location}", status=status)

    return handler


async def read(client: Client, url: str, headers: Pairs = (), **more: bool) -> tuple[str, bytes]:
    request = OutboundRequest("GET", url, headers, b"")
    async with following(client, request, limits=LIMITS, **more) as answer:
        return answer.url, b"".join([piece async for piece in answer.body])


async def refused(client: Client, url: str, **more: bool) -> OutboundError:
    with pytest.raises(OutboundError) as caught:
        await read(client, url, **more)
    return caught.value


@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
async def test_a_redirect_is_followed_to_where_it_leads(
    status: str, serve: Serve, client: Client
) -> None:
    target = await serve(polite)
    server = await serve(leading(lambda _: f"{target.url}a%20b?x=1#part", status))
    assert await read(client, server.url) == (f"{target.url}a%20b?x=1", b"ok")
    assert target.heads[0].startswith(b"GET /a%20b?x=1 HTTP/1.1\r\n")


async def test_a_location_may_be_relative_and_badly_written(serve: Serve, client: Client) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.answer(b"", "Location: ../data/über & all.csv", status="302 Found")
        await exchange.request()
        await exchange.answer(b"a,b")

    server = await serve(handler)
    url, body = await read(client, f"{server.url}x/y")
    assert (url, body) == (f"{server.url}data/%C3%BCber%20&%20all.csv", b"a,b")


async def test_five_redirects_are_followed_and_no_sixth(serve: Serve, client: Client) -> None:
    target = await serve(polite)
    five = await serve(leading(lambda n: f"/{n}" if n < 4 else target.url))
    assert (await read(client, five.url))[1] == b"ok"
    loop = await serve(leading(lambda _: "/again"))
    error = await refused(client, loop.url)
    assert error.code == "redirect_refused"
    assert "5 redirects are followed at most" in error.message
    assert len(loop.heads) == 6


@pytest.mark.parametrize(
    "inside",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:{port}/",
        "http://10.0.0.1/",
        "http://[::1]:{port}/",
        "//192.168.0.1/",
        "http://inside.example:{port}/",
        "http://0x7f000001/",
        "file:///etc/passwd",
        "http://ada:pw@data.example/",
    ],
)
async def test_a_redirect_inside_is_refused_though_the_first_address_was_allowed(
    inside: str, serve: Serve
) -> None:
    target = await serve(polite)
    server = await serve(leading(lambda _: inside.format(port=target.port)))
    lookup = Lookup(["127.0.0.1"])
    async with Client(AddressPolicy(), lookup=lookup) as client:
        error = await refused(client, f"http://data.example:{server.port}/", allow_private=True)
    assert error.code in ("address_refused", "url_invalid", "redirect_refused")
    assert len(server.heads) == 1
    assert target.connections == 0


async def test_what_opens_private_addresses_holds_on_the_host_that_was_named(serve: Serve) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.answer(b"", "Location: /there", status="302 Found")
        await exchange.request()
        await exchange.answer(b"ok")

    server = await serve(handler)
    async with Client(AddressPolicy(), lookup=Lookup(["127.0.0.1"])) as client:
        url = f"http://data.example:{server.port}/"
        assert await read(client, url, allow_private=True) == (f"{url}there", b"ok")


async def test_nothing_that_may_be_secret_goes_to_another_host(
    serve: Serve, client: Client
) -> None:
    target = await serve(polite)
    server = await serve(leading(lambda n: "/own" if n == 0 else target.url))
    await read(client, server.url, SECRET)
    first, second = (fields_of(head) for head in server.heads)
    assert first.get("authorization") == second.get("authorization") == "Bearer s"
    assert second.get("x-api-key") == "s"
    there = fields_of(target.heads[0])
    assert (there.get("accept"), there.get("range")) == ("text/csv", "bytes=3-")
    assert not {"authorization", "x-api-key", "cookie"} & set(there)


async def test_https_never_leads_to_http(serve: Serve, tmp_path: Path) -> None:
    ours = authority()
    plain = await serve(polite)
    server = await serve(leading(lambda _: plain.url), tls=ours.context(tmp_path))
    async with Client(AddressPolicy(allow=LOOPBACK)) as client:
        request = OutboundRequest("GET", server.url.replace("http:", "https:"), (), b"")
        with pytest.raises(OutboundError) as caught:
            async with following(client, request, limits=LIMITS, tls=Tls(ca=ours.certificate)):
                pass
    assert caught.value.code == "redirect_refused"
    assert "from https" in caught.value.message
    assert plain.connections == 0


async def test_a_redirect_to_nowhere_is_told(serve: Serve, client: Client) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.answer(b"", status="302 Found")

    server = await serve(handler)
    error = await refused(client, server.url)
    assert error.code == "redirect_refused"
    assert "answers 302 and says no Location" in error.message
