"""Signed tokens (JWS in compact form) by a shared secret.

The algorithm is the caller's, never the token's: a token cannot choose how it is checked.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from hub.errors import ExpressionError, InvalidError
from hub.expr.compare import identical
from hub.expr.kinds import NUMBERS, json_of
from hub.model.json import loads

_DIGESTS = {"HS256": ("sha256", 32), "HS384": ("sha384", 48), "HS512": ("sha512", 64)}
_MOST_CHARS = 64 * 1024


def encode(payload: Any, headers: Mapping[str, Any], key: str, algorithm: str) -> str:
    """The token of a JSON value.

    Raises:
        ExpressionError: an unknown algorithm, or a key that is too short for it.
    """
    _, least = _digest(algorithm)
    if len(key.encode()) < least:
        raise ExpressionError(f"A key for {algorithm} must have at least {least} bytes.")
    header = {**headers, "alg": algorithm}
    parts = ({"typ": "JWT", **header}, payload)
    body = ".".join(_text_of(json_of(part).encode()) for part in parts)
    return f"{body}.{_text_of(_signature(body, key, algorithm))}"


def decode(token: str, key: str, algorithm: str) -> Any:
    """The payload of a token whose signature is right.

    Raises:
        ExpressionError: ``token_invalid``; or an unknown algorithm, or no key.
    """
    _digest(algorithm)
    if not key:
        raise ExpressionError("A token is checked with a key: give the one that it is signed by.")
    if len(token) > _MOST_CHARS:
        raise invalid("it is too long")
    body, _, signature = token.rpartition(".")
    head, _, payload = body.partition(".")
    if not hmac.compare_digest(_bytes_of(signature), _signature(body, key, algorithm)):
        raise invalid("its signature is not by this key")
    header = _json_of(head)
    if not isinstance(header, dict) or header.get("alg") != algorithm or "crit" in header:
        raise invalid("its header asks for something else")
    return _json_of(payload)


def check_claims(payload: Any, claims: Mapping[str, Any], now_s: float, drift_s: float) -> None:
    """Refuse a payload that is too old, too new, or does not say what it should.

    Raises:
        ExpressionError: ``token_invalid``.
    """
    said = payload if isinstance(payload, dict) else {}
    for name, value in claims.items():
        if name not in said or not identical(said[name], value):
            raise invalid(f"its {name} is another one")
    for name in ("exp", "nbf"):
        if name in said and said[name].__class__ not in NUMBERS:
            raise invalid(f"its {name} is no number")
    if now_s >= said.get("exp", now_s + 1) + drift_s:
        raise invalid("it has expired")
    if now_s < said.get("nbf", now_s) - drift_s:
        raise invalid("it is not valid yet")


def invalid(why: str) -> ExpressionError:
    """The error for a token that cannot be trusted."""
    return ExpressionError(f"The token is not valid: {why}.", code="token_invalid")


def _digest(algorithm: str) -> tuple[str, int]:
    if algorithm not in _DIGESTS:
        raise ExpressionError(f"A token is signed with one of {', '.join(_DIGESTS)}.")
    return _DIGESTS[algorithm]


def _signature(body: str, key: str, algorithm: str) -> bytes:
    digest, _ = _digest(algorithm)
    return hmac.digest(key.encode(), body.encode(), digest)


def _text_of(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes_of(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise invalid("it is not written as a token") from None


def _json_of(text: str) -> Any:
    try:
        return loads(_bytes_of(text))
    except InvalidError as error:
        raise invalid("it holds no JSON") from error
