"""Deliveries chosen by what they are, and many of them replayed or cancelled in one commit."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from hub.deliver import again
from hub.model.delivery import DeliveryStart, DeliveryStatus
from hub.model.ids import new_id
from hub.model.time import US_PER_S, now_us
from hub.store import chosen, deliveries, due, lookup, schema
from hub.store.chosen import WAITING, Chosen, Found
from hub.store.events import RECORD
from hub.store.fates import event_in_full
from hub.store.ledger import Ledger
from hub.store.many import CANCEL, Cancel
from hub.store.settling import SETTLE
from hub.store.tx import Tx
from tests.store.explain import Explain
from tests.store.make import LEASE_US, arrival, delivery_start, settlement

S = US_PER_S


async def queue(ledger: Ledger, *starts: DeliveryStart) -> list[str]:
    for each in starts:
        await ledger.write(deliveries.START_DELIVERY, each)
    return [each.id for each in starts]


async def end(ledger: Ledger, status: DeliveryStatus = DeliveryStatus.DEAD) -> None:
    """One attempt of everything that is due."""
    for each in await due.claim_any(ledger, "wrk_1", 100, LEASE_US):
        await ledger.write(SETTLE, settlement(each, status))


async def dead(ledger: Ledger, *starts: DeliveryStart) -> list[str]:
    return await queue(ledger, *(replace(each, failure="It is broken.") for each in starts))


async def row(ledger: Ledger, delivery_id: str) -> dict[str, Any]:
    found = await ledger.read(lookup.one, schema.deliveries, id=delivery_id)
    assert found is not None
    return found


async def statuses(ledger: Ledger, ids: Sequence[str]) -> list[str]:
    return [(await row(ledger, each))["status"] for each in ids]


async def found(ledger: Ledger, most: int = 100, **given: Any) -> Found:
    return await ledger.read(chosen.find_chosen, Chosen(**{"statuses": ("dead",), **given}), most)


async def replay(ledger: Ledger, rate: float = 20.0, **given: Any) -> again.Done:
    there = await found(ledger, **given)
    return await again.replay_found(ledger, there, given.get("statuses", ("dead",))[0], rate)


async def cancel(ledger: Ledger, **given: Any) -> again.Done:
    there = await found(ledger, statuses=WAITING, **given)
    return await again.cancel_found(ledger, there, "No longer wanted.")


async def test_they_are_chosen_by_what_they_are(ledger: Ledger) -> None:
    event = "evt_" + "1" * 32
    till, desk = delivery_start("till"), replace(delivery_start("desk"), event_id=event)
    waiting = replace(delivery_start("till"), run_id="run_" + "1" * 32)
    ids = await dead(ledger, till, desk)
    ids += await queue(ledger, waiting)

    async def of(**given: Any) -> list[int]:
        return [ids.index(each.id) for each in (await found(ledger, **given)).each]

    assert await of() == [0, 1]
    assert await of(destination="till") == [0]
    assert await of(destination="mint") == []
    assert await of(event_id=event) == [1]
    assert await of(event_id=event, destination="till") == []
    assert await of(statuses=WAITING) == await of(statuses=WAITING, destination="till") == [2]
    assert await of(statuses=WAITING, run_id=waiting.run_id) == [2]
    assert await of(statuses=("cancelled",)) == []
    assert await of(statuses=()) == [0, 1, 2]
    now = now_us()
    assert await of(since=now - 60 * S) == await of(until=now + 60 * S) == [0, 1]
    assert await of(since=now + 60 * S) == await of(until=now - 60 * S) == []
    made = (await row(ledger, ids[1]))["created_at"]
    assert await of(since=made) == [1]
    assert await of(until=made) == [0]
    assert await of(until=2**53) == [0, 1]


async def test_of_too_many_the_oldest_are_found_and_the_others_counted(ledger: Ledger) -> None:
    ids = await dead(ledger, *(delivery_start() for _ in range(5)))
    there = await found(ledger, most=3)
    assert ([each.id for each in there.each], there.left) == (ids[:3], 2)
    assert (await found(ledger, most=5)).left == 0


async def test_dead_letters_go_again_spread_over_time(ledger: Ledger) -> None:
    starts = [replace(delivery_start(), body=b'{"n":%d}' % n) for n in range(5)]
    ids = await queue(ledger, *starts)
    await end(ledger)
    before = [await row(ledger, each) for each in ids]
    done = await replay(ledger, rate=4)
    assert done == again.Done(5, 0)
    after = [await row(ledger, each) for each in ids]
    first = after[0]["due_at"]
    assert [each["due_at"] - first for each in after] == [n * S // 4 for n in range(5)]
    assert abs(first - now_us()) < 30 * S
    for was, now in zip(before, after, strict=True):
        assert (now["status"], now["reason"], now["finished_at"]) == ("pending", None, None)
        assert (now["spent"], now["attempts"], bool(now["replayed"])) == (0, 1, True)
        assert now["held"] == 0
        for same in ("id", "body", "content_type", "idempotency_key", "created_at"):
            assert now[same] == was[same]
    assert await replay(ledger) == again.Done(0, 0)


async def test_chunks_go_on_where_the_last_one_ended(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "_CHUNK", 2)
    ids = await dead(ledger, *(delivery_start() for _ in range(5)))
    there = await found(ledger)
    assert await ledger.write(deliveries.REPLAY, ids[1])  # somebody was quicker
    commits = ledger.commits
    assert await again.replay_found(ledger, there, "dead", 1) == again.Done(4, 0)
    assert ledger.commits == commits + 3
    due_at = [(await row(ledger, each))["due_at"] for each in ids]
    assert [at - due_at[0] for at in due_at[2:]] == [S, 2 * S, 3 * S]


async def test_what_is_not_done_in_time_is_left(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "_CHUNK", 2)
    monkeypatch.setattr(again, "_LONGEST_S", -1)
    ids = await dead(ledger, *(delivery_start() for _ in range(5)))
    there = await found(ledger, most=4)
    assert await again.replay_found(ledger, there, "dead", 1) == again.Done(2, 3)
    assert await statuses(ledger, ids) == ["pending", "pending", "dead", "dead", "dead"]
    assert await cancel(ledger) == again.Done(2, 0)


async def test_those_of_one_key_go_again_one_after_the_other(ledger: Ledger) -> None:
    ids = await queue(ledger, *(delivery_start("till", "a") for _ in range(3)))
    for _ in ids:
        await end(ledger)
    assert await statuses(ledger, ids) == ["dead"] * 3
    (live,) = await queue(ledger, delivery_start("till", "a"))
    assert await replay(ledger, rate=10_000) == again.Done(3, 0)
    order = []
    for _ in range(4):
        await ledger.engine.transact(lambda tx: tx.run(update(schema.deliveries).values(due_at=0)))
        (one,) = await due.claim_any(ledger, "wrk_1", 10, LEASE_US)
        order.append(one.id)
        await ledger.write(SETTLE, settlement(one))
    assert order == [live, *ids]


async def test_what_is_delivered_or_cancelled_goes_again_only_if_it_is_meant(
    ledger: Ledger,
) -> None:
    (good,) = await queue(ledger, delivery_start())
    await end(ledger, DeliveryStatus.DELIVERED)
    (gone,) = await queue(ledger, delivery_start())
    assert await ledger.write(CANCEL, Cancel((gone,), "No.")) == 1
    assert await replay(ledger) == again.Done(0, 0)
    assert await replay(ledger, statuses=("delivered",)) == again.Done(1, 0)
    assert await statuses(ledger, [good, gone]) == ["pending", "cancelled"]
    assert await ledger.write(deliveries.REPLAY, gone)
    assert await statuses(ledger, [good, gone]) == ["pending", "pending"]


async def test_live_ones_go_before_the_replayed(ledger: Ledger) -> None:
    (old,) = await dead(ledger, delivery_start())
    await replay(ledger, rate=10_000)
    (live,) = await queue(ledger, delivery_start())
    claimed = await due.claim_any(ledger, "wrk_1", 1, LEASE_US)
    assert [each.id for each in claimed] == [live]
    assert await statuses(ledger, [old]) == ["pending"]


async def test_what_waits_is_cancelled_and_what_is_under_way_is_not(ledger: Ledger) -> None:
    taken, retried, fresh, other = await queue(
        ledger, *(delivery_start(each) for each in ("till", "till", "till", "desk"))
    )
    claimed = {each.id: each for each in await due.claim_any(ledger, "wrk_1", 2, LEASE_US)}
    await ledger.write(SETTLE, settlement(claimed[retried], DeliveryStatus.RETRYING, LEASE_US))
    assert await cancel(ledger, destination="till") == again.Done(2, 0)
    all_of_them = [taken, retried, fresh, other]
    assert await statuses(ledger, all_of_them) == [
        *("delivering", "cancelled", "cancelled"),
        "delivering",
    ]
    gone = await row(ledger, retried)
    assert (gone["reason"], gone["attempts"]) == ("No longer wanted.", 1)
    assert gone["finished_at"] is not None
    assert await due.claim_any(ledger, "wrk_1", 10, LEASE_US) == []
    assert await ledger.write(SETTLE, settlement(claimed[taken]))


@pytest.mark.parametrize("place", [0, 1])
async def test_one_that_is_cancelled_lets_the_next_of_its_key_go(
    ledger: Ledger, place: int
) -> None:
    ids = await queue(ledger, *(delivery_start("till", "a") for _ in range(3)))
    assert await ledger.write(CANCEL, Cancel((ids.pop(place),), "No.")) == 1
    for expected in ids:
        (one,) = await due.claim_any(ledger, "wrk_1", 10, LEASE_US)
        assert one.id == expected
        await ledger.write(SETTLE, settlement(one))


async def test_of_a_key_that_is_cancelled_whole_none_goes_in_between(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(again, "_CHUNK", 1)
    ids = await queue(ledger, *(delivery_start("till", "a") for _ in range(3)))
    free: list[list[int]] = []
    write = ledger.write

    async def watched(*given: Any) -> Any:
        result = await write(*given)
        free.append([(await row(ledger, each))["held"] for each in ids])
        return result

    monkeypatch.setattr(ledger, "write", watched)
    assert await cancel(ledger, destination="till") == again.Done(3, 0)
    assert [sum(not held for held in each) for each in free] == [2, 3, 3]
    assert free[0] == [False, True, False]  # the last one has ended, the first one stays in front


async def test_a_cancelled_delivery_has_ended_for_its_event_and_is_not_dead(
    ledger: Ledger,
) -> None:
    came = arrival(matched=False)
    sent = replace(delivery_start(), event_id=came.event.id)
    await ledger.write(RECORD, replace(came, deliveries=(sent,)))

    async def fate() -> str:
        found = await ledger.read(event_in_full, came.event.id)
        assert found is not None
        told: str = found["fate"]
        return told

    assert await fate() == "running"
    assert await cancel(ledger, event_id=came.event.id) == again.Done(1, 0)
    assert await fate() == "delivered"


async def test_one_may_be_rendered_anew_when_it_has_ended(ledger: Ledger) -> None:
    (one,) = await queue(ledger, delivery_start("till", "a"))
    wish = deliveries.Rerender(one, b'{"new":1}', "application/json")
    assert not await ledger.write(deliveries.RERENDER, wish)
    await end(ledger)
    before = await row(ledger, one)
    assert await ledger.write(deliveries.RERENDER, wish)
    (claimed,) = await due.claim_any(ledger, "wrk_1", 10, LEASE_US)
    assert (claimed.id, claimed.body, claimed.spent) == (one, b'{"new":1}', 0)
    assert claimed.idempotency_key == before["idempotency_key"]
    assert claimed.content_type == "application/json"


@pytest.mark.parametrize(
    ("given", "indexes"),
    [
        ({}, {"ix_deliveries_dead"}),
        ({"destination": "till"}, {"ix_deliveries_dead"}),
        ({"event_id": "evt_1"}, {"ix_deliveries_event_id", "ix_deliveries_dead"}),
        (
            {"statuses": WAITING, "destination": "till"},
            {"ix_deliveries_due", "ix_deliveries_held", "ix_deliveries_destination_id"},
        ),
        ({"statuses": WAITING, "event_id": "evt_1"}, {"ix_deliveries_event_id"}),
        ({"statuses": WAITING, "run_id": "run_1"}, {"ix_deliveries_run_id"}),
        ({"reason": "It is broken."}, {"ix_deliveries_dead"}),
        ({"ids": ("dlv_1",)}, {"(id=?)", "pk_deliveries", "ix_deliveries_dead"}),
        ({"statuses": ("cancelled",), "destination": "till"}, {"ix_deliveries_destination_id"}),
    ],
)
async def test_an_index_serves_every_choice(
    ledger: Ledger, given: dict[str, Any], indexes: set[str]
) -> None:
    wanted = Chosen(**{"statuses": ("dead",), **given})
    rows, _ = chosen._found(chosen._form(wanted))
    starts = [delivery_start(f"d{n % 50}", "a" if n % 9 == 0 else None) for n in range(2000)]
    for begin in range(0, 2000, 500):
        made = [
            deliveries.delivery_row(
                replace(
                    each,
                    event_id=new_id("evt"),
                    run_id=new_id("run"),
                    failure="It is broken." if n % 50 == 0 else None,
                )
            )
            for n, each in enumerate(starts[begin : begin + 500])
        ]
        await ledger.engine.transact(lambda tx, made=made: tx.many(deliveries.INSERT, made))  # type: ignore[misc]  # bound at once

    def plan(tx: Tx) -> str:
        params = {**chosen._params(wanted), "most": 1000}
        return "\n".join(str(each[-1]) for each in tx.rows(Explain(rows), params))

    told = await ledger.read(plan)
    assert any(each in told for each in indexes), told
    assert "Seq Scan" not in told
    assert "autoindex" not in told or "(id=?)" in told
