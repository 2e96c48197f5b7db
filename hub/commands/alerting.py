"""``hub alert``: the rules, what fires, a sample, and muting, straight from the ledger."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hub.alert.notice import alert_of
from hub.alert.sample import send_sample
from hub.alert.sending import Speaker
from hub.bootstrap import current_ledger, load_connectors, load_functions
from hub.errors import InvalidError, NotFoundError
from hub.model.alert import Alert, Phase
from hub.model.json import Json
from hub.model.time import US_PER_S, now_us, to_iso
from hub.printing import print_json, print_things, write
from hub.settings import Settings, variables
from hub.stack.problem import nearest
from hub.store.alerts import MUTE_ALERT, UNMUTE_ALERT, Mute, Muting, mutes_now, standings_now
from hub.store.catalog import Catalog
from hub.store.ledger import Ledger

_RULES = ("slug", "when", "of", "severity", "goes_to", "state")
_FIRING = ("rule", "severity", "since", "message")
_LONGEST_MUTE_S = 30 * 86_400


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the commands need of a hub that may be running elsewhere."""

    settings: Settings
    ledger: Ledger
    catalog: Catalog

    @property
    def rules(self) -> Mapping[str, Alert]:
        """All of them, by their slugs."""
        return self.catalog.now.alerts

    def known(self, slug: str) -> str:
        """The slug, if there is such a rule.

        Raises:
            NotFoundError: ``alert_unknown``.
        """
        if slug in self.rules:
            return slug
        hint = nearest(slug, sorted(self.rules))
        told = f" Did you mean {hint!r}?" if hint else " `hub alert list` names them."
        raise NotFoundError(f"There is no alert {slug!r}.{told}", code="alert_unknown")


async def list_alerts(settings: Settings, *, firing: bool, as_json: bool) -> None:
    """Print the rules and how each stands, or what fires: aligned, or as JSON lines."""
    async with _opened(settings) as hub:
        rows = await (_firing(hub) if firing else _rules(hub))
    if rows or as_json:
        print_things(rows, _FIRING if firing else _RULES, as_json=as_json)
    else:
        write("Nothing fires.")


async def _rules(hub: _Opened) -> list[dict[str, Json]]:
    mutes = await hub.ledger.read(mutes_now)
    standings = await hub.ledger.read(standings_now)
    firing = Counter(each.rule for each in standings if each.phase is Phase.FIRING)
    usual = hub.settings.alert_destinations
    return [
        {
            "slug": slug,
            "when": rule.when,
            "of": None if rule.of is None else rule.pattern,
            "severity": rule.severity.value,
            "goes_to": ", ".join(rule.destinations or usual) or None,
            "state": _state(rule, mutes.get(slug), firing[slug]),
        }
        for slug, rule in sorted(hub.rules.items())
    ]


def _state(rule: Alert, mute: Mute | None, firing: int) -> str:
    if not rule.enabled:
        return "off"
    said = f"{firing} firing" if firing else "quiet"
    if mute is None:
        return said
    because = f": {mute.reason}" if mute.reason else ""
    return f"{said}, muted until {to_iso(mute.until)}{because}"


async def _firing(hub: _Opened) -> list[dict[str, Json]]:
    root, now = hub.settings.root, now_us()
    standings = await hub.ledger.read(standings_now)
    return [
        alert_of(each, hub.rules.get(each.rule), root=root, now=now)
        for each in standings
        if each.phase is Phase.FIRING
    ]


async def test_alert(settings: Settings, slug: str, *, as_json: bool) -> None:
    """Queue a sample of what a rule tells, and print its deliveries; a running hub sends it.

    Raises:
        NotFoundError: ``alert_unknown``.
        ConflictError: ``alert_unheard``.
    """
    async with _opened(settings) as hub:
        speaker = Speaker(hub.catalog, load_connectors(), settings.timezone)
        starts = await send_sample(
            hub.ledger, speaker, hub.known(slug), settings.alert_destinations, settings.root
        )
    for each in starts:
        if as_json:
            print_json({"id": each.id, "destination": each.destination})
        else:
            write(f"{each.id} {each.destination}")


async def mute_alert(
    settings: Settings, slug: str, for_s: float, reason: str | None = None, *, as_json: bool
) -> None:
    """Have nothing new told of a rule for so long; 0 has it told again.

    Raises:
        NotFoundError: ``alert_unknown``.
        InvalidError: ``options_invalid``.
    """
    if not 0 <= for_s <= _LONGEST_MUTE_S:
        raise InvalidError(
            f"--for is a number of seconds from 0 to {_LONGEST_MUTE_S:,}.", code="options_invalid"
        )
    until: int | None = None
    async with _opened(settings) as hub:
        rule = hub.known(slug)
        if for_s:
            until = await hub.ledger.write(
                MUTE_ALERT, Muting(rule, round(for_s * US_PER_S), reason)
            )
        else:
            await hub.ledger.write(UNMUTE_ALERT, rule)
    shown = None if until is None else to_iso(until)
    if as_json:
        print_json({"slug": slug, "muted_until": shown})
    else:
        write(f"{slug} is not muted." if shown is None else f"{slug} is muted until {shown}.")


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[_Opened]:
    load_functions()  # before the stacks that name them
    async with current_ledger(settings) as ledger:
        catalog = Catalog(ledger, variables())
        await catalog.refresh()
        yield _Opened(settings, ledger, catalog)
