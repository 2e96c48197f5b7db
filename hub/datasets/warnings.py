"""What a person would want to be told of a column."""

from collections.abc import Iterator
from typing import Final

from hub.datasets.column import label_of
from hub.datasets.kinds import PLACEHOLDERS
from hub.datasets.view import View
from hub.model.json import Json

_NO: Final = {
    "integer": "no plain numbers",
    "number": "no plain numbers",
    "date": "no dates",
    "datetime": "no dates",
    "boolean": "neither true nor false",
    "list": "no lists",
    "object": "no objects",
}
_FEW: Final = 0.01


def warnings_of(view: View, field: Json) -> list[Json]:
    """The warnings, as ``{"column", "code", "message"}``; ``field`` is what is said of it."""
    name = field["name"]
    return [
        {"column": name, "code": code, "message": f"Column '{name}' {message}"}
        for code, message in _found(view, field)
    ]


def _found(view: View, field: Json) -> Iterator[tuple[str, str]]:
    if not view.present:
        if view.rows:
            yield "empty", "has no values."
        return
    yield from _odd(view, field)
    missing = field["missing"]
    if missing > view.present:
        yield "sparse", f"has no value in {missing:,} of {view.rows:,} rows."
    if view.exact and view.distinct == 1 and view.present > 1:
        yield "constant", "has the same value in every row that has one."
    if padded := getattr(view.totals, "padded", 0):
        yield "padded", f"has {_values(padded)} with a space at the beginning or the end."
    yield from _placeholders(view)
    yield from _repeats(view)


def _odd(view: View, field: Json) -> Iterator[tuple[str, str]]:
    if field["type"] == "mixed":
        kinds = ", ".join(f"{kind} {n / view.seen:.0%}" for kind, n in view.kinds.most_common(4))
        yield "mixed", f"holds different kinds of values: {kinds}."
    elif view.odd_count:
        what = _NO.get(field["type"], "no texts")
        some = ", ".join(f"'{label}'" for label, _ in field.get("odd", {}).get("first", []))
        are = f"{_values(view.odd_count)} that {_verb(view.odd_count, 'are')} {what}"
        yield "odd", f"has {are}: {some}." if some else f"has {are}."


def _placeholders(view: View) -> Iterator[tuple[str, str]]:
    found = {
        label: n
        for key, n in view.items.items()
        if (label := label_of(key)).strip().lower() in PLACEHOLDERS
    }
    if found:
        about = "" if view.exact else "about "
        names = ", ".join(f"'{label.strip()}'" for label in list(found)[:3])
        count = round(sum(found.values()) * view.scale)
        yield (
            "placeholder",
            f"has {about}{_values(count)} that probably {_verb(count, 'stand')} for none: {names}.",
        )


def _repeats(view: View) -> Iterator[tuple[str, str]]:
    """A column that is nearly a key has mistakes, or is none."""
    again = view.present - view.distinct
    if view.exact and view.present == view.rows > 100 and 0 < again <= view.rows * _FEW:
        yield (
            "repeats",
            f"is different in nearly every row: {_values(again)} {_verb(again, 'are')} repeated.",
        )


def _values(n: int) -> str:
    return f"{n:,} value" if n == 1 else f"{n:,} values"


def _verb(n: int, verb: str) -> str:
    if n != 1:
        return verb
    return {"are": "is", "begin": "begins", "stand": "stands"}[verb]
