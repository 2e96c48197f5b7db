"""Differences between two states of an object, told field by field and without its secrets."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.model.json import Json
from hub.model.masking import MASK
from hub.model.secrets import Path, with_secrets

_MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class Seen:
    """An object as it stands: ``body`` is None where there is none, ``secrets`` are their paths."""

    kind: str
    name: str
    body: Mapping[str, Any] | None
    secrets: tuple[Path, ...] = ()


class _Hidden(str):
    """A secret: it can be compared, and is told as its mask."""

    __slots__ = ()


def differences(before: Seen, after: Seen) -> list[dict[str, Json]]:
    """What has changed, by JSON pointer: ``{"at", "before", "after"}``.

    ``before`` is left out where there was nothing, ``after`` where there is nothing; ``at`` is
    empty for the whole object. A secret that has changed differs, and is told as its mask.
    """
    return [
        {"at": at, **_sides(one, other)}
        for at, one, other in _pairs("", _body(before), _body(after))
    ]


def _body(seen: Seen) -> Any:
    if seen.body is None:
        return _MISSING
    return with_secrets(seen.body, seen.secrets, lambda text, path: _Hidden(text))


def _pairs(at: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            place = f"{at}/{name.replace('~', '~0').replace('/', '~1')}"
            yield from _pairs(place, before.get(name, _MISSING), after.get(name, _MISSING))
    elif not _same(before, after):
        yield at, before, after


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON, where true is not 1; or missing both."""
    return bool(one == other) and isinstance(one, bool) is isinstance(other, bool)


def _sides(before: Any, after: Any) -> dict[str, Json]:
    sides = {"before": before, "after": after}
    return {side: _told(value) for side, value in sides.items() if value is not _MISSING}


def _told(value: Any) -> Json:
    if isinstance(value, _Hidden):
        return MASK
    if isinstance(value, dict):
        return {name: _told(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_told(each) for each in value]
    return value


def readable(changes: Iterable[Mapping[str, Json]], text: Callable[[Json], str]) -> Iterator[str]:
    """Lines for people: ``+ /url: "…"``, ``- /url: "…"``, ``~ /url: "…" -> "…"``.

    ``text`` makes a value one line.
    """
    for each in changes:
        at = each["at"] or "/"
        if "before" not in each:
            yield f"+ {at}: {text(each['after'])}"
        elif "after" not in each:
            yield f"- {at}: {text(each['before'])}"
        else:
            yield f"~ {at}: {text(each['before'])} -> {text(each['after'])}"
