"""What is over goes, with all that came of it; what goes on, or is kept longer, stays."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.bootstrap import terms_of
from hub.errors import NotFoundError
from hub.model.source import Source
from hub.retention.pruning import Pruner
from hub.retention.terms import Terms
from hub.settings import Settings
from hub.store import schema
from hub.store.control import REPLAY_EVENT, ReplayEvent
from hub.store.ledger import Ledger
from hub.store.retention import DROP_EVENTS, DROP_RUNS, DropEvents, DropRows, Ended
from tests.retention.past import Past, ago
from tests.store.make import run_start

OPEN = {"status": "queued", "finished_at": None}
PENDING = {"status": "pending", "finished_at": None}


async def ids(ledger: Ledger, name: str) -> set[str]:
    """The ids of a table's rows."""
    table = schema.metadata.tables[name]
    rows = await ledger.read(lambda tx: tx.rows(select(table.c.id)))
    return {row[0] for row in rows}


async def counted(ledger: Ledger, name: str) -> int:
    """How many rows a table has."""
    table = schema.metadata.tables[name]
    rows = await ledger.read(lambda tx: tx.rows(select(func.count()).select_from(table)))
    return int(rows[0][0])


def pruner(ledger: Ledger, **sources: dict[str, Any]) -> Pruner:
    """One with the terms that are the default, and what sources say."""
    shapes = {
        slug: Source.model_validate({"verify": {"mode": "none"}, **body})
        for slug, body in sources.items()
    }
    return Pruner(ledger, lambda: terms_of(Settings()).with_sources(shapes))


@pytest.fixture
def past(ledger: Ledger) -> Past:
    """Writes what happened long ago."""
    return Past(ledger)


async def test_an_event_goes_with_all_that_came_of_it(ledger: Ledger, past: Past) -> None:
    old, young = await past.event(31), await past.event(29)
    run = await past.run(30.5, event_id=old)
    child = await past.run(30.5, parent=run)
    await past.run(30.5, parent=child)
    await past.delivery(30.5, event_id=old)
    await past.delivery(30.5, run_id=child)
    await past.step_attempt(30.5, run)
    assert await pruner(ledger).prune() == {
        "events": 1,
        "runs": 3,
        "of_runs": 4,
        "deliveries": 2,
        "attempts": 2,
    }
    assert await ids(ledger, "events") == {young}
    for name in ("runs", "deliveries", "attempts", "journal", "run_attempts"):
        assert await counted(ledger, name) == 0


@pytest.mark.parametrize("lasts", [OPEN, {"status": "failed", "finished_at": ago(29)}])
async def test_an_event_waits_for_the_end_of_its_runs(
    ledger: Ledger, past: Past, lasts: dict[str, Any]
) -> None:
    event = await past.event(31)
    over, on = await past.run(31, event_id=event), await past.run(31, event_id=event, **lasts)
    await pruner(ledger).prune()
    assert await ids(ledger, "events") == {event}
    assert await ids(ledger, "runs") == {on}
    assert over not in await ids(ledger, "runs")


async def test_an_event_waits_for_runs_that_its_runs_have_started(
    ledger: Ledger, past: Past
) -> None:
    event = await past.event(31)
    run = await past.run(31, event_id=event)
    child = await past.run(31, parent=run, **OPEN)
    ended = Ended(ago(30), ago(30), ago(90))
    assert (await ledger.write(DROP_EVENTS, DropEvents((event,), ended))).rows == 0
    assert await ids(ledger, "runs") == {run, child}


async def test_dead_letters_stay_longer_and_keep_their_events(ledger: Ledger, past: Past) -> None:
    event, older = await past.event(89), await past.event(91)
    dead = await past.delivery(89, event_id=event, status="dead")
    await past.delivery(89, event_id=event)
    await past.delivery(91, event_id=older, status="dead")
    await past.delivery(91, event_id=None, status="dead")
    waits = await past.delivery(91, event_id=None, **PENDING)
    await pruner(ledger).prune()
    assert await ids(ledger, "events") == {event}
    assert await ids(ledger, "deliveries") == {dead, waits}


async def test_attempts_go_first_but_not_while_the_delivery_waits(
    ledger: Ledger, past: Past
) -> None:
    await past.delivery(15)
    await past.delivery(13)
    await past.delivery(15, **PENDING)
    run = await past.run(15)
    await past.step_attempt(15, run)
    await past.step_attempt(15, await past.run(15, **OPEN))
    assert await pruner(ledger).prune() == {"attempts": 1, "run_attempts": 1}
    assert await counted(ledger, "attempts") == 2
    assert await counted(ledger, "run_attempts") == 1
    assert run in await ids(ledger, "runs")


async def test_rejected_requests_go_after_a_week_whatever_the_source(
    ledger: Ledger, past: Past
) -> None:
    for n in range(3):
        await past.event(8, fate="rejected", source=f"junk{n}")
    young = await past.event(6, fate="rejected")
    other = await past.event(8, fate="unmatched")
    assert await pruner(ledger).prune() == {"events": 3}
    assert await ids(ledger, "events") == {young, other}


