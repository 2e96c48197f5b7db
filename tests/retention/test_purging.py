"""What people ask to be removed goes, with all that came of it; what goes on stays, and is told."""

import json
from typing import Any

import pytest

from hub.errors import NotFoundError
from hub.model.purge import PurgeStatus, Wanted
from hub.retention.purging import Purger
from hub.store import schema
from hub.store.ledger import Ledger
from hub.store.purges import STEP, Step, find_purge
from hub.store.retention import DropEvents, Ended
from tests.retention.past import Past, ago
from tests.retention.test_pruning import OPEN, counted, ids

ADA = json.dumps({"customer": {"email": "ada@example.com"}, "n": 7}).encode()
BOB = json.dumps({"customer": {"email": "bob@example.com"}, "n": 8}).encode()
BY_MAIL = {"by": "body:customer.email", "value": "ada@example.com"}


@pytest.fixture
def past(ledger: Ledger) -> Past:
    """Writes what happened before."""
    return Past(ledger)


async def purged(ledger: Ledger, **wanted: Any) -> Any:
    """A purge, carried out to its end."""
    purger = Purger(ledger)
    done = await purger.work(await purger.start(Wanted(**wanted)), 60)
    assert done.status is PurgeStatus.DONE
    return done


async def test_a_person_goes_with_all_that_came_of_their_events(ledger: Ledger, past: Past) -> None:
    ada, bob = await past.event(1, body=ADA), await past.event(1, body=BOB)
    again = await past.event(1, body=b"", fate="duplicate", duplicate_of=ada)
    run = await past.run(1, event_id=ada)
    await past.run(1, parent=run)
    await past.delivery(1, run_id=run)
    stays = await past.run(1, event_id=bob)
    file = {"name": "a", "content_type": "text/csv", "size": 1, "sha256": "x", "blob": "fil_1"}
    times = {"created_at": ago(1), "expires_at": ago(-9)}
    await past._row(schema.files, id="fil_1", **file, **times, event_id=ada)
    done = await purged(ledger, **BY_MAIL)
    assert (done.matched, done.left) == (2, 0)
    assert done.counts == {"events": 2, "runs": 2, "of_runs": 2, "deliveries": 1, "attempts": 1}
    assert again not in await ids(ledger, "events")
    assert await ids(ledger, "events") == {bob}
    assert await ids(ledger, "runs") == {stays}
    [row] = await ledger.read(lambda tx: tx.rows(schema.files.select()))
    assert row[schema.files.c.keys().index("expires_at")] == 0


async def test_runs_that_were_asked_for_go_by_their_input(ledger: Ledger, past: Past) -> None:
    await past.run(1, input=ADA.decode())
    bob, no_input = await past.run(1, input=BOB.decode()), await past.run(1, input="{}")
    assert (await purged(ledger, **BY_MAIL)).matched == 1
    assert await ids(ledger, "runs") == {bob, no_input}


@pytest.mark.parametrize(
    ("wanted", "row"),
    [
        ({"by": "body:n", "value": "7"}, {"body": ADA}),
        ({"by": "path", "value": "ada"}, {"path": "ada"}),
        ({"by": "header:X-User", "value": "ada"}, {"headers": '[["x-user","ada"]]'}),
        (
            {"by": "body:mail", "value": "ada@x"},
            {
                "headers": '[["content-type","application/x-www-form-urlencoded; charset=utf-8"]]',
                "body": b"mail=ada%40x",
            },
        ),
        ({"source": "gone"}, {"source": "gone"}),
        ({"until": ago(5)}, {"id": "evt_" + "0" * 31 + "1"}),
        ({"by": "body:mail", "value": "ä"}, {"body": b'{"mail":"\\u00e4"}'}),
    ],
)
async def test_events_are_found_by_what_they_say(
    ledger: Ledger, past: Past, wanted: dict[str, Any], row: dict[str, Any]
) -> None:
    await past.event(1, **row)
    others = {await past.event(1, body=body) for body in (BOB, b"no JSON", b"\xff", b"[1]")}
    assert (await purged(ledger, **wanted)).counts == {"events": 1}
    assert await ids(ledger, "events") == others


