"""Redaction: fields that a source's events are never recorded with.

It comes after verification and dedup, which need what was sent, and before anything is written.
"""

from collections.abc import Sequence
from dataclasses import replace

from hub.model.http import Headers, InboundRequest
from hub.model.json import Json, dumps
from hub.model.masking import MASK
from hub.receive.items import Item

_BODY, _HEADER, _EACH = "body:", "header:", "*"


def redacted(
    redact: Sequence[str], request: InboundRequest, items: Sequence[Item]
) -> tuple[InboundRequest, list[Item]]:
    """The request and its items, with the mask where the named fields are.

    A body that holds one is written anew, as JSON: the rest of it means what it did.
    """
    paths = [each.removeprefix(_BODY).split(".") for each in redact if each.startswith(_BODY)]
    names = {each.removeprefix(_HEADER).lower() for each in redact if each.startswith(_HEADER)}
    changed = [_redacted_item(item, paths) for item in items]
    is_rewritten = any(a is not b and b.body != a.body for a, b in zip(items, changed, strict=True))
    pairs = [(name, MASK if name in names else value) for name, value in request.headers.pairs]
    if is_rewritten:
        pairs = [
            pair for pair in pairs if pair[0].lower() not in ("content-type", "content-encoding")
        ]
        pairs.append(("content-type", "application/json"))
    body = b"" if is_rewritten else request.body
    headers = Headers(pairs)
    clean = InboundRequest(
        *(request.method, request.rest, request.query, headers, body, request.ip, request.url)
    )
    return clean, changed


def keeps_body(redact: Sequence[str]) -> bool:
    """Whether a request whose fields nobody has looked at may be kept with its body."""
    return not any(each.startswith(_BODY) for each in redact)


def _redacted_item(item: Item, paths: Sequence[list[str]]) -> Item:
    value = item.value
    for path in paths:
        value = _masked(value, path)
    return item if value is item.value else replace(item, value=value, body=dumps(value))


def _masked(value: Json, path: Sequence[str]) -> Json:
    """A copy with the mask at a path; the value itself where nothing stands there."""
    if not path:
        return value if value is None else MASK
    head, *rest = path
    keys: Sequence[int | str]
    if isinstance(value, dict):
        keys = list(value) if head == _EACH else [head] if head in value else []
    elif isinstance(value, list):
        places = range(len(value))
        keys = places if head == _EACH else [n for n in places if str(n) == head]
    else:
        return value
    copy = value
    for key in keys:
        before = value[key]
        after = _masked(before, rest)
        if after is not before:
            copy = copy.copy() if copy is value else copy
            copy[key] = after
    return copy
