"""Segments: what runs have done since their last barrier, committed whole or not at all."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from itertools import groupby
from typing import Any

from sqlalchemy import Text, bindparam, delete, func, literal, null, select, update

from hub.model.change import Outcome
from hub.model.event import Arrival
from hub.model.json import dumps_text
from hub.model.run import Ending
from hub.model.segment import Segment
from hub.store import concurrency
from hub.store.cache import put_cached
from hub.store.changes import apply_change
from hub.store.deliveries import insert_deliveries
from hub.store.events import insert_events
from hub.store.ledger import Write
from hub.store.notices import tell_of_end
from hub.store.outbox import insert_publications
from hub.store.records import change_records, insert_records, remove_records, revisions
from hub.store.resumes import consume, wake
from hub.store.runs import insert_runs, unique_run
from hub.store.schema import journal, run_attempts, runs
from hub.store.statement import inline, insert_of, now_us, one_of
from hub.store.tx import Tx


class Committed(StrEnum):
    """What became of a segment."""

    DONE = "done"
    FENCED = "fenced"
    """The run is no longer this worker's: nothing was written, nothing more may be done."""
    CONFLICT = "conflict"
    """A record changed under the segment: nothing was written, the segment is to be redone."""


_HELD = (
    select(runs.c.id, runs.c.fence, runs.c.crashes)
    .where(one_of(runs.c.id, "ids"), runs.c.status == inline("running"))
    .order_by(runs.c.id)
    .with_for_update()
)
_JOURNAL = insert_of(journal, committed_at=now_us())
_KEEP_VERSION = update(runs).where(one_of(runs.c.id, "ids")).values(version=bindparam("of_version"))
_START_OVER = (
    update(runs)
    .where(runs.c.id == bindparam("of_id"))
    .values(context=bindparam("with_context"), attempt=literal(0), version=null())
)
_FORGET_JOURNAL = delete(journal).where(journal.c.run_id == bindparam("of_id"))
_COME_FURTHER = update(runs).where(one_of(runs.c.id, "ids")).values(crashes=literal(0))
_ANSWER = (
    update(runs)
    .where(runs.c.id == bindparam("of_id"))
    .values(result=bindparam("with_result"), answer=bindparam("with_answer"))
)
_PROGRESS = update(runs).where(runs.c.id == bindparam("of_id")).values(progress=bindparam("so_far"))
_PARK = (
    update(runs)
    .where(runs.c.id == bindparam("of_id"))
    .values(
        status=inline("waiting"),
        due_at=now_us() + bindparam("delay_us"),
        worker=null(),
        lease_until=null(),
        awaits=bindparam("for_event", type_=Text()),
    )
)
_ATTEMPT = insert_of(run_attempts)
_END = (
    update(runs)
    .where(one_of(runs.c.id, "ids"))
    .values(
        status=bindparam("to_status"),
        version=bindparam("of_version"),
        result=func.coalesce(bindparam("with_result"), runs.c.result),  # an answer stays
        failure=bindparam("with_failure"),
        worker=null(),
        lease_until=null(),
        finished_at=now_us(),
        unique_key=null(),
        awaits=null(),
    )
)


def _commit(tx: Tx, segments: Sequence[Segment]) -> list[tuple[Committed, Outcome | None]]:
    held = _held(tx, segments)
    fates = _judge(tx, segments, {run_id: fence for run_id, (fence, _) in held.items()})
    good = [
        segment for segment, fate in zip(segments, fates, strict=True) if fate is Committed.DONE
    ]
    _come_further(tx, [each.run_id for each in good if each.entries and held[each.run_id][1]])
    tx.many(
        _JOURNAL,
        [
            {"run_id": segment.run_id, "n": segment.n, "entries": segment.entries}
            for segment in good
            if segment.entries
        ],
    )
    insert_records(tx, _flat(segment.added for segment in good))
    change_records(tx, _flat(segment.edited for segment in good))
    remove_records(tx, _flat(segment.removed for segment in good))
    outcomes = _change(tx, good)
    emitted: list[Arrival] = _flat(segment.events for segment in good)
    insert_events(tx, emitted)
    started = _flat(segment.runs for segment in good)
    insert_runs(tx, [*started, *(run for arrival in emitted for run in arrival.runs)])
    put_cached(tx, _flat(segment.cached for segment in good))
    tx.many(_ATTEMPT, [asdict(each) for segment in good for each in segment.attempts])
    sent = _flat(segment.deliveries for segment in good)
    insert_deliveries(tx, [*sent, *(each for arrival in emitted for each in arrival.deliveries)])
    insert_publications(tx, _flat(segment.publications for segment in good))
    _keep_versions(tx, good)
    _tell_progress(tx, good)
    _answer(tx, good)
    _park(tx, good)
    _end(tx, good)
    return [
        (fate, outcomes.get(segment.run_id)) for segment, fate in zip(segments, fates, strict=True)
    ]


COMMIT: Write[Segment, tuple[Committed, Outcome | None]] = Write("commit_segment", 40, _commit)
"""Commit segments with their journal rows; each is judged for itself.

Gives with each what came of the change that it carries.
"""


