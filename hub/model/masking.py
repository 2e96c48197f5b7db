"""Secrets are shown once: later they are masked, and header values never reach the ledger."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from hub.errors import InvalidError

MASK = "••••••••"
_SECRET_NAMES = ("authorization", "cookie", "set-cookie", "proxy-authorization")
_SECRET_PARTS = (
    *("api-key", "apikey", "api_key", "token", "secret", "password"),
    *("signature", "hmac", "content-mac"),
)

_KINDS = (("mode", None), ("scheme", "standard"))
"""The fields that say how an object is read, and what counts where they are left out."""


@lru_cache(maxsize=4096)
def is_secret_header(name: str) -> bool:
    """Whether a header field of that name usually carries a secret."""
    lower = name.lower()
    return lower in _SECRET_NAMES or any(part in lower for part in _SECRET_PARTS)


def mask_headers(pairs: Iterable[tuple[str, str]], also: Iterable[str] = ()) -> list[list[str]]:
    """Header fields as they may be stored; ``also`` names further secret fields."""
    secret = {name.lower() for name in also}
    return [
        [name, MASK if is_secret_header(name) or name.lower() in secret else value]
        for name, value in pairs
    ]


def masked(body: dict[str, Any], paths: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """A copy in which what stands at the paths is masked; lists of secrets item by item."""
    copy = dict(body)
    for head, *rest in paths:
        value = copy.get(head)
        if rest and isinstance(value, dict):
            copy[head] = masked(value, [tuple(rest)])
        elif not rest and isinstance(value, list):
            copy[head] = [MASK] * len(value)
        elif not rest and value is not None:
            copy[head] = MASK
    return copy


def same_kind(value: dict[str, Any], before: dict[str, Any]) -> bool:
    """Whether two objects are read in the same way: secrets of another kind do not stay."""
    return all(value.get(tag, default) == before.get(tag, default) for tag, default in _KINDS)


def keep_secrets(
    new: dict[str, Any], old: dict[str, Any], paths: Iterable[tuple[str, ...]]
) -> dict[str, Any]:
    """``new`` with the secrets that it leaves out taken from ``old``; one that is null is no more.

    Raises:
        InvalidError: ``mask_given`` where a mask is sent back as if it were the secret.
    """
    copy = dict(new)
    for head, *rest in paths:
        value, before = copy.get(head), old.get(head)
        if rest:
            if isinstance(value, dict):
                before = before if isinstance(before, dict) else {}
                if not same_kind(value, before):
                    before = {}
                copy[head] = keep_secrets(value, before, [tuple(rest)])
        elif value == MASK or (isinstance(value, list) and MASK in value):
            raise InvalidError(
                f"{head!r} holds the mask of a secret: leave it out to keep the secret, "
                "or send the secret itself.",
                code="mask_given",
            )
        elif value is None and head in copy:
            del copy[head]
        elif value is None and before is not None:
            copy[head] = before
    return copy
