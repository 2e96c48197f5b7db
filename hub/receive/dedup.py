"""Dedup: which key stands for a request."""

import hashlib

from hub.model.event import DedupKey
from hub.model.http import InboundRequest
from hub.model.json import Json, dumps_text
from hub.model.source import KEY_WINDOW_S, Dedup
from hub.model.time import US_PER_S

_LONGEST = 200
_DEFAULT_FIELDS = ("idempotency-key", "webhook-id")


def dedup_key(dedup: Dedup | None, request: InboundRequest, value: Json) -> DedupKey | None:
    """The key, or None where the request has nothing to tell it by."""
    key = _default(request) if dedup is None else _chosen(dedup.by, request, value)
    if not key:
        return None
    window_us = dedup.window_us() if dedup else KEY_WINDOW_S * US_PER_S
    if len(key) > _LONGEST or "\x00" in key:  # which no database takes as text
        key = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    body_hash = hashlib.blake2b(request.body, digest_size=16).digest()
    return DedupKey(key, window_us, body_hash)


def _default(request: InboundRequest) -> str | None:
    for name in _DEFAULT_FIELDS:
        found = request.headers.get(name)
        if found:
            return found
    return None


def _chosen(by: str, request: InboundRequest, value: Json) -> str | None:
    kind, _, name = by.partition(":")
    if kind == "header":
        return request.headers.get(name)
    if kind == "hash":
        return hashlib.sha256(request.body).hexdigest()
    if kind == "body":
        return _at(value, name)
    return None


def _at(value: Json, path: str) -> str | None:
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isascii() and part.isdigit():
            value = value[int(part)] if int(part) < len(value) else None
        else:
            return None
    if value is None:
        return None
    return value if isinstance(value, str) else dumps_text(value)
