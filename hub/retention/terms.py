"""Terms: how long things are kept after they have ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hub.model.source import Source
from hub.model.time import US_PER_S
from hub.store.retention import Ended, Past

_DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many microseconds the events of a source are kept, and what came of them."""

    events: int
    runs: int
    dead: int

    def ended(self, now_us: int) -> Ended:
        """Before when things have to have ended to go now."""
        return Ended(now_us - self.runs, now_us - self.events, now_us - self.dead)

    def of_run(self, past: Past) -> int:
        """How long a run is kept."""
        return self.runs

    def of_delivery(self, past: Past) -> int:
        """How long a delivery is kept: what arrived like its event, a dead letter by itself."""
        return self.dead if past.status == _DEAD else self.events


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for the hub, in microseconds, and for the sources that say something else."""

    keep: Keep
    attempts: int
    rejected: int
    aged: Mapping[str, int] = field(default_factory=dict)
    """Of the tables of :data:`hub.store.retention.AGED`; 0 where nothing is said."""
    sources: Mapping[str, Keep] = field(default_factory=dict)

    def of(self, source: str | None) -> Keep:
        """What holds for the events of a source."""
        return self.keep if source is None else self.sources.get(source, self.keep)

    def with_sources(self, sources: Mapping[str, Source]) -> "Terms":
        """With what sources say; no event goes before its repetition would be a new one."""
        own = {slug: self._own(source) for slug, source in sources.items()}
        return replace(
            self, sources={slug: keep for slug, keep in own.items() if keep != self.keep}
        )

    def _own(self, source: Source) -> Keep:
        if source.keep_s is None:
            return replace(self.keep, events=max(self.keep.events, source.window_us))
        us = source.keep_s * US_PER_S
        return Keep(us, us, us)
