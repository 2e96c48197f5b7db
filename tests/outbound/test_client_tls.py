"""TLS: the certificate is checked, against the name that was asked for."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.errors import OutboundError
from hub.model.http import OutboundRequest
from hub.outbound.client import Client
from hub.outbound.guard import AddressPolicy
from tests.outbound.servers import LOOPBACK, Exchange, Lookup, Serve


@dataclass(frozen=True)
class Identity:
    """A self-signed certificate for ``hook.example``: for the server, and for who trusts it."""

    server: ssl.SSLContext
    trusting: ssl.SSLContext


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("makes its certificate with the openssl program, which is not installed")
    folder: Path = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "2"),
            *("-subj", "/CN=hook.example", "-addext", "subjectAltName=DNS:hook.example"),
        ],
        check=True,
        capture_output=True,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return Identity(server, ssl.create_default_context(cafile=certificate))


async def send(client: Client, url: str) -> int:
    request = OutboundRequest("POST", url, (), b"secret")
    return (await client.send(request, timeout_s=3.0)).status


def trusting(identity: Identity) -> Client:
    policy = AddressPolicy(allow=LOOPBACK)
    return Client(policy, tls=identity.trusting, lookup=Lookup(["127.0.0.1"]))


async def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_request_is_sent(
    serve: Serve, client: Client, identity: Identity
) -> None:
    server = await serve(tls=identity.server)
    with pytest.raises(OutboundError, match=r"self[- ]signed") as caught:
        await send(client, f"https://127.0.0.1:{server.port}/")
    assert (caught.value.code, caught.value.details) == ("tls_failed", {"may_have_run": False})
    assert server.heads == []


async def test_a_trusted_certificate_for_the_name_is_accepted(
    serve: Serve, identity: Identity
) -> None:
    server = await serve(tls=identity.server)
    async with trusting(identity) as client:
        assert await send(client, f"https://hook.example:{server.port}/") == 200


async def test_a_trusted_certificate_for_another_name_is_refused(
    serve: Serve, identity: Identity
) -> None:
    server = await serve(tls=identity.server)
    async with trusting(identity) as client:
        with pytest.raises(OutboundError) as caught:
            await send(client, f"https://other.example:{server.port}/")
    assert (caught.value.code, caught.value.details) == ("tls_failed", {"may_have_run": False})
    assert server.heads == []


async def test_a_server_without_tls_on_that_port_is_a_tls_failure(
    serve: Serve, client: Client
) -> None:
    async def plain(exchange: Exchange) -> None:
        await exchange.reader.read(100)
        await exchange.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server = await serve(plain)
    with pytest.raises(OutboundError) as caught:
        await send(client, f"https://127.0.0.1:{server.port}/")
    assert (caught.value.code, caught.value.details) == ("tls_failed", {"may_have_run": False})


async def test_a_server_that_hangs_up_during_the_handshake_is_a_failed_connection(
    serve: Serve, client: Client
) -> None:
    async def hang_up(exchange: Exchange) -> None:
        await exchange.reader.read(100)

    server = await serve(hang_up)
    with pytest.raises(OutboundError) as caught:
        await send(client, f"https://127.0.0.1:{server.port}/")
    assert caught.value.code in ("connect_failed", "tls_failed")
    assert caught.value.details == {"may_have_run": False}
