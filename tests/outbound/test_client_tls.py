"""TLS: the certificate is checked, against the name that was asked for."""

import asyncio
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hub.errors import OutboundError
from hub.model.http import OutboundRequest
from hub.outbound.client import Client
from hub.outbound.guard import AddressPolicy
from tests.outbound.servers import LOOPBACK, Exchange, Handler, Lookup, Serve, polite


@dataclass(frozen=True)
class Identity:
    """A self-signed certificate for ``hook.example``: for the server, and for who trusts it."""

    server: ssl.SSLContext
    trusting: ssl.SSLContext


def identified(folder: Path, until: datetime) -> Identity:
    """A certificate that is valid for a day, until then."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hook.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - timedelta(days=1))
        .not_valid_after(until)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "key-and-certificate.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + made.public_bytes(Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return Identity(server, ssl.create_default_context(cafile=file))


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """One that is valid now."""
    return identified(tmp_path_factory.mktemp("tls"), datetime.now(UTC) + timedelta(hours=12))


async def send(client: Client, url: str, timeout_s: float = 3.0) -> int:
    request = OutboundRequest("POST", url, (), b"secret")
    return (await client.send(request, timeout_s=timeout_s)).status


def trusting(identity: Identity) -> Client:
    policy = AddressPolicy(allow=LOOPBACK)
    return Client(policy, tls=identity.trusting, lookup=Lookup(["127.0.0.1"]))


async def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_request_is_sent(
    serve: Serve, client: Client, identity: Identity
) -> None:
    server = await serve(tls=identity.server)
    with pytest.raises(OutboundError) as caught:
        await send(client, f"https://127.0.0.1:{server.port}/")
    assert caught.value.message == "TLS could not be agreed on: self-signed certificate."
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
        for host in ("other.example", "hook.example.evil.example", "127.0.0.1", "a.hook.example"):
            error = await failure(client, f"https://{host}:{server.port}/")
            assert f"certificate is not valid for '{host}'" in error.message
            assert error.code == "tls_failed"
    assert server.heads == []


async def test_a_certificate_that_has_expired_is_refused(serve: Serve, tmp_path: Path) -> None:
    expired = identified(tmp_path, datetime.now(UTC) - timedelta(days=1))
    server = await serve(tls=expired.server)
    async with trusting(expired) as client:
        error = await failure(client, f"https://hook.example:{server.port}/")
    assert error.message == "TLS could not be agreed on: certificate has expired."
    assert error.code == "tls_failed"
    assert server.heads == []


async def failure(client: Client, url: str) -> OutboundError:
    """Nothing was sent, and it is told in time."""
    began = time.perf_counter()
    with pytest.raises(OutboundError) as caught:
        await send(client, url, timeout_s=0.5)
    assert time.perf_counter() - began < 2
    assert caught.value.details == {"may_have_run": False}
    return caught.value


def hearing(*parts: bytes, then: Handler | None = None) -> Handler:
    """Hears the client's hello, says this, and closes unless told otherwise."""

    async def handler(exchange: Exchange) -> None:
        await exchange.reader.read(100)
        for part in parts:
            await exchange.say(part)
        if then is not None:
            await then(exchange)

    return handler


async def stay(_: Exchange) -> None:
    await asyncio.Event().wait()


async def cut(exchange: Exchange) -> None:
    exchange.writer.transport.abort()


async def drip(exchange: Exchange) -> None:
    while True:
        await exchange.say(b"\x16")
        await asyncio.sleep(0.02)


NO_TLS = "that port does not speak TLS; for plain HTTP the URL starts with http://"
CLOSED = "No connection could be made: the other side closed the connection."
LATE = "There was no connection in time; the limits are 10 s to connect and 0.5 s in all."
HANDSHAKES = {
    "plain HTTP": (hearing(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "tls_failed", NO_TLS),
    "an alert": (hearing(b"\x15\x03\x03\x00\x02\x02\x28"), "tls_failed", "handshake failure"),
    "a record too long": (hearing(b"\x16\x03\x03\xff\xff" + bytes(70_000)), "tls_failed", "length"),
    "a goodbye": (hearing(), "connect_failed", CLOSED),
    "a reset": (hearing(then=cut), "connect_failed", CLOSED),
    "silence": (hearing(then=stay), "timeout", LATE),
    "half a hello": (hearing(b"\x16\x03\x03\x00\x50\x02", then=stay), "timeout", LATE),
    "drops": (hearing(b"\x16\x03\x03\x3f\xff", then=drip), "timeout", LATE),
}


@pytest.mark.parametrize("kind", HANDSHAKES)
async def test_a_handshake_that_comes_to_nothing_says_why_and_nothing_was_sent(
    kind: str, serve: Serve, client: Client
) -> None:
    handler, code, says = HANDSHAKES[kind]
    server = await serve(handler)
    error = await failure(client, f"https://127.0.0.1:{server.port}/")
    assert error.code == code
    assert says in error.message


async def test_http_on_a_port_of_tls_is_a_broken_answer(
    serve: Serve, client: Client, identity: Identity
) -> None:
    server = await serve(polite, tls=identity.server)
    with pytest.raises(OutboundError) as caught:
        await send(client, f"http://127.0.0.1:{server.port}/")
    assert (caught.value.code, caught.value.details) == ("answer_broken", {"may_have_run": True})
    assert caught.value.message.endswith("the other side closed the connection.")


async def test_the_certificate_is_of_the_name_also_when_the_address_is_looked_up_anew(
    serve: Serve, identity: Identity
) -> None:
    """Rebinding does not help: whoever answers at the new address has to be the old name."""
    server = await serve(tls=identity.server)
    lookup = Lookup(["127.0.0.2"], ["127.0.0.1"])
    policy = AddressPolicy(allow=LOOPBACK)
    async with Client(policy, tls=identity.trusting, lookup=lookup) as client:
        error = await failure(client, f"https://bank.example:{server.port}/")
        assert error.code == "connect_failed"
        error = await failure(client, f"https://bank.example:{server.port}/")
        assert error.code == "tls_failed"
