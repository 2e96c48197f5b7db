"""An issuer under the test's hand: keys, tokens, and a server that publishes the keys."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.outbound.servers import Exchange

SECRET = "a-secret-that-both-sides-know-and-nobody-else"
RSA, OTHER_RSA = (rsa.generate_private_key(65537, 2048) for _ in range(2))
EC = ec.generate_private_key(ec.SECP256R1())
ISS, AUD = "https://a.example", "shop"


def issued(
    key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **claims: Any
) -> str:
    """A token for a minute; a claim that is None is left out."""
    given = {"iss": ISS, "aud": AUD, "exp": time.time() + 60, **claims}
    kept = {name: value for name, value in given.items() if value is not None}
    headers = None if kid is None else {"kid": kid}
    body = json.dumps(kept).encode()
    return jwt.api_jws.encode(body, key, algorithm, headers)


def jwk_of(key: Any) -> dict[str, Any]:
    """A key, private or public, as a set holds it."""
    by = jwt.algorithms
    if isinstance(key, (rsa.RSAPrivateKey, rsa.RSAPublicKey)):
        told: dict[str, Any] = by.RSAAlgorithm.to_jwk(key, as_dict=True)
        return {name: value for name, value in told.items() if name != "key_ops"}
    if isinstance(key, (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey)):
        return dict(by.OKPAlgorithm.to_jwk(key, as_dict=True))
    return dict(by.ECAlgorithm.to_jwk(key, as_dict=True))


def jwk(key: Any, **more: Any) -> dict[str, Any]:
    """The public half of a key, as a set holds it, with what more is said of it."""
    return {**jwk_of(key.public_key()), **more}


def pem(key: Any) -> str:
    """The public half of a key, in PEM."""
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text: str = public.decode()
    return text


def with_pem_as_secret(key: Any) -> str:
    """The mistake of many verifiers: what everybody knows, taken for a secret."""
    return by_hand({"alg": "HS256", "typ": "JWT"}, pem(key))


def by_hand(header: dict[str, Any], secret: str = SECRET) -> str:
    """A token as no library makes it, signed by HS256 whatever its header says."""
    claims = {"iss": ISS, "aud": AUD, "exp": 4_000_000_000}
    parts = [_base64url(json.dumps(each).encode()) for each in (header, claims)]
    digest = hmac.new(secret.encode(), ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join([*parts, _base64url(digest)])


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Publisher:
    """Publishes keys over HTTP, well or badly, and counts how often it is asked."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    status: str = "200 OK"
    fields: tuple[str, ...] = ()
    body: bytes | None = None
    """Said instead of the keys."""
    delay_s: float = 0.0
    asked: int = 0

    async def __call__(self, exchange: Exchange) -> None:
        while True:
            await exchange.request()
            self.asked += 1
            await asyncio.sleep(self.delay_s)
            body = json.dumps({"keys": self.keys}).encode() if self.body is None else self.body
            fields = ("Content-Type: application/json", *self.fields)
            await exchange.answer(body, *fields, status=self.status)
