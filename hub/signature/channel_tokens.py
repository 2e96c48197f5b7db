"""Tokens of channels: what somebody may do there, signed by the hub, as a JWT (RFC 7519)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from pydantic import ValidationError

from hub.errors import SignatureError
from hub.model.channel import Right
from hub.model.channel_token import NewToken
from hub.signature.tokens import unverified, verify_jwt

ISSUER = "hub"
_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class ChannelToken:
    """What a token says."""

    rights: tuple[Right, ...]
    until_s: int
    """Seconds since the epoch."""
    sub: str | None
    info: Any


def mint_token(secret: str, wanted: NewToken, now_s: int) -> tuple[str, int]:
    """A token, and when it ends in seconds since the epoch; ``now_s`` is such a time, too."""
    until_s = now_s + wanted.ttl_s
    claims: dict[str, Any] = {"iss": ISSUER, "iat": now_s, "exp": until_s}
    claims["may"] = [wanted.right.model_dump(mode="json")]
    if wanted.sub is not None:
        claims["sub"] = wanted.sub
    if wanted.info is not None:
        claims["info"] = wanted.info
    return jwt.encode(claims, secret, _ALGORITHM), until_s


def read_token(secrets: Sequence[str], text: str) -> ChannelToken:
    """What a token of the hub's own says.

    Raises:
        SignatureError: ``token_wrong``, ``token_expired``.
    """
    claims = verify_jwt(f"Bearer {text}", secrets=secrets, issuer=ISSUER, leeway_s=0)
    try:
        rights = tuple(Right.model_validate(each) for each in claims["may"])
        return ChannelToken(rights, int(claims["exp"]), claims.get("sub"), claims.get("info"))
    except (KeyError, TypeError, ValidationError) as error:
        raise SignatureError("This is no token of a channel.", code="token_wrong") from error


def issuer_of(text: str) -> str | None:
    """Who a token says it is from, which nobody has verified; None where that cannot be read."""
    try:
        issuer = unverified(text)[1].get("iss")
    except SignatureError:
        return None
    return issuer if isinstance(issuer, str) else None