async def test_a_source_may_keep_its_events_longer_or_less_long(ledger: Ledger, past: Past) -> None:
    kept = {"long": {"keep_s": 100 * 86_400}, "brief": {"keep_s": 3 * 86_400}}
    long, brief = await past.event(95, source="long"), await past.event(4, source="brief")
    run = await past.run(95, event_id=long)
    sent = await past.delivery(95, event_id=long, status="dead")
    await past.run(4, event_id=brief)
    await past.delivery(4, event_id=brief, status="dead")
    await past.run(95)
    await pruner(ledger, **kept).prune()
    assert await ids(ledger, "events") == {long}
    assert await ids(ledger, "runs") == {run}
    assert await ids(ledger, "deliveries") == {sent}


def test_no_event_goes_while_its_repetition_would_be_known() -> None:
    window = {"by": "header:x-id", "window_s": 30 * 86_400}
    source = Source.model_validate({"verify": {"mode": "none"}, "dedup": window})
    terms: Terms = terms_of(Settings(keep_events_s=60)).with_sources({"shop": source})
    assert terms.of("shop").events == 30 * 86_400 * 1_000_000
    assert terms.of("gone").events == 60_000_000
    with pytest.raises(ValueError, match="'keep_s' is less than the 172800 s"):
        Source.model_validate({"verify": {"mode": "none"}, "keep_s": 3600})


async def test_a_child_stays_while_its_parent_goes_on(ledger: Ledger, past: Past) -> None:
    parent = await past.run(40, **OPEN)
    child, other = await past.run(40, parent=parent), await past.run(40, parent="run_gone")
    await pruner(ledger).prune()
    assert await ids(ledger, "runs") == {parent, child}
    assert other not in await ids(ledger, "runs")


async def test_what_was_begun_again_meanwhile_stays(ledger: Ledger, past: Past) -> None:
    run = await past.run(40, **OPEN)
    again = await past.run(40, finished_at=ago(0.1))
    dropped = await ledger.write(DROP_RUNS, DropRows((run, again), ago(30)))
    assert dropped.counts == {"runs": 0, "of_runs": 0}


async def test_expired_keys_and_values_go_by_their_own_time(ledger: Ledger, past: Past) -> None:
    for n, days in enumerate((1, -1)):
        key = {"source": "shop", "key": str(n), "event_id": "evt_1", "body_hash": b"x"}
        await past._row(schema.dedup, **key, expires_at=ago(days))
        await past._row(schema.cache, key=str(n), value="1", expires_at=ago(days))
    assert await pruner(ledger).prune() == {"dedup": 1, "cache": 1}


async def test_sessions_go_when_they_have_ended(ledger: Ledger, past: Past) -> None:
    for word, days, is_link in (("over", 0.01, False), ("used", 0.01, True), ("open", -7, False)):
        session = {"hash": word, "is_link": is_link, "key_id": "key_1", "created_at": ago(8)}
        await past._row(schema.sessions, **session, ends_at=ago(days))
    assert await pruner(ledger).prune() == {"sessions": 2}
    rows = await ledger.read(lambda tx: tx.rows(select(schema.sessions.c.hash)))
    assert [row[0] for row in rows] == ["open"]


async def test_a_pass_goes_on_where_the_last_one_ended(ledger: Ledger, past: Past) -> None:
    stays = {await past.run(40, **OPEN) for _ in range(5)}
    one = pruner(ledger)
    await one.prune()
    await past.run(35)
    assert await one.prune() == {"runs": 1, "of_runs": 1}
    assert await ids(ledger, "runs") == stays


async def test_a_pass_without_time_does_nothing(ledger: Ledger, past: Past) -> None:
    await past.event(31)
    assert await pruner(ledger).prune(seconds=0) == {}
    assert await counted(ledger, "events") == 1


async def test_many_rows_go_in_parts(ledger: Ledger, past: Past) -> None:
    for _ in range(300):
        await past.event(31, source="bulk")
    before = ledger.commits
    assert await pruner(ledger).prune() == {"events": 300}
    assert ledger.commits - before >= 2


async def test_a_pass_begins_when_it_is_told_to(ledger: Ledger, past: Past) -> None:
    await past.event(31)
    one = pruner(ledger)
    following = asyncio.create_task(one.follow())
    try:
        await asyncio.sleep(0.05)
        assert await counted(ledger, "events") == 1
        one.begin()
        async with asyncio.timeout(20):
            while await counted(ledger, "events"):
                await asyncio.sleep(0.01)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_no_run_begins_for_an_event_that_has_gone(ledger: Ledger, past: Past) -> None:
    event = await past.event(31)
    await pruner(ledger).prune()
    with pytest.raises(NotFoundError):
        await ledger.write(REPLAY_EVENT, ReplayEvent(event, (run_start(event_id=event),)))
    assert await counted(ledger, "runs") == 0
