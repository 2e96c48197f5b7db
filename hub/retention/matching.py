"""Whether an event or a run says what a purge is looking for."""

from collections.abc import Sequence

from hub.connector import fields_of
from hub.errors import InvalidError
from hub.model.filter import value_at
from hub.model.json import Json, dumps_text, loads
from hub.model.purge import Wanted
from hub.store.purges import Content

_FORM = "application/x-www-form-urlencoded"


def says(wanted: Wanted, content: Content) -> bool:
    """Whether an event says it; always where nothing is looked for."""
    if wanted.by is None:
        return True
    kind, _, name = wanted.by.partition(":")
    headers: Sequence[tuple[str, str]] = loads(content.headers)
    if kind == "path":
        return content.path == wanted.value
    if kind == "header":
        return any(n.lower() == name.lower() and v == wanted.value for n, v in headers)
    return _is(value_at(_body(content.body, headers), name), wanted.value)


def input_says(wanted: Wanted, text: str | None) -> bool:
    """The same of a run's input."""
    if wanted.by is None:
        return True
    kind, _, name = wanted.by.partition(":")
    return kind == "body" and text is not None and _is(value_at(loads(text), name), wanted.value)


def _is(found: Json, value: str | None) -> bool:
    """Numbers and the like count as they are written."""
    return found == value if isinstance(found, str) else dumps_text(found) == value


def _body(body: bytes, headers: Sequence[tuple[str, str]]) -> Json:
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    try:
        if kind.partition(";")[0].strip().lower() == _FORM:
            return fields_of(body.decode("utf-8", "replace"))
        return loads(body)
    except InvalidError:  # what cannot be read says nothing
        return None
