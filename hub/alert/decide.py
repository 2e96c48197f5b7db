"""What follows from what was seen: pure, and the same however often it is asked.

A subject that holds is pending until it has held for long enough, then fires, and is over once it
has not held for a while. Each firing is told once, with reminders far apart, and its end is told
once to whoever heard of it. One that comes back soon after its end has to stay away for longer
and longer before it counts as over, so that what flaps is told less and less.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from hub.model.alert import Alert, Phase, Standing
from hub.model.time import US_PER_S

MOST_FLAPS = 10
Key = tuple[str, str]
"""A rule and a subject."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was measured for a rule: the value of each subject that was found."""

    values: Mapping[str, float]
    is_known: bool = True
    """False: it could not be measured, and everything stays as it was."""


@dataclass(frozen=True, slots=True)
class ToTell:
    """What is to be told now."""

    firing: tuple[Standing, ...] = ()
    """Those not told yet, and those to be reminded of."""
    resolved: tuple[Standing, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.firing or self.resolved)


def decide(
    before: Mapping[Key, Standing],
    rules: Mapping[str, Alert],
    seen: Mapping[str, Seen],
    now: int,
) -> dict[Key, Standing]:
    """How everything stands after a look; what is in ``before`` and not here is forgotten.

    ``rules`` are those that are watched; ``now`` is the database's time in microseconds.
    """
    after: dict[Key, Standing] = {}
    for key in dict.fromkeys([*before, *_holding(rules, seen)]):
        rule, found = rules.get(key[0]), seen.get(key[0])
        standing = _next(key, before.get(key), rule, found, now)
        if standing is not None:
            after[key] = standing
    return after


def _holding(rules: Mapping[str, Alert], seen: Mapping[str, Seen]) -> Iterator[Key]:
    for slug, found in seen.items():
        rule = rules.get(slug)
        if rule is not None and found.is_known:
            for subject, value in found.values.items():
                if rule.condition.holds(value, rule.limit):
                    yield slug, subject


def _next(
    key: Key, before: Standing | None, rule: Alert | None, found: Seen | None, now: int
) -> Standing | None:
    if rule is None or (before is not None and before.when != rule.when):
        return None if before is None else _ended(before, now, keep=False)
    if found is None or not found.is_known:
        return before
    value = found.values.get(key[1])
    if value is not None and rule.condition.holds(value, rule.limit):
        return _holds(before or _new(key, rule, value, now), rule, value, now)
    return None if before is None else _holds_not(before, rule, now)


def _new(key: Key, rule: Alert, value: float, now: int) -> Standing:
    severity = rule.severity.value
    return Standing(key[0], key[1], rule.when, severity, Phase.PENDING, now, value)


def _holds(before: Standing, rule: Alert, value: float, now: int) -> Standing:
    standing = replace(before, value=value, severity=rule.severity.value, clear_since=None)
    if standing.phase is Phase.RESOLVED:
        standing = _back(standing, now)
    if standing.phase is Phase.PENDING and now - standing.since >= rule.wait_s * US_PER_S:
        return replace(standing, phase=Phase.FIRING, since=now, fired_at=now, is_told=False)
    return standing


def _back(resolved: Standing, now: int) -> Standing:
    """It holds again. If nobody knows yet that it was over, it never was."""
    if resolved.is_told:
        flaps = min(resolved.flaps + 1, MOST_FLAPS)
        return replace(resolved, phase=Phase.PENDING, since=now, is_told=False, flaps=flaps)
    since = now if resolved.fired_at is None else resolved.fired_at
    return replace(resolved, phase=Phase.FIRING, since=since, is_told=True)


def _holds_not(standing: Standing, rule: Alert, now: int) -> Standing | None:
    """The value stays what it was when it held: by that its end is told."""
    match standing.phase:
        case Phase.PENDING if standing.flaps:  # it goes on being remembered
            return replace(standing, phase=Phase.RESOLVED, since=now, is_told=True)
        case Phase.PENDING:
            return None
        case Phase.RESOLVED:
            quiet = standing.is_told and now - standing.since >= rule.quiet_s * US_PER_S
            return None if quiet else standing
    since = now if standing.clear_since is None else standing.clear_since
    if now - since >= _clear_s(standing, rule) * US_PER_S:
        return _ended(standing, now, keep=True)
    return replace(standing, clear_since=since)


def _clear_s(standing: Standing, rule: Alert) -> float:
    """How long it has to stay away; longer each time, while that keeps notices apart."""
    return min(rule.clear_s * 2.0**standing.flaps, max(rule.clear_s, rule.quiet_s))


def _ended(standing: Standing, now: int, *, keep: bool) -> Standing | None:
    """It is over. Nobody is told of the end of what nobody was told of.

    Without ``keep`` it is not remembered longer than it takes to tell of its end.
    """
    if standing.phase is Phase.FIRING and standing.is_told:
        return replace(standing, phase=Phase.RESOLVED, since=now, is_told=False, clear_since=None)
    if standing.phase is Phase.RESOLVED and not standing.is_told:
        return standing
    remembered = keep and standing.flaps > 0
    done = replace(standing, phase=Phase.RESOLVED, since=now, is_told=True, clear_since=None)
    return done if remembered else None


def to_tell(
    standings: Iterable[Standing],
    rules: Mapping[str, Alert],
    muted: frozenset[str],
    now: int,
    gather_us: int,
) -> ToTell:
    """What is to be told now: everything, as soon as one of it has waited for ``gather_us``.

    ``muted`` are rules that nothing new is told of; ends are told all the same.
    """
    firing: list[Standing] = []
    resolved: list[Standing] = []
    is_ripe = False
    for each in standings:
        if each.phase is Phase.RESOLVED and not each.is_told:
            resolved.append(each)
        elif each.phase is Phase.FIRING and each.rule not in muted and _is_due(each, rules, now):
            firing.append(each)
        else:
            continue
        is_ripe = is_ripe or is_reminder(each) or now - each.since >= gather_us
    return ToTell(tuple(firing), tuple(resolved)) if is_ripe else ToTell()


def is_reminder(standing: Standing) -> bool:
    """Whether it has been told already that it fires."""
    return standing.phase is Phase.FIRING and standing.is_told


def _is_due(standing: Standing, rules: Mapping[str, Alert], now: int) -> bool:
    rule = rules.get(standing.rule)
    if not standing.is_told or standing.notified_at is None or rule is None:
        return not standing.is_told
    return now - standing.notified_at >= rule.quiet_s * US_PER_S


def as_told(standing: Standing, told: Iterable[str], now: int) -> Standing:
    """The same after it was told to these destinations."""
    if standing.phase is Phase.RESOLVED:
        return replace(standing, is_told=True, notified_at=now, told=())
    heard = tuple(dict.fromkeys([*standing.told, *told]))
    return replace(standing, is_told=True, notified_at=now, told=heard)
