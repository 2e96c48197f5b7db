"""The steps of a run as a waterfall: each at its time, and below it those inside it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from hub.model.time import from_iso, now_us
from hub.stack.outline import above, finder

WIDTH: Final = 1000
"""From the beginning to the end of what is shown."""
_LEAST: Final = 4
_DEEPEST: Final = 8
_LONGEST_NUMBER: Final = 18
_WAITS: Final = "sleep"
Shown: TypeAlias = Mapping[str, Any]
Span: TypeAlias = tuple[int, int]
"""A beginning and an end, in microseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A step of a run, as the API shows it, and where its bar stands."""

    step: Shown
    nth: int
    """Which one it is of those at its path, from 0."""
    depth: int
    x: int
    width: int
    took_ms: float | None
    """With the steps inside it."""
    about: Shown | None
    """The step as it is written, where that is known."""

    @property
    def anchor(self) -> str:
        """Its name in the page."""
        return f"step-{self.step['path']}-{self.nth}"


def bars_of(run: Shown, steps: Sequence[Shown], outlined: Mapping[str, Shown]) -> list[Bar]:
    """The bars of some steps of a run, in the order of their beginnings, each before its own.

    ``outlined`` holds the steps of its task by their paths.
    """
    ended = _us(run["finished_at"]) or now_us()
    times = [_span(step, ended) for step in steps]
    whole = (
        min([_us(run["started_at"]) or ended, *(begin for begin, _ in times)]),
        max([ended, *(end for _, end in times)]),
    )
    spans = _spans(steps, times)
    paths = {step["path"] for step in steps}
    outer = {each for path in paths for each in above(path)}
    written = finder(outlined)
    seen: Counter[str] = Counter()
    bars = []
    for n in sorted(range(len(steps)), key=lambda n: (_place(steps[n]["path"], spans), times[n])):
        path = steps[n]["path"]
        begin, end = spans[path] if path in outer else times[n]
        x, width = _scaled(begin, end, whole)
        depth = sum(each in paths for each in above(path))
        took_ms = (end - begin) / 1000 if steps[n]["started_at"] else None
        nth = seen[path]
        bars.append(Bar(steps[n], nth, min(_DEEPEST, depth), x, width, took_ms, written(path)))
        seen[path] += 1
    return bars


def _scaled(begin: int, end: int, whole: Span) -> tuple[int, int]:
    """Where the bar of a stretch stands, and how wide it is."""
    scale = WIDTH / max(1, whole[1] - whole[0])
    x = min(WIDTH - _LEAST, round((begin - whole[0]) * scale))
    return x, max(_LEAST, min(WIDTH - x, round((end - begin) * scale)))


def _us(iso: str | None) -> int:
    return from_iso(iso) if iso else 0


def _span(step: Shown, ended: int) -> Span:
    """Of one that nobody knows the beginning of, the run's end, at which it failed."""
    begin = _us(step["started_at"]) or ended
    end = begin + round(1000 * (step["duration_ms"] or 0))
    if step["function"] == _WAITS and isinstance(step["output"], int):
        end = max(end, min(step["output"], ended))  # it gives when it is over
    return begin, end


def _spans(steps: Sequence[Shown], times: Sequence[Span]) -> dict[str, Span]:
    """By path, and by all that stands above one: from the first beginning in it to the last end."""
    spans: dict[str, Span] = {}
    for step, (begin, end) in zip(steps, times, strict=True):
        for path in (*above(step["path"]), step["path"]):
            first, last = spans.get(path, (begin, end))
            spans[path] = (min(first, begin), max(last, end))
    return spans


def _place(path: str, spans: Mapping[str, Span]) -> list[tuple[int, int, str]]:
    """Where it comes in the order: its parts, each by its beginning, then by its number."""
    place = []
    for each in (*above(path), path):
        part = each.rpartition("/")[2]
        is_number = part.isdecimal() and len(part) <= _LONGEST_NUMBER
        place.append((spans[each][0], int(part) if is_number else 0, part))
    return place
