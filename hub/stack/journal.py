"""The journal of a run: what each step that touched the world gave.

A segment's entries travel as one row. On resume a step finds its entry by its path and takes the
result from there, so it never happens again.
"""

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from hub.model.json import Json, dumps

_COMPRESS_FROM_BYTES = 1024
_PLAIN, _ZLIB = b"j", b"z"
MAX_TRACE = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One step's trace. ``journaled`` ones count on resume, the others are for people."""

    path: str
    function: str
    started_at: int
    duration_us: int
    output: Json = None
    journaled: bool = True


def encode(entries: Iterable[Entry]) -> bytes:
    """A segment's entries as bytes."""
    raw = dumps(
        [
            [each.path, each.function, each.started_at, each.duration_us, each.output]
            if each.journaled
            else [each.path, each.function, each.started_at, each.duration_us]
            for each in entries
        ]
    )
    if len(raw) < _COMPRESS_FROM_BYTES:
        return _PLAIN + raw
    return _ZLIB + zlib.compress(raw, 1)


def decode(row: bytes) -> list[Entry]:
    """What :func:`encode` was given."""
    raw = zlib.decompress(row[1:]) if row[:1] == _ZLIB else row[1:]
    return [
        Entry(each[0], each[1], each[2], each[3], each[4] if len(each) > 4 else None, len(each) > 4)
        for each in json.loads(raw)  # exact, and as deep as records are, with what is around them
    ]


@dataclass(slots=True)
class Journal:
    """What was committed before, and what the open segment adds."""

    done: dict[str, Json] = field(default_factory=dict)
    """Results by step path."""
    segments: int = 0
    """Rows so far: the number of the next one."""
    fresh: list[Entry] = field(default_factory=list)
    traced: int = 0
    shown: set[str] = field(default_factory=set)
    """Paths of committed entries that are only for people."""

    @classmethod
    def of(cls, rows: Iterable[bytes]) -> "Journal":
        """The journal that a run's committed rows make."""
        journal = cls()
        for row in rows:
            for entry in decode(row):
                if entry.journaled:
                    journal.done[entry.path] = entry.output
                else:
                    journal.shown.add(entry.path)
            journal.segments += 1
        return journal

    def trace(self, entry: Entry) -> None:
        """Note a step that needs no result on resume; the last ones of a segment are kept."""
        if entry.path in self.shown:
            return  # computed again by a resumed run
        self.fresh.append(entry)
        self.traced += 1
        if self.traced >= 2 * MAX_TRACE:
            self._shorten()

    def _shorten(self) -> None:
        surplus = self.traced - MAX_TRACE
        kept = []
        for entry in self.fresh:
            if surplus > 0 and not entry.journaled:
                surplus -= 1
            else:
                kept.append(entry)
        self.fresh, self.traced = kept, min(self.traced, MAX_TRACE)

    def take_fresh(self) -> bytes:
        """The open segment's entries as bytes; the next segment begins empty."""
        if not self.fresh:
            return b""
        self._shorten()
        row = encode(self.fresh)
        self.done.update((each.path, each.output) for each in self.fresh if each.journaled)
        self.fresh, self.traced = [], 0
        self.segments += 1
        return row