async def test_a_dedup_key_goes_where_it_is_the_person(ledger: Ledger, past: Past) -> None:
    ada = await past.event(1, body=ADA)
    for source, key, event in (
        ("shop", "ada@example.com", ada),
        ("shop", "order-7", ada),
        ("other", "ada@example.com", "evt_x"),
    ):
        row = {"source": source, "key": key, "event_id": event, "body_hash": b"x"}
        await past._row(schema.dedup, **row, expires_at=ago(-1))
    done = await purged(ledger, source="shop", by="key", value="order-7")
    assert done.counts == {"events": 1, "dedup": 1}
    await past.event(1, body=ADA)
    assert (await purged(ledger, **BY_MAIL)).counts == {"events": 1, "dedup": 1}
    assert await counted(ledger, "dedup") == 1
    assert (await purged(ledger, source="shop", by="key", value="nobody")).matched == 0


async def test_what_goes_on_stays_and_is_counted(ledger: Ledger, past: Past) -> None:
    ada, done = await past.event(1, body=ADA), await past.event(1, body=ADA)
    run = await past.run(1, event_id=ada, **OPEN)
    other = await past.run(1, input=ADA.decode(), **OPEN)
    result = await purged(ledger, **BY_MAIL)
    assert (result.matched, result.left, result.counts) == (3, 2, {"events": 1})
    assert done not in await ids(ledger, "events")
    assert await ids(ledger, "runs") == {run, other}


async def test_whose_data_it_was_is_forgotten_at_the_end(ledger: Ledger, past: Past) -> None:
    await past.event(1, body=ADA)
    purger = Purger(ledger)
    purge_id = await purger.start(Wanted(**BY_MAIL))
    assert (await purger.find(purge_id)).wanted.value == "ada@example.com"
    done = await purger.work(purge_id, 60)
    assert (done.wanted.by, done.wanted.value) == ("body:customer.email", None)
    with pytest.raises(NotFoundError):
        await purger.find("pur_none")


async def test_many_events_go_step_by_step_and_another_process_goes_on(
    ledger: Ledger, past: Past
) -> None:
    for _ in range(450):
        await past.event(1)
    young = await past.event(0.1, source="other")
    first, second = Purger(ledger), Purger(ledger)
    purge_id = await first.start(Wanted(source="shop"))
    await first._step(await first.find(purge_id))
    begun = await first.find(purge_id)
    assert begun.status is PurgeStatus.RUNNING
    assert 0 < begun.matched < 450
    await second.go_on(60)
    done = await second.find(purge_id)
    assert (done.matched, done.counts) == (450, {"events": 450})
    assert await ids(ledger, "events") == {young}


async def test_a_step_is_taken_once(ledger: Ledger, past: Past) -> None:
    event = await past.event(1)
    purger = Purger(ledger)
    purge_id = await purger.start(Wanted(source="shop"))
    stale = await purger.find(purge_id)
    await purger.work(purge_id, 60)
    later = await past.event(1)
    now = Ended(ago(0), ago(0), ago(0))
    assert not await ledger.write(STEP, Step(stale, None, DropEvents((event, later), now)))
    assert await ids(ledger, "events") == {later}
    found = await ledger.read(find_purge, purge_id)
    assert found is not None
    assert found.counts == {"events": 1}


async def test_a_plan_removes_nothing(ledger: Ledger, past: Past) -> None:
    await past.event(1, body=ADA)
    await past.run(1, input=ADA.decode())
    plan = await Purger(ledger).plan(Wanted(**BY_MAIL), 60)
    assert (plan.events, plan.runs, plan.complete) == (1, 1, True)
    assert not (await Purger(ledger).plan(Wanted(**BY_MAIL), 0)).complete
    assert await counted(ledger, "events") == 1
    assert await counted(ledger, "purges") == 0
