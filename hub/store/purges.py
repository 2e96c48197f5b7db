"""Purges: what is to be removed, step by step; each step is committed with what it removed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from hub.model.json import dumps_text, loads
from hub.model.purge import Purge, PurgeStatus, Wanted
from hub.store.ledger import Write
from hub.store.lookup import one, page
from hub.store.retention import DropEvents, drop_events
from hub.store.schema import dedup, events, purges, runs
from hub.store.statement import inline, insert_of, now_us, one_of
from hub.store.tx import Tx

_INSERT = insert_of(purges, created_at=now_us())


@dataclass(frozen=True, slots=True)
class StartPurge:
    """Begin a purge. ``position`` is where it begins."""

    id: str
    wanted: Wanted
    position: str


def _start(tx: Tx, asked: Sequence[StartPurge]) -> list[None]:
    for each in asked:
        row = {
            "id": each.id,
            "spec": dumps_text(asdict(each.wanted)),
            "status": PurgeStatus.RUNNING.value,
            "position": each.position,
            "counts": dumps_text({"matched": 0, "left": 0, "rows": {}}),
            "finished_at": None,
        }
        tx.run(_INSERT, row)
    return [None] * len(asked)


START_PURGE: Write[StartPurge, None] = Write("start_purge", 107, _start)


@dataclass(frozen=True, slots=True)
class Step:
    """Go on from ``purge.position`` to another one, or to the end (None)."""

    purge: Purge
    position: str | None
    drop: DropEvents
    keys: tuple[tuple[str, str], ...] = ()
    """Sources and dedup keys that are the value itself, and go too."""
    records: int = 0
    """So many records went before."""


_LOCK = (
    select(purges.c.counts)
    .where(purges.c.id == bindparam("of_id"), purges.c.position == bindparam("at"))
    .where(purges.c.status == inline("running"))
    .with_for_update()
)
_MOVE = (
    update(purges)
    .where(purges.c.id == bindparam("of_id"))
    .values(position=bindparam("to"), counts=bindparam("now_gone"))
)
_END = (
    update(purges)
    .where(purges.c.id == bindparam("of_id"))
    .values(
        status=inline("done"),
        spec=bindparam("without_value"),
        counts=bindparam("now_gone"),
        finished_at=now_us(),
    )
)
_DROP_KEY = delete(dedup).where(
    dedup.c.source == bindparam("of_source"), dedup.c.key == bindparam("of_key")
)


def _take_all(tx: Tx, steps: Sequence[Step]) -> list[bool]:
    return [_take(tx, each) for each in steps]


STEP: Write[Step, bool] = Write("step_purge", 108, _take_all)
"""False, and nothing is done, where somebody else has taken that step."""


def _take(tx: Tx, step: Step) -> bool:
    purge = step.purge
    locked = tx.rows(_LOCK, {"of_id": purge.id, "at": purge.position})
    if not locked:
        return False
    gone = drop_events(tx, step.drop)
    gone["dedup"] = sum(tx.run(_DROP_KEY, {"of_source": s, "of_key": k}) for s, k in step.keys)
    gone["records"] = step.records
    counts = loads(locked[0][0])
    matched = len(step.drop.ids) + len(step.drop.runs)
    stay = _still_there(tx, step.drop)
    now_gone = dumps_text(
        {
            "matched": counts["matched"] + matched,
            "left": counts["left"] + stay,
            "rows": Counter(counts["rows"]) + Counter(gone),
        }
    )
    bound = {"of_id": purge.id, "now_gone": now_gone}
    if step.position is not None:
        tx.run(_MOVE, {**bound, "to": step.position})
    else:  # whose data it was is not kept either
        spec = dumps_text(asdict(replace(purge.wanted, value=None)))
        tx.run(_END, {**bound, "without_value": spec})
    return True


_EVENTS_THERE = select(events.c.id).where(one_of(events.c.id, "ids"))
_RUNS_THERE = select(runs.c.id).where(one_of(runs.c.id, "ids"))


def _still_there(tx: Tx, drop: DropEvents) -> int:
    left = len(tx.rows(_EVENTS_THERE, {"ids": list(drop.ids)})) if drop.ids else 0
    return left + (len(tx.rows(_RUNS_THERE, {"ids": list(drop.runs)})) if drop.runs else 0)


def find_purge(tx: Tx, /, purge_id: str) -> Purge | None:
    """A purge by its id."""
    row = one(tx, purges, id=purge_id)
    return None if row is None else _purge(row)


def purges_page(tx: Tx, /, *, before: str, most: int) -> list[Purge]:
    """Purges, the newest first, those before an id."""
    return [_purge(row) for row in page(tx, purges, before=before, most=most)]


_RUNNING = select(purges.c.id).where(purges.c.status == inline("running")).order_by(purges.c.id)


def running_purges(tx: Tx, /) -> list[str]:
    """The ids of those that are not done, the oldest first."""
    return [row[0] for row in tx.rows(_RUNNING)]


def _purge(row: dict[str, Any]) -> Purge:
    spec, counts = loads(row["spec"]), loads(row["counts"])
    tables = tuple((table, name) for table, name in spec.pop("tables"))
    return Purge(
        id=row["id"],
        wanted=Wanted(**spec, tables=tables),
        status=PurgeStatus(row["status"]),
        position=row["position"],
        matched=counts["matched"],
        left=counts["left"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        counts=counts["rows"],
    )


# What a purge looks through

_CANDIDATES = {
    "events": tuple(
        select(events.c.id)
        .where(events.c.id > bindparam("after"), events.c.id < bindparam("until"), *more)
        .order_by(events.c.id)
        .limit(bindparam("most"))
        for more in ((), (events.c.source == bindparam("of_source"),))
    ),
    "runs": (
        select(runs.c.id)
        .where(
            runs.c.id > bindparam("after"),
            runs.c.id < bindparam("until"),
            runs.c.event_id.is_(None),
            runs.c.parent.is_(None),
        )
        .order_by(runs.c.id)
        .limit(bindparam("most")),
    ),
}


def event_ids(tx: Tx, /, after: str, until: str, most: int, source: str | None) -> list[str]:
    """The next events between two ids, of one source or of all."""
    of_all, of_one = _CANDIDATES["events"]
    params = {"after": after, "until": until, "most": most}
    if source is None:
        return [row[0] for row in tx.rows(of_all, params)]
    return [row[0] for row in tx.rows(of_one, {**params, "of_source": source})]


def run_ids(tx: Tx, /, after: str, until: str, most: int) -> list[str]:
    """The next runs between two ids that neither an event nor another run has begun."""
    params = {"after": after, "until": until, "most": most}
    return [row[0] for row in tx.rows(_CANDIDATES["runs"][0], params)]


_CONTENTS = select(
    events.c.id, events.c.source, events.c.path, events.c.headers, events.c.body
).where(one_of(events.c.id, "ids"))
_INPUTS = select(runs.c.id, runs.c.input).where(one_of(runs.c.id, "ids"))


@dataclass(frozen=True, slots=True)
class Content:
    """What an event says."""

    id: str
    source: str
    path: str
    headers: str
    body: bytes


def contents(tx: Tx, /, ids: Sequence[str]) -> list[Content]:
    """What events say, by their ids."""
    rows = tx.rows(_CONTENTS, {"ids": list(ids)})
    return [Content(row[0], row[1], row[2], row[3], bytes(row[4])) for row in rows]


def inputs(tx: Tx, /, ids: Sequence[str]) -> list[tuple[str, str | None]]:
    """The inputs of runs, as JSON text, by their ids."""
    return [(row[0], row[1]) for row in tx.rows(_INPUTS, {"ids": list(ids)})]


_REPEATS = select(events.c.id).where(
    events.c.duplicate_of.is_not(None), one_of(events.c.duplicate_of, "ids")
)
_BY_KEY = select(dedup.c.event_id).where(
    dedup.c.source == bindparam("of_source"), dedup.c.key == bindparam("of_key")
)


def repeats_of(tx: Tx, /, ids: Sequence[str]) -> list[str]:
    """The duplicates of events, which say the same."""
    return [row[0] for row in tx.rows(_REPEATS, {"ids": list(ids)})] if ids else []


def event_of_key(tx: Tx, /, source: str, key: str) -> str | None:
    """The event that a dedup key stands for."""
    rows = tx.rows(_BY_KEY, {"of_source": source, "of_key": key})
    return rows[0][0] if rows else None
