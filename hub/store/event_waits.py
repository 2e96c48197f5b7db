"""Runs that are parked for an event, and the events that come for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, null, select, update

from hub.model.ids import first_id
from hub.store.ledger import Write
from hub.store.schema import events, resumes, runs
from hub.store.statement import inline, insert_of, now_us, one_of
from hub.store.tx import Tx

_OPEN = (
    select(runs.c.id, runs.c.awaits)
    .where(runs.c.awaits.is_not(None), runs.c.status == inline("waiting"))
    .order_by(runs.c.id)
)
_LATER = (
    select(events.c.id, events.c.source, events.c.type, events.c.received_at)
    .where(
        events.c.id > bindparam("after_id"),
        events.c.fate.in_((inline("recorded"), inline("unmatched"))),
    )
    .order_by(events.c.id)
    .limit(bindparam("most"))
)
_BODIES = select(events.c.id, events.c.body).where(one_of(events.c.id, "ids"))
_TAKE = (
    update(runs)
    .where(
        runs.c.id == bindparam("of_id"),
        runs.c.status == inline("waiting"),
        runs.c.awaits == bindparam("was_for"),
    )
    .values(awaits=null(), due_at=now_us())
)
_ANSWER = insert_of(resumes, received_at=now_us())
_HAS_ITS_WORK = (
    update(events)
    .where(events.c.id == bindparam("of_id"), events.c.fate == inline("unmatched"))
    .values(fate=inline("recorded"))
)


def open_waits(tx: Tx, /) -> list[tuple[str, str]]:
    """Ids of the runs that are parked for an event, and what for, as text."""
    return [(row[0], row[1]) for row in tx.rows(_OPEN)]


def events_since(
    tx: Tx, us: int, most: int, after: str | None = None
) -> list[tuple[str, str, str | None, int]]:
    """Id, source, type and time of events since a time, or after one, oldest first."""
    rows = tx.rows(_LATER, {"after_id": after or first_id("evt", us), "most": most})
    return [(row[0], row[1], row[2], int(row[3])) for row in rows]


def bodies_of(tx: Tx, ids: Sequence[str]) -> dict[str, bytes]:
    """The bodies of events."""
    return {row[0]: bytes(row[1]) for row in tx.rows(_BODIES, {"ids": sorted(ids)})}


@dataclass(frozen=True, slots=True)
class Match:
    """An event that a run is parked for. ``payload`` is JSON text, ``awaits`` what it was for."""

    id: str
    run_id: str
    awaits: str
    event_id: str
    payload: str


def _match(tx: Tx, found: Sequence[Match]) -> list[bool]:
    return [_take(tx, each) for each in found]


MATCH: Write[Match, bool] = Write("match_event", 78, _match)
"""Have the run go on with the event; False if it no longer waits for it."""


def _take(tx: Tx, match: Match) -> bool:
    if not tx.run(_TAKE, {"of_id": match.run_id, "was_for": match.awaits}):
        return False
    tx.run(_ANSWER, {"id": match.id, "run_id": match.run_id, "payload": match.payload})
    tx.run(_HAS_ITS_WORK, {"of_id": match.event_id})
    return True
