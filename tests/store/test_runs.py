"""Runs: claimed once, fenced, resumed with their journal."""

import asyncio
from dataclasses import replace

import pytest

from hub.model.answer import Answer
from hub.model.ids import new_id
from hub.model.record import Record
from hub.model.run import (
    ClaimedRun,
    Ending,
    Failure,
    RunStart,
    RunStatus,
    Unique,
)
from hub.model.segment import Publication, Segment
from hub.store import events, leases, lookup, outbox, runs, schema
from hub.store.ledger import Ledger
from hub.store.lookup import LAST
from hub.store.records import INSERT, TAKE_IDS, TakeIds, get_record
from hub.store.segments import COMMIT, Committed
from tests.store.make import LEASE_US, arrival, claim_runs, delivery_start, run_start


async def test_two_workers_never_claim_the_same_run(ledger: Ledger) -> None:
    for _ in range(40):
        await ledger.write(runs.START, run_start())
    claims = await asyncio.gather(*(claim_runs(ledger, f"wrk_{n}", 7) for n in range(8)))
    ids = [run.id for claimed in claims for run in claimed]
    assert len(ids) == len(set(ids)) == 40


async def test_a_delayed_run_waits_for_its_time(ledger: Ledger) -> None:
    await ledger.write(runs.START, run_start(delay_us=LEASE_US))
    assert await claim_runs(ledger) == []
    assert not await ledger.read(runs.has_due_runs, "normal")


async def test_a_repeated_idempotency_key_gives_the_first_run(ledger: Ledger) -> None:
    starts = [run_start(idempotency_key="k") for _ in range(5)]
    ids = await asyncio.gather(*(ledger.write(runs.START, start) for start in starts))
    assert set(ids) == {starts[0].id}
    assert await ledger.write(runs.START, run_start(idempotency_key="k")) == starts[0].id


async def test_of_runs_that_segments_start_with_the_same_key_the_first_counts(
    ledger: Ledger,
) -> None:
    first = await ledger.write(runs.START, run_start(idempotency_key="k0"))
    for _ in range(4):
        await ledger.write(runs.START, run_start(task="shop/main"))
    parents = [run for run in await claim_runs(ledger) if run.task == "shop/main"]
    keys = [f"k{n % 3}" for n in range(5)]
    segments = [
        Segment(
            run.id,
            run.fence,
            0,
            runs=[run_start(idempotency_key=key, parent=run.id) for key in [*keys, None]],
            ending=Ending(RunStatus.SUCCEEDED, "v1"),
        )
        for run in parents
    ]
    fates = await asyncio.gather(*(ledger.write(COMMIT, segment) for segment in segments))
    assert set(fates) == {(Committed.DONE, None)}
    rows = await ledger.read(lookup.where, schema.runs, task="shop/sell")
    found = sorted(row["idempotency_key"] or "" for row in rows)
    assert found == ["", "", "", "", "k0", "k1", "k2"]
    assert first in {row["id"] for row in rows}


async def test_a_segment_commits_everything_or_nothing(ledger: Ledger) -> None:
    await ledger.write(runs.START, run_start())
    (run,) = await claim_runs(ledger)
    whole = Segment(
        run.id,
        run.fence,
        0,
        entries=b"j[]",
        added=[Record("orders", 1, {"a": 1}, 5, 5)],
        runs=[run_start(parent=run.id)],
        deliveries=[delivery_start()],
        publications=[Publication(new_id("msg"), "news", "made", "1")],
        ending=Ending(RunStatus.SUCCEEDED, "v1", "{}"),
    )
    assert await ledger.write(COMMIT, whole) == (Committed.DONE, None)
    assert await ledger.read(get_record, "orders", 1) is not None
    assert len(await ledger.read(outbox.overdue, age_us=0, most=9)) == 1
    assert len(await ledger.read(lookup.page, schema.deliveries, most=9)) == 1
    assert len(await ledger.read(lookup.page, schema.runs, most=9, status="queued")) == 1
    row = await ledger.read(lookup.one, schema.runs, id=run.id)
    assert row is not None
    assert (row["status"], row["version"], row["result"]) == ("succeeded", "v1", "{}")
    assert row["finished_at"] is not None


