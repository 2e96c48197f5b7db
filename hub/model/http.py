"""HTTP messages as values: what came in, what goes out, what was answered."""

from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import TypeAlias

from hub.model.value import value

Pairs: TypeAlias = tuple[tuple[str, str], ...]


class Headers:
    """Header fields: names lower-cased, order and repeats kept, looked up without case."""

    __slots__ = ("_first", "pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs: Pairs = tuple([(name.lower(), value) for name, value in pairs])
        self._first = dict(reversed(self.pairs))

    def get(self, name: str) -> str | None:
        """The first value of that name, or None."""
        return self._first.get(name.lower())

    def all(self, name: str) -> list[str]:
        """Every value of that name, in order."""
        wanted = name.lower()
        return [value for key, value in self.pairs if key == wanted]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.pairs == other.pairs

    def __hash__(self) -> int:
        return hash(self.pairs)

    def __repr__(self) -> str:
        return f"Headers({list(self._first)!r})"  # names only: values may be secrets


@value(frozen=True, slots=True)
class InboundRequest:
    """A request to a source, whole, with the exact bytes of its body."""

    method: str
    rest: str
    """The path after ``/in/{source}/``."""
    query: str
    headers: Headers
    body: bytes
    ip: str
    url: str = ""
    """As its sender wrote it, as far as that is known: some signatures are over it."""


@value(frozen=True, slots=True)
class OutboundRequest:
    """A request that leaves the hub. ``headers`` never name Host or Content-Length."""

    method: str
    url: str
    headers: Pairs
    body: bytes = field(repr=False)


@value(frozen=True, slots=True)
class OutboundResponse:
    """An answer, its body read up to the cap."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)
    truncated: bool
    """The body was longer than the cap; ``body`` holds its beginning."""
    duration_ms: int
