"""Signed tokens (JWT) that the hub shows to others: by a passphrase, or by a private key."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hub.errors import InvalidError

_LEAST_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}
"""RFC 7518, 3.2: a key is no shorter than the digest."""
_LEAST_RSA_BITS = 2048
"""RFC 7518, 3.3."""
_LONGEST = 6000
_Key: TypeAlias = bytes | RSAPrivateKey | EllipticCurvePrivateKey


def sign_jwt(key: str, algorithm: str, claims: Mapping[str, Any]) -> str:
    """The token that says ``claims``, in compact form.

    Raises:
        InvalidError: as :func:`check_signing_key`.
    """
    try:
        return jwt.encode(dict(claims), _parsed(key, algorithm), algorithm=algorithm)
    except (TypeError, ValueError, jwt.PyJWTError) as error:
        message = f"These claims cannot be signed: {error}."
        raise InvalidError(message, code="claims_invalid", field="claims") from None


def check_signing_key(key: str, algorithm: str, claims: Mapping[str, Any]) -> None:
    """Check what tokens are to be made of, before it is kept.

    Raises:
        InvalidError: ``secret_invalid``, ``claims_invalid``; ``details["field"]`` tells which of
            ``key`` and ``claims`` it is. The message never repeats the key.
    """
    if len(sign_jwt(key, algorithm, claims)) > _LONGEST:
        raise InvalidError(
            f"These claims make a token of more than {_LONGEST} characters, which is too long for "
            "a header field.",
            code="claims_invalid",
            field="claims",
        )


@lru_cache(maxsize=256)  # on every attempt; reading an RSA key takes longer than signing by it
def _parsed(key: str, algorithm: str) -> _Key:
    if algorithm in _LEAST_BYTES:
        return _passphrase(key, algorithm)
    try:
        private = load_pem_private_key(key.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _unusable(
            f"{algorithm} signs with a private key in PEM, without a password: it begins with "
            "-----BEGIN PRIVATE KEY-----."
        ) from None
    if algorithm == "RS256":
        if not isinstance(private, RSAPrivateKey) or private.key_size < _LEAST_RSA_BITS:
            raise _unusable(f"RS256 signs with an RSA key of {_LEAST_RSA_BITS} bits or more.")
        return private
    if not isinstance(private, EllipticCurvePrivateKey) or not isinstance(private.curve, SECP256R1):
        raise _unusable("ES256 signs with a key on the curve P-256 (prime256v1).")
    return private


def _passphrase(key: str, algorithm: str) -> bytes:
    raw, least = key.encode(), _LEAST_BYTES[algorithm]
    if "-----BEGIN " in key:
        raise _unusable(f"{algorithm} signs with a passphrase; this is a key in PEM.")
    if len(raw) < least:
        raise _unusable(
            f"A passphrase for {algorithm} has {least} bytes or more: a short one is found by "
            "trying. Set a longer one on both sides."
        )
    return raw


def _unusable(message: str) -> InvalidError:
    return InvalidError(message, code="secret_invalid", field="key")