def _change(tx: Tx, segments: Sequence[Segment]) -> dict[str, Outcome]:
    """Do what is decided here, table by table, and journal what came of it."""
    outcomes: dict[str, Outcome] = {}
    rows = []
    with_change = [(each.change, each) for each in segments if each.change is not None]
    for change, segment in sorted(with_change, key=lambda pair: pair[0].query.table):
        outcome = outcomes[segment.run_id] = apply_change(tx, change)
        entries = change.entry(outcome)
        if entries:
            n = segment.n + (1 if segment.entries else 0)
            rows.append({"run_id": segment.run_id, "n": n, "entries": entries})
    tx.many(_JOURNAL, rows)
    return outcomes


def _held(tx: Tx, segments: Sequence[Segment]) -> dict[str, tuple[int, int]]:
    """Lock the runs; gives their fencing numbers, and how often each has lost its worker."""
    rows = tx.rows(_HELD, {"ids": sorted({segment.run_id for segment in segments})})
    return {run_id: (fence, crashes) for run_id, fence, crashes in rows}


def _come_further(tx: Tx, run_ids: Sequence[str]) -> None:
    """A run that does something new is not what its workers die of."""
    if run_ids:
        tx.run(_COME_FURTHER, {"ids": sorted(run_ids)})


def _judge(tx: Tx, segments: Sequence[Segment], held: Mapping[str, int]) -> list[Committed]:
    """Lock the records that are to change, and say which segments may go on."""
    edited = sorted({(each.table, each.id) for segment in segments for each in segment.edited})
    current = revisions(tx, edited) if edited else {}
    taken: set[tuple[str, str]] = set()
    fates = []
    for segment in segments:
        if held.get(segment.run_id) != segment.fence:
            fates.append(Committed.FENCED)
        elif any(current.get((each.table, each.id)) != each.rev for each in segment.edited):
            fates.append(Committed.CONFLICT)
        elif any(key in taken or unique_run(tx, *key) for key in _unique_keys(segment)):
            fates.append(Committed.CONFLICT)  # it has told of runs that will not be there
        else:
            fates.append(Committed.DONE)
            for each in segment.edited:  # whoever comes later in this batch read the old one
                current[each.table, each.id] = each.rev + 1
            taken.update(_unique_keys(segment))
    return fates


def _unique_keys(segment: Segment) -> list[tuple[str, str]]:
    """Of the runs that it starts because it saw none that is unique."""
    return [
        (each.task, each.unique.column)
        for each in segment.runs
        if each.unique is not None and not each.unique.debounce_us
    ]


def _keep_versions(tx: Tx, segments: Sequence[Segment]) -> None:
    """A run that goes on keeps the version that it began with."""
    begun: dict[str | None, list[str]] = {}
    for segment in segments:
        if segment.n == 0 and segment.ending is None:
            begun.setdefault(segment.version, []).append(segment.run_id)
    for version, ids in begun.items():
        tx.run(_KEEP_VERSION, {"of_version": version, "ids": sorted(ids)})


def _tell_progress(tx: Tx, segments: Iterable[Segment]) -> None:
    for segment in segments:
        if segment.progress is not None:
            tx.run(_PROGRESS, {"of_id": segment.run_id, "so_far": segment.progress})


def _answer(tx: Tx, segments: Iterable[Segment]) -> None:
    for segment in segments:
        if segment.answer is not None:
            head = [segment.answer.status, segment.answer.headers]
            tx.run(
                _ANSWER,
                {
                    "of_id": segment.run_id,
                    "with_result": segment.answer.body,
                    "with_answer": dumps_text(head),
                },
            )


def _park(tx: Tx, segments: Iterable[Segment]) -> None:
    for segment in segments:
        if segment.over is not None:
            tx.run(_START_OVER, {"of_id": segment.run_id, "with_context": segment.over})
            tx.run(_FORGET_JOURNAL, {"of_id": segment.run_id})
        if segment.taken:
            consume(tx, segment.taken)
        if segment.delay_us is not None:
            parked = {"delay_us": segment.delay_us, "for_event": segment.awaits_event}
            tx.run(_PARK, {"of_id": segment.run_id, **parked})
        if segment.awaits:
            wake(tx, [segment.run_id])


def _end(tx: Tx, segments: Sequence[Segment]) -> None:
    """Runs that end alike end in one statement: most succeed with no result."""
    endings = [(_ending(s.ending), s.run_id) for s in segments if s.ending is not None]
    endings.sort(key=lambda pair: (repr(pair[0]), pair[1]))
    for values, group in groupby(endings, key=lambda pair: pair[0]):
        tx.run(_END, {"ids": [run_id for _, run_id in group], **values})
    concurrency.RUNS.let_go(tx, [s.concurrency_key for s in segments if s.ending is not None])
    tell_of_end(tx, [s.run_id for s in segments if s.ending is not None and s.tells])


def _ending(ending: Ending) -> dict[str, Any]:
    return {
        "to_status": ending.status.value,
        "of_version": ending.version,
        "with_result": ending.result,
        "with_failure": ending.failure and ending.failure.as_json(),
    }


def _flat(lists: Iterable[list[Any]]) -> list[Any]:
    return [each for some in lists for each in some]
