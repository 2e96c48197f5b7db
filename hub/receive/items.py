"""What a request holds: one event, or one for each item of its list."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hub.connector import MAX_TYPE, Parsed, event_type
from hub.errors import ExpressionError, InvalidError
from hub.expr import DictContext, compile_template, text_of, truthy
from hub.model.event import DedupKey
from hub.model.http import InboundRequest
from hub.model.json import Json, dumps
from hub.model.source import Source
from hub.model.time import now_us
from hub.model.value import value
from hub.receive.dedup import dedup_key

MAX_ITEMS = 1000
_TYPES = ("event", "type", "event_type", "eventType")


@value(frozen=True, slots=True)
class Item:
    """One event to be."""

    value: Json
    body: bytes
    """What is kept of it: the request's exact bytes, or those of the item."""
    type: str | None
    dedup: DedupKey | None
    passed_over: str | None = None
    """Why nothing runs for it."""


def items_of(source: Source, request: InboundRequest, parsed: Parsed, zone: str) -> list[Item]:
    """The events of a request.

    Raises:
        InvalidError: ``batch_too_long``.
    """
    value = parsed.value
    if source.batch == "one" or not isinstance(value, list) or not value:
        item = Item(
            value, request.body, parsed.event_type, dedup_key(source.dedup, request, parsed)
        )
        return [_as_set(item, source, request, zone)]
    if len(value) > MAX_ITEMS:
        raise InvalidError(
            f"The list has {len(value):,} items: at most {MAX_ITEMS:,} are taken at once. "
            "Send it in parts.",
            code="batch_too_long",
        )
    return [
        _as_set(_item(n, each, source, request, parsed), source, request, zone)
        for n, each in enumerate(value)
    ]


def _item(n: int, value: Json, source: Source, request: InboundRequest, parsed: Parsed) -> Item:
    """One of a list: told from the others by its place, unless it has a key of its own."""
    body = dumps(value)
    by = "" if source.dedup is None else source.dedup.by.partition(":")[0]
    if by in ("body", "hash"):
        own = InboundRequest(
            *(request.method, request.rest, request.query, request.headers, body, request.ip)
        )
        key = dedup_key(source.dedup, own, Parsed(value))
    else:
        whole = dedup_key(source.dedup, request, parsed)
        key = whole and DedupKey(f"{whole.key}:{n}", whole.window_us, whole.body_hash)
    return Item(value, body, event_type(value, *_TYPES), key)


def _as_set(item: Item, source: Source, request: InboundRequest, zone: str) -> Item:
    """With the type that the source sets, and whether its filter lets it pass."""
    if source.event_type is None and source.filter is None:
        return item
    names = names_of(item.value, request)
    context = DictContext(names, at_us=now_us(), zone=zone)
    kind, passed_over = item.type, None
    if source.event_type is not None:
        with suppress(ExpressionError):  # it runs all the same, under the type that was sent
            kind = _type(compile_template(source.event_type).evaluate(context))
    if source.filter is not None:
        names["event_type"] = kind
        try:
            if not truthy(compile_template(source.filter).evaluate(context)):
                passed_over = "The source's filter does not let it pass."
        except ExpressionError as error:
            passed_over = f"The source's filter cannot be computed: {error.message}"
    return Item(item.value, item.body, kind, item.dedup, passed_over)


def names_of(value: Json, request: InboundRequest) -> dict[str, Any]:
    """What a source's expressions see: the body's own fields, and the request."""
    fields: Mapping[str, Json] = value if isinstance(value, dict) else {}
    return {
        **fields,
        "input": value,
        "body": value,
        "headers": dict(request.headers),
        "query": request.query,
        "method": request.method,
        "path": request.rest,
    }


def _type(value: Json) -> str | None:
    text = "" if value is None else text_of(value)
    return text[:MAX_TYPE] if text and text.isprintable() else None
