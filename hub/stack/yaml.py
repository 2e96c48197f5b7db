"""Documents as people write them: YAML, read from a parser's events as strictly as JSON5.

Plain words mean what YAML 1.2's core schema says: ``yes``, ``on``, dates and times are texts, 014
is 14. Refused: tags, anchors, aliases, merge keys, infinity and NaN, keys that are no texts or
stand twice, NUL, lone surrogates, and characters that nobody sees. Between two ``---`` may stand
nothing, which is no document. Whole numbers stay exact.
"""

import re

import yaml

from hub.errors import InvalidError
from hub.model.json import Json
from hub.stack.problem import Problem
from hub.stack.text import (
    HAS_NUL,
    MAX_DEPTH,
    MAX_POINTERS,
    NO_DOCUMENT,
    POINTERS_TOO_LONG,
    TOO_DEEP,
    Document,
    Saying,
    broken,
    fraction,
    half_character,
    member,
    place_of,
    printable,
    refuse_too_long,
    stands_twice,
    whole_number,
)
from hub.stack.yaml_events import events_of, start_of
from hub.stack.yaml_faults import MARKS, fault_of, unquoted_expression

_UNFIT = re.compile(
    "[^\t\n\r -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_ODD = re.compile("[\0\ud800-\udfff]")
_NO_TEXT = re.compile(
    r"(?P<null>~|null|Null|NULL|)"
    r"|(?P<true>true|True|TRUE)"
    r"|(?P<false>false|False|FALSE)"
    r"|(?P<ten>[-+]?[0-9]++)"
    r"|(?P<eight>0o[0-7]++)"
    r"|(?P<sixteen>0x[0-9a-fA-F]++)"
    r"|(?P<fraction>[-+]?(?:\.[0-9]++|[0-9]++(?:\.[0-9]*+)?)(?:[eE][-+]?[0-9]++)?)"
    r"|(?P<boundless>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
_BEGINS_NO_TEXT = frozenset("+-.0123456789~nNtTfF")
_CONSTANTS = {"null": None, "true": True, "false": False}
_BASES = {"ten": 10, "eight": 8, "sixteen": 16}


def parse_documents(text: str) -> list[Document]:
    """Every document of the text, at least one.

    Raises:
        InvalidError: ``document_broken``, with the first problem in ``problems``.
    """
    refuse_too_long(text)
    return _Reader(text.removeprefix("\ufeff")).documents()


class _Reader:
    """Walks through the events of a text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.refuse_unfit()
        self.events = events_of(text)
        self.last: yaml.Event = yaml.StreamStartEvent()
        self.next()
        self.pointer = ""
        """Of the value that is being read; the parser's own faults are named by it."""
        self.positions: dict[str, tuple[int, int]] = {}
        self.pointer_length = 0
        self.depth = 0

    def next(self) -> yaml.Event:
        try:
            self.last = self.events.get_event() or self.last
        except yaml.MarkedYAMLError as error:
            fault = fault_of(self.text, error, self.last)
            raise self.broken((fault.message, fault.hint), self.pointer, fault.offset) from error
        return self.last

    def documents(self) -> list[Document]:
        found = []
        while isinstance(start := self.next(), yaml.DocumentStartEvent):
            self.refuse_directives(start)
            self.positions, self.pointer = {}, ""
            event = self.next()
            if not _is_nothing(event):
                self.note("", event)
                found.append(Document(self.value(event, ""), self.positions))
            self.next()
        if not found:
            raise self.broken(NO_DOCUMENT, "", 0)
        return found

    def value(self, event: yaml.Event, pointer: str) -> Json:
        self.refuse_marks(event, pointer)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, pointer)
        if self.depth == MAX_DEPTH:
            raise self.broken_at(event, TOO_DEEP, pointer)
        self.depth += 1
        if isinstance(event, yaml.SequenceStartEvent):
            value: Json = self.sequence(pointer)
        else:
            value = self.mapping(event, pointer)
        self.depth -= 1
        self.pointer = pointer
        return value

    def sequence(self, pointer: str) -> list[Json]:
        found: list[Json] = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            place = f"{pointer}/{len(found)}"
            self.note(place, event)
            found.append(self.value(event, place))
        return found

    def mapping(self, start: yaml.Event, pointer: str) -> dict[str, Json]:
        self.refuse_expression(start, pointer)
        found: dict[str, Json] = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            key = self.key(event, pointer)
            place = member(pointer, key)
            if key in found:
                lines = self.positions[place][0], start_of(event).line + 1
                raise self.broken_at(event, stands_twice(key, *lines), place)
            self.note(place, event)
            found[key] = self.value(self.next(), place)
        return found

    def key(self, event: yaml.Event, pointer: str) -> str:
        self.refuse_marks(event, pointer)
        if not isinstance(event, yaml.ScalarEvent):
            self.refuse_expression(event, pointer)
            raise self.broken_at(event, ("A key must be a text.", None), pointer)
        if event.implicit[0] and event.value == "<<":
            saying = ("A merge key (<<) cannot be used here.", "Write the members out.")
            raise self.broken_at(event, saying, pointer)
        key = self.scalar(event, pointer)
        if isinstance(key, str):
            return key
        shown = printable(event.value)
        if not shown:
            raise self.broken_at(event, ("Expected a key.", None), pointer)
        saying = (f"The key {shown} needs quotes.", f'Write "{shown}".')
        raise self.broken_at(event, saying, pointer)

    def scalar(self, event: yaml.ScalarEvent, pointer: str) -> Json:
        word: str = event.value
        if not event.implicit[0]:
            odd = _ODD.search(word) if event.style == '"' else None
            if odd is None:
                return word
            written = f"\\u{ord(odd[0]):04x}"
            saying = HAS_NUL if odd[0] == "\0" else half_character(written)
            raise self.broken_at(event, saying, pointer)
        if word and word[0] not in _BEGINS_NO_TEXT:
            return word
        match = _NO_TEXT.fullmatch(word)
        if match is None:
            return word
        kind = match.lastgroup or ""
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind == "boundless":
            hint = f'Use null or a number; a text needs quotes: "{word}".'
            saying = ("NaN and Infinity are no values here.", hint)
            raise self.broken_at(event, saying, pointer)
        try:
            return whole_number(word, _BASES[kind]) if kind in _BASES else fraction(word)
        except ValueError as error:
            raise self.broken_at(event, (str(error), None), pointer) from None

    def note(self, pointer: str, event: yaml.Event) -> None:
        self.pointer = pointer
        mark = start_of(event)
        self.positions[pointer] = mark.line + 1, mark.column + 1
        self.pointer_length += len(pointer)
        if self.pointer_length > MAX_POINTERS:
            raise self.broken_at(event, POINTERS_TOO_LONG, "")

    def refuse_unfit(self) -> None:
        unfit = _UNFIT.search(self.text)
        if unfit is None:
            return
        sign = unfit[0]
        if sign == "\0":
            saying = HAS_NUL
        elif "\ud800" <= sign <= "\udfff":
            saying = half_character(sign)
        else:
            hint = f'Remove it; in "…" it can be written as \\u{ord(sign):04x}.'
            saying = (f"The character {ascii(sign)[1:-1]} cannot stand in YAML as it is.", hint)
        raise self.broken(saying, "", unfit.start())

    def refuse_directives(self, start: yaml.DocumentStartEvent) -> None:
        if start.version not in (None, (1, 2)) or start.tags:
            saying = MARKS["%"]
            raise self.broken_at(start, saying, "")

    def refuse_marks(self, event: yaml.Event, pointer: str) -> None:
        """Refuse what would make a value mean more than is written there."""
        if isinstance(event, yaml.AliasEvent):
            raise self.broken_at(event, MARKS["*"], pointer)
        if getattr(event, "tag", None) is not None:
            raise self.broken_at(event, MARKS["!"], pointer)
        if getattr(event, "anchor", None) is not None:
            raise self.broken_at(event, MARKS["&"], pointer)

    def refuse_expression(self, start: yaml.Event, pointer: str) -> None:
        """An expression without quotes is a mapping that has a mapping for its key."""
        offset = start_of(start).index
        if self.text.startswith("{{", offset):
            raise self.broken_at(start, unquoted_expression(self.text, offset), pointer)

    def broken_at(self, event: yaml.Event, saying: Saying, pointer: str) -> InvalidError:
        mark = start_of(event)
        return broken(Problem("error", *saying, mark.line + 1, mark.column + 1, pointer))

    def broken(self, saying: Saying, pointer: str, offset: int) -> InvalidError:
        return broken(Problem("error", *saying, *place_of(self.text, offset), pointer))


def _is_nothing(event: yaml.Event) -> bool:
    return (
        isinstance(event, yaml.ScalarEvent)
        and event.value == ""
        and event.implicit[0]
        and event.anchor is None
    )
