"""No spelling, name, redirect or pooled connection leads to an address that is not allowed."""

import asyncio
import json
import socket
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp.abc import ResolveResult

from hub.errors import OutboundError
from hub.model.http import OutboundRequest, OutboundResponse
from hub.outbound.client import Client
from hub.outbound.guard import AddressPolicy
from tests.outbound.servers import LOOPBACK, Exchange, Lookup, Serve

URLS = json.loads((Path(__file__).parent / "addresses.json").read_text())["urls"]
PUBLIC = "93.184.216.34"


async def send(client: Client, url: str, *, allow_private: bool = False) -> OutboundResponse:
    request = OutboundRequest("POST", url, (), b"hello")
    return await client.send(request, timeout_s=2.0, allow_private=allow_private)


async def code_of(client: Client, url: str, *, allow_private: bool = False) -> str:
    with pytest.raises(OutboundError) as caught:
        await send(client, url, allow_private=allow_private)
    assert caught.value.details == {"may_have_run": False}
    return caught.value.code


async def test_every_odd_spelling_is_stopped_before_a_connection() -> None:
    async with Client(AddressPolicy(), lookup=Lookup(["127.0.0.1"])) as client:
        codes = {url: await code_of(client, url) for url in URLS["url_invalid"] + URLS["refused"]}
    assert {url for url, code in codes.items() if code == "url_invalid"} == set(URLS["url_invalid"])
    assert {url for url, code in codes.items() if code == "address_refused"} == set(URLS["refused"])


async def test_a_literal_is_refused_although_it_never_meets_the_resolver(
    serve: Serve, strict: Client
) -> None:
    server = await serve()
    assert await code_of(strict, server.url) == "address_refused"
    assert await code_of(strict, f"http://[::ffff:127.0.0.1]:{server.port}/") == "address_refused"
    assert server.connections == 0


async def test_the_refusal_names_the_address_and_the_way_out(strict: Client) -> None:
    with pytest.raises(OutboundError, match=r"127\.0\.0\.1 .*loopback.*allow_private"):
        await send(strict, "http://127.0.0.1:1/")


async def test_a_name_with_a_public_and_a_private_address_is_refused(serve: Serve) -> None:
    server = await serve()
    for addresses in ([PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [PUBLIC, "::1"]):
        async with Client(AddressPolicy(), lookup=Lookup(addresses)) as client:
            url = f"http://mixed.example:{server.port}/"
            assert await code_of(client, url) == "address_refused"
    assert server.connections == 0


async def test_the_connection_goes_to_the_address_that_was_checked(serve: Serve) -> None:
    server = await serve()
    lookup = Lookup(["127.0.0.1"], ["10.0.0.1"])
    async with Client(AddressPolicy(allow=LOOPBACK), lookup=lookup) as client:
        await send(client, f"http://hook.example:{server.port}/x")
    assert lookup.asked == ["hook.example"]
    assert f"Host: hook.example:{server.port}\r\n".encode() in server.heads[0]


async def test_a_name_that_turns_private_is_refused_at_the_next_connection(serve: Serve) -> None:
    async def once(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.answer(b"", "Connection: close")

    server = await serve(once)
    first_only = AddressPolicy(allow=(ip_network("127.0.0.1/32"),))
    async with Client(first_only, lookup=Lookup(["127.0.0.1"], ["127.0.0.2"])) as client:
        url = f"http://rebinding.example:{server.port}/"
        assert (await send(client, url)).status == 200
        assert await code_of(client, url) == "address_refused"
    assert server.connections == 1


async def test_a_redirect_is_an_answer_and_is_not_followed(serve: Serve, client: Client) -> None:
    inner = await serve()
    targets = ["http://169.254.169.254/latest/", inner.url, "/elsewhere", "//[::1]/"]

    async def redirect(exchange: Exchange) -> None:
        for target in targets:
            await exchange.request()
            await exchange.answer(b"", f"Location: {target}", status="307 Temporary Redirect")

    server = await serve(redirect)
    for target in targets:
        answer = await send(client, server.url)
        assert (answer.status, answer.headers.get("location")) == (307, target)
    assert inner.connections == 0
    assert len(server.heads) == len(targets)


async def test_allow_private_opens_a_private_address_for_that_request(
    serve: Serve, strict: Client
) -> None:
    server = await serve()
    assert (await send(strict, server.url, allow_private=True)).status == 200


async def test_a_strict_request_never_uses_a_connection_made_for_a_private_one(
    serve: Serve,
) -> None:
    server = await serve()
    async with Client(AddressPolicy(), lookup=Lookup(["127.0.0.1"])) as client:
        for url in (server.url, f"http://inner.example:{server.port}/"):
            await send(client, url, allow_private=True)
            assert await code_of(client, url) == "address_refused"
            await send(client, url, allow_private=True)
    assert len(server.heads) == 4
    assert server.connections == 2  # both kept: there was one to be stolen


async def test_requests_of_both_kinds_at_once_do_not_mix(serve: Serve, strict: Client) -> None:
    server = await serve()

    async def one(number: int) -> bool:
        private = number % 2 == 0
        try:
            await send(strict, server.url, allow_private=private)
        except OutboundError:
            return not private
        return private

    assert all(await asyncio.gather(*(one(number) for number in range(60))))
    assert len(server.heads) == 30


async def test_the_hubs_own_port_stays_closed_whatever_is_allowed(serve: Serve) -> None:
    hub, other = await serve(), await serve()
    policy = AddressPolicy(allow=LOOPBACK, own_ports=frozenset({hub.port}))
    async with Client(policy, lookup=Lookup(["127.0.0.1"])) as client:
        for host in ("127.0.0.1", "hub.example", "[::1]", "127.0.0.77"):
            url = f"http://{host}:{hub.port}/"
            assert await code_of(client, url, allow_private=True) == "address_refused"
        assert (await send(client, other.url)).status == 200
    assert hub.connections == 0


async def test_a_name_that_nobody_knows_is_a_failed_lookup() -> None:
    class Nobody(Lookup):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with Client(AddressPolicy(), lookup=Nobody([])) as client:
        assert await code_of(client, "http://nobody.example/") == "dns_failed"


@pytest.mark.parametrize("host", ["a..b", ".example", "a" * 64 + ".example"])
async def test_a_name_that_cannot_be_looked_up_is_a_failed_lookup(
    host: str, strict: Client
) -> None:
    assert await code_of(strict, f"http://{host}/") == "dns_failed"


async def test_a_name_without_addresses_is_a_failed_lookup() -> None:
    async with Client(AddressPolicy(), lookup=Lookup([])) as client:
        assert await code_of(client, "http://empty.example/") == "dns_failed"


async def test_a_lookup_that_hangs_is_a_timeout_that_cannot_have_run() -> None:
    class Slow(Lookup):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            await asyncio.Event().wait()
            raise AssertionError

    async with Client(AddressPolicy(), lookup=Slow([])) as client:
        request = OutboundRequest("POST", "http://slow.example/", (), b"")
        with pytest.raises(OutboundError) as caught:
            await client.send(request, timeout_s=0.1)
    assert (caught.value.code, caught.value.details) == ("timeout", {"may_have_run": False})


async def test_localhost_is_looked_up_by_the_system_and_refused(
    serve: Serve, strict: Client
) -> None:
    server = await serve()
    assert await code_of(strict, f"http://localhost:{server.port}/") == "address_refused"
    assert server.connections == 0
