"""Fields of a record as people edit them, and what of them was changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from hub.dashboard.render import SHOWN_BYTES
from hub.errors import HubError, InvalidError
from hub.model.json import Json, dumps_text, loads

Kind: TypeAlias = Literal["text", "JSON", "nothing", "choice"]
KINDS: Final = ("text", "JSON", "nothing")
"""What a value can be read as, where it is not chosen from some."""
MOST: Final = 200
_ROW: Final = 70
_MOST_ROWS: Final = 16
_TEXTS: Final = ("text", "datetime", "any")
_WORDS: Final = {"": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Field:
    """A field, as it stands in a form."""

    name: str
    kind: Kind
    text: str
    was: str = ""
    """What it was when it was shown, as a hash; ``""`` for one that is new."""
    type: str = ""
    """The type of its column, where that is declared."""
    required: bool = False
    words: tuple[str, ...] = ()
    """What it is chosen from."""
    now: str | None = None
    """What it has become meanwhile."""

    @property
    def rows(self) -> int:
        """How many lines its text takes."""
        lines = self.text.split("\n")
        return min(_MOST_ROWS, sum(1 + len(each) // _ROW for each in lines[: _MOST_ROWS + 1]))

    @property
    def is_long(self) -> bool:
        """It is too long to be edited in a page."""
        return len(self.text) > SHOWN_BYTES

    @property
    def mark(self) -> str:
        """The hash of what stands in the form."""
        kind = "nothing" if self.kind == "choice" and not self.text else self.kind
        return sha256(f"{kind}\n{self.text}".encode("utf-8", "replace")).hexdigest()


def fields_of(record: Mapping[str, Any], columns: Mapping[str, Any]) -> list[Field]:
    """The fields of a record, those of declared columns first, whether it has them or not."""
    names = dict.fromkeys((*columns, *record))
    return [_shown(name, record.get(name), columns.get(name, {})) for name in names]


def sent_fields(forms: Mapping[str, Sequence[str]], columns: Mapping[str, Any]) -> list[Field]:
    """The fields that a form has sent.

    Raises:
        InvalidError: ``form_broken``.
    """
    lists = [forms.get(each, []) for each in ("name", "kind", "value", "was")]
    if len(set(map(len, lists))) != 1:
        raise InvalidError("The form is not whole. Load the page again.", code="form_broken")
    return list(_sent(zip(*lists, strict=True), columns))


def value_of(field: Field) -> Json:
    """The value that stands in a form.

    Raises:
        InvalidError: ``json_broken``.
    """
    kind, text = field.kind, field.text
    if kind == "nothing" and text:  # it was typed where nothing was
        kind = "text" if field.type in (*_TEXTS, "") else "JSON"
    if kind == "choice":
        return _WORDS.get(text, text) if field.type == "boolean" or not text else text
    if kind == "JSON":
        try:
            return loads(text)
        except HubError as error:
            raise InvalidError(f"{field.name!r}: {error.message}", code=error.code) from error
    return None if kind == "nothing" else text


def changed(fields: Sequence[Field]) -> list[Field]:
    """Those that are not as they were shown; a new row of which nothing was typed is none.

    Raises:
        InvalidError: ``form_broken``.
    """
    found = [each for each in fields if each.mark != each.was and (each.was or _is_typed(each))]
    names = [each.name for each in fields if each.was or _is_typed(each)]
    for each in found:
        if not each.was and not each.name:
            raise InvalidError("Name the new field.", code="form_broken")
        if names.count(each.name) > 1:
            raise InvalidError(f"There are two fields {each.name[:100]!r}.", code="form_broken")
    return found


def beside(fields: Sequence[Field], edited: set[str], now: Sequence[Field]) -> list[Field]:
    """The fields of a form as they are now; beside edited ones, what has become of them."""
    known = {each.name: each for each in now}
    return [
        _beside(each, known.get(each.name)) if each.name in edited else known.get(each.name, each)
        for each in fields
    ]


def _beside(field: Field, now: Field | None) -> Field:
    mark = now.mark if now is not None else ""
    if mark == field.was or (now is not None and not field.was and now.kind == "nothing"):
        return field
    return replace(field, was=mark, now=now.text if now is not None else "")


def _is_typed(field: Field) -> bool:
    return bool(field.name or field.text)


def _shown(name: str, value: Json, column: Mapping[str, Any]) -> Field:
    kind, text = _written(value)
    words = _words(column)
    if (words and value is None) or (words and text in words and isinstance(value, (str, bool))):
        kind = "choice"
    else:
        words = ()
    made = Field(
        name,
        kind,
        text,
        type=column.get("type", "any") if column else "",
        required=bool(column.get("required")),
        words=words,
    )
    return replace(made, was=made.mark)


def _words(column: Mapping[str, Any]) -> tuple[str, ...]:
    if column.get("type") == "boolean":
        return ("true", "false")
    return tuple(column.get("enum") or ())


def _written(value: Json) -> tuple[Kind, str]:
    if value is None:
        return "nothing", ""
    if isinstance(value, str):  # as a browser will send it, so that it counts as unchanged
        return "text", value.replace("\r\n", "\n").replace("\r", "\n")
    return "JSON", dumps_text(value)


def _sent(rows: Iterator[tuple[str, ...]], columns: Mapping[str, Any]) -> Iterator[Field]:
    for name, kind, text, was in rows:
        if kind not in get_args(Kind):
            raise InvalidError("The form is not whole. Load the page again.", code="form_broken")
        column = columns.get(name, {})
        words = _words(column) if kind == "choice" else ()
        known = column.get("type", "any") if column else ""
        required = bool(column.get("required"))
        yield Field(name, cast(Kind, kind), text, was, known, required, words)