async def test_who_lost_the_lease_writes_nothing_more(ledger: Ledger) -> None:
    await ledger.write(runs.START, run_start())
    (old,) = await claim_runs(ledger, "wrk_old")
    await ledger.write(leases.EXPIRE_ALL, None)
    await ledger.write(leases.SWEEP, None)
    (new,) = await claim_runs(ledger, "wrk_new")
    assert (new.id, new.fence, new.crashes) == (old.id, old.fence + 1, 1)
    late = Segment(old.id, old.fence, 0, added=[Record("orders", 1, {}, 5, 5)])
    assert await ledger.write(COMMIT, late) == (Committed.FENCED, None)
    assert await ledger.read(get_record, "orders", 1) is None
    mine = Segment(new.id, new.fence, 0, added=[Record("orders", 1, {}, 5, 5)])
    assert await ledger.write(COMMIT, mine) == (Committed.DONE, None)


async def test_a_resumed_run_comes_with_its_journal_and_version(ledger: Ledger) -> None:
    await ledger.write(runs.START, run_start())
    (run,) = await claim_runs(ledger)
    for n in range(3):
        segment = Segment(run.id, run.fence, n, entries=b"j%d" % n, version="v1")
        await ledger.write(COMMIT, segment)
    await ledger.write(leases.EXPIRE_ALL, None)
    await ledger.write(leases.SWEEP, None)
    (again,) = await claim_runs(ledger)
    assert again.journal == (b"j0", b"j1", b"j2")
    assert (again.version, again.attempt) == ("v1", 2)


async def test_a_record_that_changed_underneath_is_a_conflict_for_one_of_two(
    ledger: Ledger,
) -> None:
    await ledger.write(INSERT, [Record("orders", 1, {"n": 0}, 5, 5)])
    for _ in range(2):
        await ledger.write(runs.START, run_start())
    claimed = await claim_runs(ledger)
    fates = await asyncio.gather(
        *(
            ledger.write(
                COMMIT,
                Segment(run.id, run.fence, 0, edited=[Record("orders", 1, {"n": n}, 5, 6)]),
            )
            for n, run in enumerate(claimed)
        )
    )
    assert sorted(fate for fate, _ in fates) == [Committed.CONFLICT, Committed.DONE]
    record = await ledger.read(get_record, "orders", 1)
    assert record is not None
    assert record.rev == 2


async def test_of_segments_that_start_the_same_unique_run_one_is_told_of_it(
    ledger: Ledger,
) -> None:
    """The others have shown the id of a run that would not be there: they are done again."""
    for _ in range(3):
        await ledger.write(runs.START, run_start())
    claimed = await claim_runs(ledger)

    async def commit(run: ClaimedRun) -> Committed:
        start = RunStart(new_id("run"), "shop/sync", "{}", unique=Unique("a"), delay_us=10**9)
        segment = Segment(run.id, run.fence, 0, runs=[start])
        return (await ledger.write(COMMIT, segment))[0]

    first, second, third = claimed
    fates = await asyncio.gather(commit(first), commit(second))
    assert sorted(fates) == [Committed.CONFLICT, Committed.DONE]
    assert await commit(third) == Committed.CONFLICT
    found = await ledger.read(runs.page_of_runs, before=LAST, most=10, task="shop/sync")
    assert len(found) == 1


async def test_a_failed_run_says_why(ledger: Ledger) -> None:
    await ledger.write(runs.START, run_start())
    (run,) = await claim_runs(ledger)
    ending = Ending(RunStatus.FAILED, None, None, Failure("oops", "It broke.", "3"))
    await ledger.write(COMMIT, Segment(run.id, run.fence, 0, ending=ending))
    row = await ledger.read(lookup.one, schema.runs, id=run.id)
    assert row is not None
    assert row["failure"] == '{"code":"oops","message":"It broke.","step":"3"}'


async def test_an_answer_stays_the_result_of_a_run_that_fails_later(ledger: Ledger) -> None:
    await ledger.write(runs.START, run_start())
    (run,) = await claim_runs(ledger)
    await ledger.write(COMMIT, Segment(run.id, run.fence, 0, answer=Answer('{"n":1}', 201)))
    ending = Ending(RunStatus.FAILED, "v1", None, Failure("oops", "It broke."))
    await ledger.write(COMMIT, Segment(run.id, run.fence, 0, ending=ending))
    row = await ledger.read(lookup.one, schema.runs, id=run.id)
    assert row is not None
    assert (row["status"], row["result"], row["answer"]) == ("failed", '{"n":1}', "[201,[]]")


