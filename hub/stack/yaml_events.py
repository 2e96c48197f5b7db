"""The parsers of YAML: a text in, events with their places out, and nothing made of them."""

from collections.abc import Callable
from typing import Protocol

import yaml
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner


class Place(Protocol):
    """A place in a text; all of it counts from 0."""

    index: int
    line: int
    column: int


def start_of(event: yaml.Event) -> Place:
    """Where an event's part of the text begins."""
    assert event.start_mark is not None  # noqa: S101 - parsers always say where
    return event.start_mark


def end_of(event: yaml.Event) -> Place:
    """The place behind an event's part of the text."""
    assert event.end_mark is not None  # noqa: S101 - parsers always say where
    return event.end_mark


class Events(Protocol):
    """Where a text's events come from, one after another."""

    def get_event(self) -> yaml.Event | None:
        """The next event; a fault of the text is a ``yaml.MarkedYAMLError``."""


class PurePython(Reader, Scanner, Parser):
    """The parser for where the library has no libyaml: slower, and stricter about tabs."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def get_event(self) -> yaml.Event | None:
        try:
            event: yaml.Event | None = super().get_event()  # type: ignore[no-untyped-call]  # as stubbed
        except ValueError as error:  # an escape beyond the last character
            here = self.get_mark()
            raise yaml.MarkedYAMLError("quoted scalar", here, str(error), here) from error
        return event


def _fastest() -> Callable[[str], Events]:
    if not yaml.__with_libyaml__:
        return PurePython
    from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs do not export it

    return CParser


events_of: Callable[[str], Events] = _fastest()
"""The events of a text, by the fastest parser that is installed."""
