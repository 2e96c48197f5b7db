"""A destination with certificates of its own: an authority, a client certificate, a pool."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hub.errors import OutboundError
from hub.model.destination import Tls
from hub.model.http import OutboundRequest
from hub.outbound.client import Client
from hub.outbound.pools import Pools
from hub.outbound.tls import tls_problems
from tests.outbound.certificates import authority
from tests.outbound.servers import Exchange, Serve

OURS, OTHER = authority(), authority("other")
SHOWING = {"client_cert": OURS.client.certificate, "client_key": OURS.client.key}


async def send(client: Client, port: int, tls: Tls | None, host: str = "127.0.0.1") -> int:
    request = OutboundRequest("POST", f"https://{host}:{port}/", (), b"secret")
    return (await client.send(request, timeout_s=3.0, tls=tls)).status


async def test_an_authority_of_ones_own_is_trusted_where_it_is_set_and_nowhere_else(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    server = await serve(tls=OURS.context(tmp_path))
    assert await send(client, server.port, Tls(ca=OURS.certificate)) == 200
    for tls in (None, Tls(ca=OTHER.certificate)):
        with pytest.raises(OutboundError) as caught:
            await send(client, server.port, tls)
        assert caught.value.code == "tls_failed"
    assert len(server.heads) == 1


async def test_the_name_is_checked_under_an_authority_of_ones_own_too(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    server = await serve(tls=OURS.context(tmp_path))
    with pytest.raises(OutboundError) as caught:
        await send(client, server.port, Tls(ca=OURS.certificate), host="127.0.0.2")
    assert caught.value.code in ("tls_failed", "connect_failed")
    assert server.heads == []


async def test_a_server_that_asks_for_a_certificate_is_shown_it(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    server = await serve(tls=OURS.context(tmp_path, asks_client=True))
    shown = Tls(ca=OURS.certificate, **SHOWING)
    assert await send(client, server.port, shown) == 200
    with pytest.raises(OutboundError):
        await send(client, server.port, Tls(ca=OURS.certificate))
    assert len(server.heads) == 1


async def test_settings_that_are_alike_share_connections_and_others_never_do(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    server = await serve(tls=OURS.context(tmp_path))
    for _ in range(3):
        assert await send(client, server.port, Tls(ca=OURS.certificate)) == 200
    assert server.connections == 1
    both = Tls(ca=OURS.certificate + OTHER.certificate)
    assert await send(client, server.port, both) == 200
    assert server.connections == 2


async def test_those_who_come_together_get_one_pool(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    server = await serve(tls=OURS.context(tmp_path))
    tls = Tls(ca=OURS.certificate)
    assert set(await asyncio.gather(*(send(client, server.port, tls) for _ in range(10)))) == {200}
    assert len(client._own) == 1


async def test_a_pool_that_is_dropped_is_closed_once_nobody_uses_it(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    going = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        await exchange.request()
        await going.wait()
        await exchange.answer()
        await exchange.reader.read()  # until the other side closes

    server = await serve(slow, tls=OURS.context(tmp_path))
    client._own = Pools(client._open, most=1)
    busy = asyncio.create_task(send(client, server.port, Tls(ca=OURS.certificate)))
    while not server.heads:
        await asyncio.sleep(0.01)
    with pytest.raises(OutboundError):
        await send(client, server.port, Tls(ca=OTHER.certificate))
    assert (len(client._own), server.open) == (1, 1)
    going.set()
    assert await busy == 200
    async with asyncio.timeout(2):
        while server.open:
            await asyncio.sleep(0.01)
    await client._own.close()


@pytest.mark.parametrize(
    ("given", "field", "says"),
    [
        ({"ca": "x"}, "ca", "no certificate"),
        ({"ca": OURS.client.key}, "ca", "no certificate"),
        ({**SHOWING, "client_cert": "x"}, "client_cert", "no certificate"),
        ({**SHOWING, "client_key": "x"}, "client_key", "no private key"),
        ({**SHOWING, "client_key": OURS.client.locked_key}, "client_key", "password"),
        ({**SHOWING, "client_key": OTHER.client.key}, "client_key", "another certificate"),
    ],
)
def test_what_cannot_be_used_is_said_at_its_field(
    given: dict[str, str], field: str, says: str
) -> None:
    ((at, message),) = tls_problems(Tls(**given))
    assert (at, says in message) == (field, True), message
    assert not list(tls_problems(Tls(ca=OURS.certificate, **SHOWING)))


async def test_what_was_kept_and_cannot_be_used_is_refused_and_sent_nowhere(
    client: Client,
) -> None:
    with pytest.raises(OutboundError, match=r"tls\.ca cannot be used") as caught:
        await send(client, 9, Tls(ca="x"))
    assert (caught.value.code, caught.value.details["may_have_run"]) == ("request_invalid", False)


@pytest.mark.parametrize(
    "given", [{}, {"client_cert": "x"}, {"client_key": "x"}, {"ca": "x", "verify": False}]
)
def test_halves_are_refused_and_checking_cannot_be_switched_off(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Tls.model_validate(given)