async def test_a_heartbeat_keeps_what_a_worker_works_on_and_nothing_else(ledger: Ledger) -> None:
    for _ in range(2):
        await ledger.write(runs.START, run_start())
    run, forgotten = await claim_runs(ledger)
    await ledger.write(leases.EXPIRE_ALL, None)
    held = await ledger.write(leases.HEARTBEAT, leases.Heartbeat("wrk_1", LEASE_US, (run.id,)))
    assert held.runs == {run.id: run.fence}
    assert (await ledger.write(leases.SWEEP, None)).runs == 1
    (again,) = await claim_runs(ledger)
    assert again.id == forgotten.id


async def test_giving_back_is_no_crash(ledger: Ledger) -> None:
    await ledger.write(runs.START, run_start())
    await claim_runs(ledger)
    assert (await ledger.write(leases.GIVE_BACK, "wrk_1")).runs == 1
    (again,) = await claim_runs(ledger)
    assert (again.crashes, again.attempt) == (0, 2)


async def test_a_run_that_killed_too_many_workers_fails_as_poisoned(ledger: Ledger) -> None:
    start = run_start()
    await ledger.write(runs.START, start)
    for _ in range(leases.MAX_CRASHES):
        assert len(await claim_runs(ledger)) == 1
        await ledger.write(leases.EXPIRE_ALL, None)
        await ledger.write(leases.SWEEP, None)
    assert await claim_runs(ledger) == []
    row = await ledger.read(lookup.one, schema.runs, id=start.id)
    assert row is not None
    assert row["status"] == "failed"
    assert '"poisoned"' in row["failure"]


async def test_a_run_that_comes_further_each_time_is_not_poisoned(ledger: Ledger) -> None:
    await ledger.write(runs.START, run_start())
    for n in range(2 * leases.MAX_CRASHES):
        (run,) = await claim_runs(ledger)
        assert run.crashes <= 1
        await ledger.write(COMMIT, Segment(run.id, run.fence, n, b"j[]"))
        await ledger.write(leases.EXPIRE_ALL, None)
        await ledger.write(leases.SWEEP, None)
    assert len(await claim_runs(ledger)) == 1


async def test_a_returned_run_is_due_after_a_while(ledger: Ledger) -> None:
    await ledger.write(runs.START, run_start())
    (run,) = await claim_runs(ledger)
    await ledger.write(leases.RETURN_RUN, leases.Return(run.id, run.fence, LEASE_US))
    assert await claim_runs(ledger) == []
    row = await ledger.read(lookup.one, schema.runs, id=run.id)
    assert row is not None
    assert (row["status"], row["worker"]) == ("queued", None)


async def test_numbers_of_records_are_never_given_twice(ledger: Ledger) -> None:
    taken = await asyncio.gather(
        *(ledger.write(TAKE_IDS, TakeIds(f"t{n % 2}", 3)) for n in range(20))
    )
    for table in (0, 1):
        numbers = [number for ids in taken[table::2] for number in ids]
        assert sorted(numbers) == list(range(1, 31))


@pytest.mark.parametrize("lane", ["normal", "other"])
async def test_a_lane_sees_its_own_runs_only(ledger: Ledger, lane: str) -> None:
    await ledger.write(runs.START, run_start())
    claimed = await ledger.write(runs.CLAIM, runs.Claim("wrk_1", lane, 5, LEASE_US))
    assert len(claimed) == (1 if lane == "normal" else 0)


async def test_an_input_that_is_its_events_body_is_kept_once(ledger: Ledger) -> None:
    came = arrival(body=b'{"n":1}')
    start = replace(came.runs[0], input=None)
    await events.record(ledger, replace(came, runs=(start,)))
    row = await ledger.read(runs.find_run, start.id)
    assert row is not None
    assert row["input"] == b'{"n":1}'
    (listed,) = await ledger.read(runs.page_of_runs, before=lookup.LAST, most=10)
    assert listed["input"] == b'{"n":1}'
    (claimed,) = await claim_runs(ledger)
    assert (claimed.id, claimed.input) == (start.id, b'{"n":1}')


async def test_of_an_event_that_is_gone_no_input_is_left(ledger: Ledger) -> None:
    start = run_start(input=None, event_id="evt_gone")
    await ledger.write(runs.START, start)
    (claimed,) = await claim_runs(ledger)
    assert claimed.input is None
