"""Everything goes through the proxy, and what the hub can check before that it still does."""

from pathlib import Path

import pytest

from hub.errors import OutboundError
from hub.model.destination import Tls
from hub.model.http import OutboundRequest
from hub.outbound.client import Client
from hub.outbound.guard import AddressPolicy
from tests.outbound.certificates import authority
from tests.outbound.proxy import open_proxy
from tests.outbound.servers import LOOPBACK, Lookup, Serve

PUBLIC = "93.184.215.14"


async def send(client: Client, url: str, tls: Tls | None = None, **more: bool) -> int:
    request = OutboundRequest("POST", url, (("x-mine", "1"),), b"body")
    return (await client.send(request, timeout_s=3.0, tls=tls, **more)).status


async def test_a_plain_request_goes_through_it_by_the_name_it_was_given(serve: Serve) -> None:
    server = await serve()
    async with open_proxy("ada:pass:word") as proxy:
        lookup = Lookup([PUBLIC])
        async with Client(AddressPolicy(), lookup=lookup, proxy=proxy.url) as client:
            assert await send(client, f"http://hook.example:{server.port}/a") == 200
    assert proxy.asked == [f"POST http://hook.example:{server.port}/a HTTP/1.1"]
    (head,) = server.heads
    assert f"host: hook.example:{server.port}".encode() in head.lower()
    assert b"x-mine: 1" in head.lower()
    assert b"proxy-authorization" not in head.lower()


async def test_tls_is_agreed_on_through_it_with_the_destination_itself(
    serve: Serve, tmp_path: Path
) -> None:
    ours = authority()
    server = await serve(tls=ours.context(tmp_path, asks_client=True))
    shown = {"client_cert": ours.client.certificate, "client_key": ours.client.key}
    async with (
        open_proxy("ada:pw") as proxy,
        Client(AddressPolicy(), lookup=Lookup([PUBLIC]), proxy=proxy.url) as client,
    ):
        url = f"https://hook.example:{server.port}/"
        assert await send(client, url, Tls(ca=ours.certificate, **shown)) == 200
        with pytest.raises(OutboundError) as caught:
            await send(client, url)
        assert (caught.value.code, caught.value.details["may_have_run"]) == ("tls_failed", False)
        with pytest.raises(OutboundError) as caught:  # whose name is not in the certificate
            await send(
                client, f"https://other.example:{server.port}/", Tls(ca=ours.certificate, **shown)
            )
        assert caught.value.code == "tls_failed"
    assert set(proxy.asked) == {
        f"CONNECT hook.example:{server.port} HTTP/1.1",
        f"CONNECT other.example:{server.port} HTTP/1.1",
    }
    assert len(server.heads) == 1


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/", "https://169.254.169.254/", "http://[::1]/", "http://inside.example/"],
)
async def test_what_is_seen_to_be_private_from_here_never_reaches_it(url: str) -> None:
    async with (
        open_proxy() as proxy,
        Client(AddressPolicy(), lookup=Lookup(["10.0.0.7"]), proxy=proxy.url) as client,
    ):
        with pytest.raises(OutboundError, match="not public") as caught:
            await send(client, url)
    assert (caught.value.code, proxy.asked) == ("address_refused", [])


async def test_the_hub_s_own_ports_stay_closed_behind_it(serve: Serve) -> None:
    server = await serve()
    policy = AddressPolicy(allow=LOOPBACK, own_ports=frozenset({server.port}))
    async with (
        open_proxy() as proxy,
        Client(policy, lookup=Lookup(["127.0.0.1"]), proxy=proxy.url) as client,
    ):
        for host in ("127.0.0.1", "hub.example"):
            with pytest.raises(OutboundError, match="the hub itself"):
                await send(client, f"http://{host}:{server.port}/", allow_private=True)
    assert proxy.asked == []


async def test_private_addresses_go_through_it_where_they_are_allowed(serve: Serve) -> None:
    server = await serve()
    async with open_proxy() as proxy, Client(AddressPolicy(), proxy=proxy.url) as client:
        assert await send(client, server.url, allow_private=True) == 200
    assert len(proxy.asked) == 1


async def test_a_name_that_only_the_proxy_knows_is_left_to_it(serve: Serve) -> None:
    server = await serve()
    async with (
        open_proxy() as proxy,
        Client(AddressPolicy(), lookup=Lookup([]), proxy=proxy.url) as client,
    ):
        assert await send(client, f"http://far.example:{server.port}/") == 200


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_refuses_is_no_answer_of_the_destination(scheme: str) -> None:
    async with open_proxy("ada:pw") as proxy:
        wrong = f"http://127.0.0.1:{proxy.port}"
        async with Client(AddressPolicy(), lookup=Lookup([PUBLIC]), proxy=wrong) as client:
            with pytest.raises(OutboundError) as caught:
                await send(client, f"{scheme}://hook.example:9/")
    assert (caught.value.code, caught.value.details["may_have_run"]) == ("connect_failed", False)
    assert len(proxy.asked) == 1


async def test_without_its_proxy_nothing_leaves(serve: Serve) -> None:
    server = await serve()
    async with open_proxy() as proxy:
        url = proxy.url
    async with Client(AddressPolicy(allow=LOOPBACK), proxy=url) as client:
        with pytest.raises(OutboundError) as caught:
            await send(client, server.url)
    assert (caught.value.code, server.heads) == ("connect_failed", [])
