"""Dedup: which key stands for a request."""

import hashlib

from hub.connector import Parsed
from hub.model.event import DedupKey
from hub.model.filter import value_at
from hub.model.http import InboundRequest
from hub.model.json import Json, dumps_text
from hub.model.source import KEY_WINDOW_S, Dedup
from hub.model.time import US_PER_S

_LONGEST = 200
_DEFAULT_FIELDS = ("idempotency-key", "webhook-id")


def dedup_key(dedup: Dedup | None, request: InboundRequest, parsed: Parsed) -> DedupKey | None:
    """The key, or None where the request has nothing to tell it by."""
    if dedup is None:
        key = parsed.message_id or _default(request)
    else:
        key = _chosen(dedup.by, request, parsed.value)
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
        found = value_at(value, name)
        return found if found is None or isinstance(found, str) else dumps_text(found)
    return None
