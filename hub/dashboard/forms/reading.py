"""The document that a form says, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hub.dashboard.forms.field import Doc, Field, Filled, part_of
from hub.dashboard.forms.texts import EXPRESSION, lines_of, number_of, pairs_of
from hub.errors import HubError, InvalidError
from hub.model.json import Json, loads
from hub.model.masking import MASK
from hub.stack.problem import Problem
from hub.web.api.body import refused, wrong

REMOVED: Final = "~removed"
"""Behind the name of a secret: it is to be no more."""
_TRUTHS: Final = {"true": True, "false": False}
_WORDY: Final = ("number", "lines", "pairs", "json")
"""Kinds in which blanks alone are nothing."""


def read(form: Field, texts: Mapping[str, str], before: Mapping[str, Any] | None = None) -> Doc:
    """The document that a form says; ``before`` is the one that it was filled with.

    Raises:
        InvalidError: ``validation``, with all ``problems`` at once.
    """
    reading = _Reading(texts)
    found = reading.group(form, before or {})
    if reading.problems:
        raise refused(*reading.problems)
    return found


def beside(form: Field, texts: Mapping[str, str], error: HubError | None) -> dict[str, list[str]]:
    """What is wrong, by the names of the fields that it stands beside."""
    found: dict[str, list[str]] = {}
    for each in error.details.get("problems", ()) if error is not None else ():
        place = _at(form, Filled(texts), each.get("pointer") or "")
        said = f"{each['message']} {each.get('hint') or ''}".strip()
        found.setdefault(place.name, []).append(said)
    return found


class _Nothing:
    """What is left out."""


_NOTHING = _Nothing()


@dataclass
class _Reading:
    """Reads a document out of texts."""

    texts: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list)

    def group(self, each: Field, before: Any) -> Doc:
        """What its fields say."""
        return self._fields(each.fields, before)

    def _fields(self, fields: tuple[Field, ...], before: Any) -> Doc:
        found = {one.key: self._value(one, part_of(before, one.key)) for one in fields}
        return {key: value for key, value in found.items() if value is not _NOTHING}

    def _value(self, each: Field, before: Any) -> Any:
        text = self.texts.get(each.name, "")
        if each.kind == "group":
            return self._inside(each, before)
        if each.is_secret and not text and self.texts.get(each.name + REMOVED):
            return None
        if not (text.strip() if each.kind in _WORDY else text):
            return self._empty(each, before)
        match each.kind:
            case "check":
                return True
            case "number":
                return number_of(text)
            case "truth":
                return _TRUTHS.get(text, text)
            case "lines":
                return lines_of(each, text)
            case "pairs":
                return self._pairs(each, text, before)
            case "json":
                return self._json(each, text)
            case "union":
                return self._union(each, text, before)
        return text

    def _inside(self, each: Field, before: Any) -> Any:
        inner = self.group(each, before)
        if inner and all(value is None for value in inner.values()):
            return None  # all that was in it is no more
        return inner or _NOTHING

    def _empty(self, each: Field, before: Any) -> Any:
        if each.kind != "pairs" or not isinstance(before, Mapping):
            return _NOTHING
        gone = dict.fromkeys(name for name, value in before.items() if value == MASK)
        return gone or _NOTHING

    def _union(self, each: Field, word: str, before: Any) -> Any:
        choice = next((one for one in each.choices if one.word == word), None)
        if choice is None:
            return {each.tag: word} if each.tag else word
        if choice.is_word:
            return word
        told = {each.tag: word} if each.tag else {}
        same = each.tag is None or part_of(before, each.tag) == word
        return {**told, **self._fields(choice.fields, before if same else None)}

    def _pairs(self, each: Field, text: str, before: Any) -> Json:
        try:
            found = pairs_of(text)
        except InvalidError as error:
            return self._wrong(each, error)
        if not isinstance(found, dict):
            return found
        old = before if isinstance(before, Mapping) else {}
        gone = [name for name, value in old.items() if value == MASK and name not in found]
        kept = {name for name, value in found.items() if value == MASK and old.get(name) == MASK}
        return dict.fromkeys(gone) | {k: v for k, v in found.items() if k not in kept}

    def _json(self, each: Field, text: str) -> Json:
        if each.takes_text and text.startswith(EXPRESSION):
            return text
        try:
            return loads(text)
        except InvalidError as error:
            return self._wrong(each, error)

    def _wrong(self, each: Field, error: InvalidError) -> Json:
        self.problems.append(wrong(each.pointer, error.message.replace("The body", "This")))
        return _NOTHING


def _at(form: Field, filled_in: Filled, pointer: str) -> Field:
    """The field that a pointer leads to, or the last one on the way."""
    found = form
    while True:
        inner = (*found.fields, *filled_in.inner(found))
        way = [one for one in inner if (pointer + "/").startswith(one.pointer + "/")]
        if not way:
            return found
        found = way[0]
