"""Who is told of an alert: never only a destination that an alert is about. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hub.model.alert import Alert, Phase, Standing
from hub.model.condition import CONDITIONS
from hub.model.destination import Destination


@dataclass(frozen=True, slots=True)
class Aims:
    """Who may be told."""

    destinations: Mapping[str, Destination]
    usual: tuple[str, ...]
    """Those of the settings."""
    broken: frozenset[str] = frozenset()
    """Those that alerts fire about."""

    def of(self, standing: Standing, rule: Alert | None) -> tuple[str, ...]:
        """The destinations that are told of it; maybe none.

        Who heard that it fires hears that it is over. Otherwise those that the rule names, unless
        an alert fires about them; then the usual ones, if they are any better.
        """
        named = rule.destinations if rule is not None and rule.destinations else self.usual
        if standing.phase is Phase.RESOLVED:
            return self._there(standing.told)
        about = standing.subject if CONDITIONS[standing.when].about == "destination" else None
        return (
            self._well(named, about)
            or self._well(self.usual, about)
            or self._there(named)  # better late, and there, than nowhere
        )

    def _there(self, slugs: Iterable[str]) -> tuple[str, ...]:
        return tuple(slug for slug in dict.fromkeys(slugs) if slug in self.destinations)

    def _well(self, slugs: Iterable[str], about: str | None) -> tuple[str, ...]:
        return tuple(
            slug
            for slug in self._there(slugs)
            if slug != about and slug not in self.broken and self.destinations[slug].takes
        )


def broken_among(standings: Iterable[Standing]) -> frozenset[str]:
    """The destinations that alerts fire about."""
    return frozenset(
        each.subject
        for each in standings
        if each.phase is Phase.FIRING and CONDITIONS[each.when].about == "destination"
    )
