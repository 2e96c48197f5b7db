"""The journal of a run: what each step that touched the world gave.

A segment's entries travel as one row. On resume a step finds its entry by its path and takes the
result from there, so it never happens again.
"""

import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from hub.errors import HubError, StepError
from hub.model.json import Json, dumps
from hub.model.segment import StepTook

_COMPRESS_FROM_BYTES = 1024
_PLAIN, _ZLIB = b"j", b"z"
MAX_TRACE = 1000
RETRY = "retry"
"""The function of an entry that takes a failed step out of the journal, so that it is tried
again; its output is the path of that step."""


@dataclass(frozen=True, slots=True)
class Failed:
    """How a step failed; ``details`` are what a stack sees of it beside code and message."""

    code: str
    message: str
    details: dict[str, Json] = field(default_factory=dict)

    def error(self) -> StepError:
        """The same failure again."""
        return StepError(self.message, code=self.code, **self.details)


def failed_of(error: HubError) -> Failed:
    """The trace of a failure."""
    return Failed(error.code, error.message, error.details)


@dataclass(frozen=True, slots=True)
class Entry:
    """One step's trace. ``journaled`` ones count on resume, the others are for people."""

    path: str
    function: str
    started_at: int
    duration_us: int
    output: Json = None
    journaled: bool = True
    failure: Failed | None = None
    """The step could not do its work, and a resumed run takes that as it was."""
    note: str | None = None
    """What a person should know of it."""


def encode(entries: Iterable[Entry]) -> bytes:
    """A segment's entries as bytes."""
    raw = dumps([_as_json(each) for each in entries])
    if len(raw) < _COMPRESS_FROM_BYTES:
        return _PLAIN + raw
    return _ZLIB + zlib.compress(raw, 1)


def decode(row: bytes) -> list[Entry]:
    """What :func:`encode` was given."""
    raw = zlib.decompress(row[1:]) if row[:1] == _ZLIB else row[1:]
    # the standard library reads exactly, and as deep as records are with what is around them
    return [_from_json(each) for each in json.loads(raw)]


def _as_json(entry: Entry) -> list[Json]:
    """Path, function, start, duration; then the output, if it counts; then what is rare."""
    parts: list[Json] = [entry.path, entry.function, entry.started_at, entry.duration_us]
    if entry.failure is not None or entry.note is not None:
        failure = entry.failure and asdict(entry.failure)
        return [*parts, entry.output, [entry.journaled, failure, entry.note]]
    return [*parts, entry.output] if entry.journaled else parts


def _from_json(parts: list[Json]) -> Entry:
    path, function, started_at, took, *more = parts
    output = more[0] if more else None
    if len(more) < 2:
        return Entry(path, function, started_at, took, output, journaled=bool(more))
    journaled, failure, note = more[1]
    failed = failure and Failed(**failure)
    return Entry(path, function, started_at, took, output, journaled, failed, note)


@dataclass(slots=True)
class Journal:
    """What was committed before, and what the open segment adds."""

    done: dict[str, Json] = field(default_factory=dict)
    """Results by step path; a :class:`Failed` where the step failed."""
    segments: int = 0
    """Rows so far: the number of the next one."""
    retries: int = 0
    """How often the run was taken up again at a step that had failed."""
    fresh: dict[str, Entry] = field(default_factory=dict)
    """By path, in order."""
    traced: int = 0
    """How many of them are only for people."""
    shown: set[str] = field(default_factory=set)
    """Paths of committed entries that are only for people."""
    _begun: set[str] | None = None

    @classmethod
    def of(cls, rows: Iterable[bytes]) -> "Journal":
        """The journal that a run's committed rows make."""
        journal = cls()
        for row in rows:
            for entry in decode(row):
                if entry.function == RETRY:
                    journal.retries += 1
                    journal._take_out(entry.output)
                elif entry.journaled:
                    journal.done[entry.path] = entry.failure or entry.output
                else:
                    journal.shown.add(entry.path)
            journal.segments += 1
        return journal

    def _take_out(self, path: str) -> None:
        """Have a failed step tried again, with what it looked up in vain and its time."""
        self.done.pop(path, None)
        for own in (f"{path}!", f"{path}/task?"):
            if isinstance(self.done.get(own), Failed):
                del self.done[own]

    def add(self, entry: Entry) -> None:
        """Note a step that a resumed run needs the result of."""
        before = self.fresh.get(entry.path)
        if before is not None and not before.journaled:
            self.traced -= 1
        self.fresh[entry.path] = entry

    def holds(self, path: str) -> bool:
        """Whether a step has a result or a failure already, which a resumed run takes."""
        fresh = self.fresh.get(path)
        return path in self.done or (fresh is not None and fresh.journaled)

    def begun(self, prefix: str) -> bool:
        """Whether an earlier life of the run has journaled a step whose path begins so.

        ``prefix`` ends in a slash. All are gathered when it is asked first.
        """
        if self._begun is None:
            self._begun = {
                path[: at + 1] for path in self.done for at, sign in enumerate(path) if sign == "/"
            }
        return prefix in self._begun

    def trace(self, entry: Entry) -> None:
        """Note a step that needs no result on resume; the last ones of a segment are kept."""
        if entry.path in self.shown or self.holds(entry.path):
            return  # computed again by a resumed run, or shown with what it has read
        self.add(entry)
        self.traced += 1
        if self.traced >= 2 * MAX_TRACE:
            self._shorten()

    def _shorten(self) -> None:
        surplus = self.traced - MAX_TRACE
        kept = {}
        for path, entry in self.fresh.items():
            if surplus > 0 and not entry.journaled:
                surplus -= 1
            else:
                kept[path] = entry
        self.fresh, self.traced = kept, min(self.traced, MAX_TRACE)

    def took(self) -> list[StepTook]:
        """How long the open segment's steps took that touch the world."""
        return [
            StepTook(each.function, each.duration_us, each.failure is not None)
            for each in self.fresh.values()
            if each.journaled and not each.path.endswith("?")  # what a step has read
        ]

    def take_fresh(self) -> bytes:
        """The open segment's entries as bytes; the next segment begins empty."""
        if not self.fresh:
            return b""
        self._shorten()
        fresh, self.fresh, self.traced = self.fresh, {}, 0
        row = encode(fresh.values())
        self.done.update(
            (path, each.failure or each.output) for path, each in fresh.items() if each.journaled
        )
        self.segments += 1
        return row
