"""Alerts: how subjects stand with the rules, whose turn it is to look, and what is muted.

A look is claimed, and what follows from it is kept only while no later look was claimed: however
many processes look, and wherever one dies, what is told and that it was told are one commit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Text, bindparam, delete, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from hub.model.alert import Phase, Standing
from hub.model.event import Arrival
from hub.model.json import dumps_text, loads
from hub.model.segment import Publication
from hub.store.deliveries import insert_deliveries
from hub.store.events import insert_events
from hub.store.ledger import Write
from hub.store.outbox import insert_publications
from hub.store.runs import insert_runs
from hub.store.schema import alert_looks, alert_mutes, alert_reports, alerts
from hub.store.statement import insert_of, now_us
from hub.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Report:
    """Something that a process sees of itself or its machine, with its value."""

    condition: str
    subject: str
    value: float


@dataclass(frozen=True, slots=True)
class Muting:
    """Nothing new is told of a rule for so many microseconds, and why."""

    rule: str
    for_us: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Mute:
    """Until when nothing new is told, in microseconds since the epoch, and why."""

    until: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class Stand:
    """How everything stands. Times are microseconds since the epoch."""

    now: int
    """The database's time."""
    standings: Mapping[tuple[str, str], Standing]
    mutes: Mapping[str, int]
    """Until when, by the rule; some of them may be over."""
    reports: tuple[tuple[str, Report], ...]
    """Fresh ones, each with the process that gave it."""

    @property
    def muted(self) -> frozenset[str]:
        """The rules that nothing new is told of now."""
        return frozenset(rule for rule, until in self.mutes.items() if until > self.now)


@dataclass(frozen=True, slots=True)
class Look:
    """What follows from look number ``n``: all of it is kept, or nothing."""

    n: int
    put: tuple[Standing, ...] = ()
    drop: tuple[tuple[str, str], ...] = ()
    arrivals: tuple[Arrival, ...] = field(default=(), repr=False)
    """The notices, as events of the hub's own with their deliveries and runs."""
    publications: tuple[Publication, ...] = field(default=(), repr=False)

    @property
    def changes(self) -> bool:
        """Whether there is anything to keep."""
        return bool(self.put or self.drop)


_FIRST = (
    insert(alert_looks)
    .values(id=literal(1), n=literal(0), next_at=literal(0))
    .on_conflict_do_nothing(index_elements=["id"])
)
_CLAIM = (
    update(alert_looks)
    .where(alert_looks.c.next_at <= now_us())
    .values(n=alert_looks.c.n + 1, next_at=now_us() + bindparam("every_us"))
    .returning(alert_looks.c.n)
)
_IS_LATER = select(literal(1)).where(select(alert_looks.c.next_at).scalar_subquery() > now_us())
_LATEST = select(alert_looks.c.n).with_for_update()
_put = insert_of(alerts)
_PUT = _put.on_conflict_do_update(
    index_elements=["rule", "subject"],
    set_={column.name: _put.excluded[column.name] for column in alerts.c if not column.primary_key},
)
_DROP = delete(alerts).where(
    alerts.c.rule == bindparam("of_rule"), alerts.c.subject == bindparam("of_subject")
)
_ALL = select(alerts).order_by(alerts.c.rule, alerts.c.subject)
_NOW = select(now_us())
_MUTES = select(alert_mutes.c.rule, alert_mutes.c.until)
_MUTED = select(alert_mutes.c.rule, alert_mutes.c.until, alert_mutes.c.reason).where(
    alert_mutes.c.until > now_us()
)
_mute = insert(alert_mutes).values(
    rule=bindparam("of_rule"),
    until=now_us() + bindparam("for_us"),
    reason=bindparam("because", type_=Text),
)
_MUTE = _mute.on_conflict_do_update(
    index_elements=["rule"],
    set_={"until": _mute.excluded.until, "reason": _mute.excluded.reason},
).returning(alert_mutes.c.until)
_UNMUTE = delete(alert_mutes).where(alert_mutes.c.rule == bindparam("of_rule"))
_REPORT = insert_of(alert_reports, reported_at=now_us())
_WITHDRAW = delete(alert_reports).where(alert_reports.c.process == bindparam("of_process"))
_REPORTS = select(
    alert_reports.c.process,
    alert_reports.c.condition,
    alert_reports.c.subject,
    alert_reports.c.value,
).where(alert_reports.c.reported_at > now_us() - bindparam("fresh_us"))
_PRUNE_REPORTS = delete(alert_reports).where(
    alert_reports.c.reported_at <= now_us() - bindparam("fresh_us")
)


