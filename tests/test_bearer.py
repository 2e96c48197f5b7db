"""Signed tokens that the hub shows: by a passphrase or a private key, as others verify them."""

from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from hub.errors import InvalidError
from hub.signature import check_signing_key, sign_jwt

CLAIMS = {"iat": 1_000, "exp": 32_503_680_000, "sub": "hub"}
RSA = rsa.generate_private_key(65537, 2048)
SMALL_RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())


def pem(key: Any, password: bytes | None = None) -> str:
    locked = BestAvailableEncryption(password) if password else NoEncryption()
    text: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
    return text.decode()


@pytest.mark.parametrize(("algorithm", "size"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_passphrase_is_as_long_as_its_digest(algorithm: str, size: int) -> None:
    key = "k" * size
    token = sign_jwt(key, algorithm, CLAIMS)
    assert jwt.decode(token, key, algorithms=[algorithm]) == CLAIMS
    with pytest.raises(InvalidError, match=f"{size} bytes or more") as caught:
        sign_jwt(key[1:], algorithm, CLAIMS)
    assert caught.value.code == "secret_invalid"


@pytest.mark.parametrize(("algorithm", "key"), [("RS256", RSA), ("ES256", P256)])
def test_who_has_the_public_key_can_verify(algorithm: str, key: Any) -> None:
    token = sign_jwt(pem(key), algorithm, CLAIMS)
    assert jwt.decode(token, key.public_key(), algorithms=[algorithm]) == CLAIMS


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("HS256", pem(RSA)),
        ("RS256", "x" * 64),
        ("RS256", pem(P256)),
        ("RS256", pem(SMALL_RSA)),
        ("RS256", pem(RSA, b"password")),
        ("RS256", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        ("ES256", pem(RSA)),
        ("ES256", pem(P384)),
        ("ES256", pem(ed25519.Ed25519PrivateKey.generate())),
    ],
)
def test_a_key_of_another_kind_is_refused_without_repeating_it(algorithm: str, key: str) -> None:
    with pytest.raises(InvalidError) as caught:
        check_signing_key(key, algorithm, CLAIMS)
    assert (caught.value.code, caught.value.details) == ("secret_invalid", {"field": "key"})
    assert key not in caught.value.message


@pytest.mark.parametrize("claims", [{"iss": 7}, {"text": "x" * 10_000}])
def test_claims_that_make_no_token_are_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(InvalidError) as caught:
        check_signing_key("k" * 32, "HS256", claims)
    assert caught.value.details == {"field": "claims"}
