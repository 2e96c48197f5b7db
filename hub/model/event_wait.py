"""What a run is parked for: an event that is still to come, or came after it was asked for."""

import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from hub.model.filter import EVERYTHING, Filter, matches, parse_filter
from hub.model.json import Json, dumps_text, loads


@dataclass(frozen=True, slots=True)
class EventWait:
    """Which event one step waits for."""

    path: str
    """The step's."""
    since_us: int
    """Events that were received earlier do not count."""
    event_type: str | None = None
    """With ``*`` for any text."""
    source: str | None = None
    filter: Json = None
    """A filter of the event's body, with the values of the run."""
    taken: tuple[str, ...] = ()
    """Ids of events that do not count: the one that began the run, those it has waited for."""

    def as_text(self) -> str:
        """JSON text of it."""
        return dumps_text(asdict(self))

    @classmethod
    def of_text(cls, text: str) -> "EventWait":
        """What :meth:`as_text` gave."""
        fields: dict[str, Any] = loads(text)
        return cls(**{**fields, "taken": tuple(fields["taken"])})

    def may_fit(self, event_id: str, source: str, event_type: str | None, at_us: int) -> bool:
        """Whether the body is worth a look."""
        return (
            at_us >= self.since_us
            and event_id not in self.taken
            and self.source in (None, source)
            and (self.event_type is None or _is_like(self.event_type, event_type or ""))
        )

    def fits(self, fields: dict[str, Json]) -> bool:
        """Whether the body's fields are those that are waited for."""
        return matches(self._filter(), fields)

    def _filter(self) -> Filter:
        return EVERYTHING if self.filter is None else parse_filter(self.filter)


def _is_like(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(1000)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
