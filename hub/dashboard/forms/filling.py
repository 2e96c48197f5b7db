"""What stands in a form: a document as its texts, or what was typed."""

from collections.abc import Mapping
from typing import Any

from hub.dashboard.forms.field import Field, Filled, every, part_of
from hub.dashboard.forms.texts import text_of


def filled(form: Field, document: Mapping[str, Any]) -> Filled:
    """A form with what a document says, as the API shows it."""
    texts: dict[str, str] = {}
    kept: set[str] = set()
    _fill(form, document, texts, kept)
    return Filled(texts, frozenset(kept))


def typed(form: Field, texts: Mapping[str, str], before: Mapping[str, Any]) -> Filled:
    """A form with what was typed, but for secrets: those are typed again."""
    secret = {each.name for each in every(form) if each.is_secret}
    shown = {name: text for name, text in texts.items() if name not in secret}
    return Filled(shown, filled(form, before).kept)


def has_secret(form: Field, texts: Mapping[str, str]) -> bool:
    """Whether a secret was typed."""
    return any(texts.get(each.name) for each in every(form) if each.is_secret)


def _fill(each: Field, value: Any, texts: dict[str, str], kept: set[str]) -> None:
    if value is None or (value == each.default and each.kind != "group"):
        return
    if each.kind == "pairs" and not value:
        return
    if each.is_secret:
        if value:
            kept.add(each.name)
        return
    match each.kind:
        case "group":
            for inner in each.fields:
                _fill(inner, part_of(value, inner.key), texts, kept)
        case "union":
            _fill_union(each, value, texts, kept)
        case "check":
            if value is True:
                texts[each.name] = "on"
        case _:
            texts[each.name] = text_of(each, value)


def _fill_union(each: Field, value: Any, texts: dict[str, str], kept: set[str]) -> None:
    if isinstance(value, str):
        texts[each.name] = value
        return
    shapes = [one for one in each.choices if not one.is_word]
    word = part_of(value, each.tag) if each.tag else None
    choice = next((one for one in shapes if one.word == word), shapes[0])
    texts[each.name] = choice.word
    for inner in choice.fields:
        _fill(inner, part_of(value, inner.key), texts, kept)
