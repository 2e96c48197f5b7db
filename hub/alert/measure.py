"""Measures what the rules watch: in the ledger, at the gates, in the catalog, in reports.

Rules that ask for the same share one question. What cannot be measured is not known, and then
nothing changes.
"""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeAlias

from hub.alert.decide import Seen
from hub.errors import StoreError
from hub.expr import LANES
from hub.model.alert import Alert
from hub.model.condition import DISK_LOW, LEDGER_UNAVAILABLE, PROCESS_FAILING, REDIS_UNAVAILABLE
from hub.model.destination import DestinationState
from hub.model.ids import first_id
from hub.model.time import US_PER_S
from hub.outbound.gates import Gates
from hub.store import watched
from hub.store.alerts import Stand
from hub.store.catalog import Snapshot
from hub.store.ledger import Ledger
from hub.store.tx import Tx

P = ParamSpec("P")
Values: TypeAlias = Mapping[str, float]
"""The value of each subject."""
_BREAKERS = "breakers"
_HOUR_US = 3600 * US_PER_S


class Measures:
    """What one look finds; each question is asked once, however many rules have it."""

    def __init__(self, ledger: Ledger, gates: Gates, snapshot: Snapshot, stand: Stand) -> None:
        self._ledger = ledger
        self._gates = gates
        self._answers: dict[object, Any] = {}
        self.snapshot = snapshot
        self.stand = stand
        self.depths: Counter[str] = Counter()
        """How far depths are counted, by the condition."""

    async def of(self, rules: Mapping[str, Alert]) -> dict[str, Seen]:
        """What is seen for each rule.

        Raises:
            StoreError: the ledger does not answer.
        """
        for rule in rules.values():
            self.depths[rule.when] = max(self.depths[rule.when], round(rule.limit or 0))
        return {slug: await self._seen(rule) for slug, rule in rules.items()}

    async def _seen(self, rule: Alert) -> Seen:
        found = await _WAYS[rule.when](self, rule)
        if found is None:
            return Seen({}, is_known=False)
        fits = fitting(rule.pattern)
        return Seen({name: value for name, value in found.items() if fits(name)})

    async def ask(
        self,
        query: Callable[Concatenate[Tx, P], Mapping[str, Any]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Mapping[str, Any]:
        """What the ledger answers."""
        key = (query, args)
        if key not in self._answers:
            self._answers[key] = await self._ledger.read(query, *args, **kwargs)
        found: Mapping[str, Any] = self._answers[key]
        return found

    def since(self, rule: Alert) -> int:
        """When a rule's window begins, in microseconds."""
        return self.stand.now - round((rule.over_s or 0.0) * US_PER_S)

    async def open_breakers(self) -> Values | None:
        """Those that are not closed, and that nobody tripped; None where Redis is away."""
        if _BREAKERS not in self._answers:
            self._answers[_BREAKERS] = await self._find_breakers()
        found: Values | None = self._answers[_BREAKERS]
        return found

    async def _find_breakers(self) -> Values | None:
        try:
            names = sorted(await self._gates.not_closed())
            states = await self._gates.states(names)
        except StoreError:
            return None
        pairs = zip(names, states, strict=True)
        return {name: 1.0 for name, each in pairs if each.state != "closed" and not each.by_hand}

    async def has_redis(self) -> bool:
        """Whether Redis answers."""
        return await self.open_breakers() is not None


def fitting(pattern: str) -> Callable[[str], bool]:
    """Whether a name is meant by a pattern, in which ``*`` stands for any text."""
    parts = ".*".join(re.escape(part) for part in pattern.split("*"))
    matches = re.compile(parts, re.DOTALL).fullmatch
    return lambda name: matches(name) is not None


def _one_name(rule: Alert) -> str | None:
    return None if "*" in rule.pattern else rule.pattern


async def _task_failures(at: Measures, rule: Alert) -> Values:
    return await at.ask(watched.failed_runs, at.since(rule))


async def _task_failure_rate(at: Measures, rule: Alert) -> Values:
    since = first_id("run", at.since(rule))
    return _shares(rule, await at.ask(watched.run_shares, since, _one_name(rule)))


async def _delivery_failure_rate(at: Measures, rule: Alert) -> Values:
    since = first_id("dlv", at.since(rule))
    return _shares(rule, await at.ask(watched.delivery_shares, since, _one_name(rule)))


def _shares(rule: Alert, found: Mapping[str, tuple[int, int]]) -> Values:
    return {name: bad / of for name, (bad, of) in found.items() if of >= rule.among}


async def _dead_letters(at: Measures, rule: Alert) -> Values:
    return await at.ask(watched.dead_letters, at.since(rule))


async def _lane_depth(at: Measures, rule: Alert) -> Values:
    return await at.ask(watched.lane_depths, LANES, at.depths[rule.when])


async def _lane_age(at: Measures, rule: Alert) -> Values:
    now = at.snapshot
    is_open = [] if now.all_paused else [n for n in LANES if f"lane:{n}" not in now.paused]
    return _seconds(await at.ask(watched.lane_ages, tuple(is_open)))


async def _destination_depth(at: Measures, rule: Alert) -> Values:
    return await at.ask(watched.waiting_deliveries, at.depths[rule.when])


async def _destination_age(at: Measures, rule: Alert) -> Values:
    ages = _seconds(await at.ask(watched.delivery_ages))
    still = {slug for slug, each in at.snapshot.destinations.items() if not each.takes}
    return {} if at.snapshot.all_paused else {n: v for n, v in ages.items() if n not in still}


async def _breaker_open(at: Measures, rule: Alert) -> Values | None:
    return await at.open_breakers()


async def _destination_disabled(at: Measures, rule: Alert) -> Values:
    disabled = DestinationState.DISABLED
    found = at.snapshot.destinations
    return {slug: 1.0 for slug, each in found.items() if each.state is disabled}


async def _rejected_spike(at: Measures, rule: Alert) -> Values:
    begin, over_us = at.since(rule), round((rule.over_s or 1.0) * US_PER_S)
    start, end = first_id("evt", begin), first_id("evt", at.stand.now + _HOUR_US)
    found = await at.ask(watched.rejected, start, end)
    before = await at.ask(watched.rejected, first_id("evt", begin - _HOUR_US), start)
    usual = over_us / _HOUR_US * rule.times
    return {name: count for name, count in found.items() if count >= before.get(name, 0) * usual}


async def _schedule_missed(at: Measures, rule: Alert) -> Values:
    return {} if at.snapshot.all_paused else _seconds(await at.ask(watched.late_schedules))


def _seconds(found: Mapping[str, int]) -> Values:
    return {name: us / US_PER_S for name, us in found.items()}


async def _process_failing(at: Measures, rule: Alert) -> Values:
    """In how many processes, by the name of the background task."""
    return Counter(
        each.subject for _, each in at.stand.reports if each.condition == PROCESS_FAILING
    )


async def _disk_low(at: Measures, rule: Alert) -> Values:
    """What is free, by the machine; of its processes the one that sees the least."""
    found: dict[str, float] = {}
    for _, each in at.stand.reports:
        if each.condition == DISK_LOW:
            found[each.subject] = min(each.value, found.get(each.subject, each.value))
    return found


async def _redis_unavailable(at: Measures, rule: Alert) -> Values:
    return {} if await at.has_redis() else {"": 1.0}


async def _ledger_unavailable(at: Measures, rule: Alert) -> Values:
    """Never where this can be asked: see :mod:`hub.alert.outage`."""
    return {}


_WAYS: Mapping[str, Callable[[Measures, Alert], Awaitable[Values | None]]] = {
    "task_failures": _task_failures,
    "task_failure_rate": _task_failure_rate,
    "delivery_failure_rate": _delivery_failure_rate,
    "dead_letters": _dead_letters,
    "lane_depth": _lane_depth,
    "lane_age": _lane_age,
    "destination_depth": _destination_depth,
    "destination_age": _destination_age,
    "breaker_open": _breaker_open,
    "destination_disabled": _destination_disabled,
    "rejected_spike": _rejected_spike,
    "schedule_missed": _schedule_missed,
    PROCESS_FAILING: _process_failing,
    DISK_LOW: _disk_low,
    REDIS_UNAVAILABLE: _redis_unavailable,
    LEDGER_UNAVAILABLE: _ledger_unavailable,
}
