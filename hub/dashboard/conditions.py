"""Filters as people make them: conditions of a field, an operator and a value."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.errors import InvalidError
from hub.model.json import Json, dumps_text, loads

OPERATORS: Final = {
    "$eq": "is",
    "$ne": "is not",
    "$gt": "is greater than",
    "$gte": "is at least",
    "$lt": "is less than",
    "$lte": "is at most",
    "$contains": "contains",
    "$starts_with": "starts with",
    "$in": "is one of",
    "$nin": "is none of",
    "$exists": "has a value (true, false)",
}
_LISTS: Final = ("$in", "$nin")
_TEXTS: Final = ("$contains", "$starts_with")


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, as it stands in a form."""

    field: str
    operator: str
    value: str


def conditions_of(filter_text: str) -> list[Condition] | None:
    """The conditions that a filter is made of; None where it is more than that."""
    try:
        return list(_conditions(loads(filter_text or "{}")))
    except InvalidError:
        return None


def filter_of(conditions: Iterable[Condition], texts: Iterable[str] = ()) -> str:
    """The filter as JSON, in which all of these hold; ``""`` where there is none.

    ``texts`` are the fields whose values are texts, whatever they look like.
    """
    kept = set(texts)
    found: dict[str, dict[str, Json]] = {}
    more: list[Json] = []
    for each in conditions:
        if not each.field:
            continue
        value = _value(each, is_text=each.field in kept)
        if each.operator in found.setdefault(each.field, {}):
            more.append({each.field: {each.operator: value}})
        else:
            found[each.field][each.operator] = value
    if more:
        return dumps_text({"$and": [found, *more]})
    return dumps_text(found) if found else ""


def _conditions(value: Json) -> Iterator[Condition]:
    if not isinstance(value, dict):
        raise InvalidError("It is no filter.")
    for name, wanted in value.items():
        if name == "$and" and isinstance(wanted, list):
            for each in wanted:
                yield from _conditions(each)
        elif name.startswith("$"):
            raise InvalidError("It is more than conditions.")
        elif isinstance(wanted, dict):
            yield from _compared(name, wanted)
        else:
            yield Condition(name, "$eq", _text(wanted))


def _compared(name: str, wanted: Mapping[str, Any]) -> Iterator[Condition]:
    for operator, value in wanted.items():
        if operator not in OPERATORS:
            raise InvalidError("It is more than conditions.")
        yield Condition(name, operator, _text(value))


def _text(value: Json) -> str:
    """What has to be typed for a value."""
    return value if isinstance(value, str) and _read(value) == value else dumps_text(value)


def _value(condition: Condition, *, is_text: bool) -> Json:
    text = condition.value.strip()
    if condition.operator in _LISTS:
        whole = _read(text)
        if isinstance(whole, list):
            return whole
        return [_one(part.strip(), is_text=is_text) for part in text.split(",")]
    if condition.operator == "$exists":
        return _read(text)
    return _one(text, is_text=is_text or condition.operator in _TEXTS)


def _one(text: str, *, is_text: bool) -> Json:
    """A number, true, false and null are what they look like; in quotes they are texts."""
    value = _read(text)
    return text if is_text and value is not None and not isinstance(value, str) else value


def _read(text: str) -> Json:
    try:
        return loads(text)
    except InvalidError:
        return text