def is_look_due(tx: Tx, /) -> bool:
    """Whether it is time to look."""
    return not tx.rows(_IS_LATER)


def stand_now(tx: Tx, *, fresh_us: int) -> Stand:
    """How everything stands; reports that are older than ``fresh_us`` do not count."""
    return Stand(
        now=int(tx.rows(_NOW)[0][0]),
        standings={(each.rule, each.subject): each for each in standings_now(tx)},
        mutes=dict(tx.rows(_MUTES)),
        reports=tuple(
            (row[0], Report(*row[1:])) for row in tx.rows(_REPORTS, {"fresh_us": fresh_us})
        ),
    )


def mutes_now(tx: Tx, /) -> dict[str, Mute]:
    """The rules that are muted now."""
    return {rule: Mute(until, reason) for rule, until, reason in tx.rows(_MUTED)}


def standings_now(tx: Tx, /) -> list[Standing]:
    """How everything stands, by rule and subject."""
    rows = [dict(zip(alerts.c.keys(), row, strict=True)) for row in tx.rows(_ALL)]
    return [_standing(row) for row in rows]


def _standing(row: dict[str, Any]) -> Standing:
    return Standing(
        when=row.pop("condition"),
        phase=Phase(row.pop("phase")),
        is_told=bool(row.pop("is_told")),
        told=tuple(loads(row.pop("told"))),
        **row,
    )


def _row(standing: Standing) -> dict[str, Any]:
    row = asdict(standing)
    return {
        **row,
        "condition": row.pop("when"),
        "phase": standing.phase.value,
        "told": dumps_text(list(standing.told)),
    }


def _claim(tx: Tx, asked: Sequence[tuple[int, int]]) -> list[int | None]:
    tx.run(_FIRST)
    return [_claim_one(tx, *each) for each in asked]


def _claim_one(tx: Tx, every_us: int, fresh_us: int) -> int | None:
    rows = tx.rows(_CLAIM, {"every_us": every_us})
    if not rows:
        return None
    tx.run(_PRUNE_REPORTS, {"fresh_us": fresh_us})
    return int(rows[0][0])


CLAIM_LOOK: Write[tuple[int, int], int | None] = Write("claim_alert_look", 140, _claim)
"""Take the look that is due, the next one ``every_us`` later; gives its number, or None.

The second number is how old reports may be, in microseconds; older ones are deleted.
"""


def _keep(tx: Tx, looks: Sequence[Look]) -> list[bool]:
    return [_keep_one(tx, each) for each in looks]


def _keep_one(tx: Tx, look: Look) -> bool:
    rows = tx.rows(_LATEST)
    if not rows or rows[0][0] != look.n:
        return False
    tx.many(_PUT, [_row(each) for each in look.put])
    for rule, subject in look.drop:
        tx.run(_DROP, {"of_rule": rule, "of_subject": subject})
    insert_events(tx, look.arrivals)
    insert_runs(tx, [run for each in look.arrivals for run in each.runs])
    insert_deliveries(tx, [one for each in look.arrivals for one in each.deliveries])
    insert_publications(tx, look.publications)
    tx.told.extend(look.publications)
    return True


KEEP_LOOK: Write[Look, bool] = Write("keep_alert_look", 141, _keep)
"""Keep what follows from a look, and queue what is told of it; False if a later one has begun."""


def _mute_all(tx: Tx, mutes: Sequence[Muting]) -> list[int]:
    return [
        int(
            tx.rows(_MUTE, {"of_rule": each.rule, "for_us": each.for_us, "because": each.reason})[
                0
            ][0]
        )
        for each in mutes
    ]


MUTE_ALERT: Write[Muting, int] = Write("mute_alert", 142, _mute_all)
"""Tell nothing new of a rule for a while; gives until when."""


def _unmute_all(tx: Tx, rules: Sequence[str]) -> list[bool]:
    return [bool(tx.run(_UNMUTE, {"of_rule": rule})) for rule in rules]


UNMUTE_ALERT: Write[str, bool] = Write("unmute_alert", 143, _unmute_all)
"""Tell of a rule again; False if it was not muted."""


def _report_all(tx: Tx, given: Sequence[tuple[str, tuple[Report, ...]]]) -> list[None]:
    for process, reports in given:
        tx.run(_WITHDRAW, {"of_process": process})
        tx.many(_REPORT, [{"process": process, **asdict(each)} for each in reports])
    return [None] * len(given)


REPORT_ALERTS: Write[tuple[str, tuple[Report, ...]], None] = Write(
    "report_alerts", 144, _report_all
)
"""Say what a process sees of itself, in place of what it said before."""
