"""What has one key goes one after the other, whatever is queued, fails, dies or comes back."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from hub.model.delivery import ENDED, ClaimedDelivery, DeliveryStatus
from hub.store.deliveries import REPLAY, START_DELIVERY
from hub.store.due import CLAIM, ClaimDue, Wanted, due_destinations
from hub.store.leases import EXPIRE_ALL, SWEEP
from hub.store.ledger import open_ledger
from hub.store.lookup import where
from hub.store.schema import deliveries
from hub.store.settling import SETTLE
from tests.databases import prepare
from tests.store.make import LEASE_US, delivery_start, settlement

KEYS = ("a", "b", None)


class OrderMachine(RuleBasedStateMachine):
    """A ledger beside a model of it: of each key the one that goes, and those behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        data = Path(self.folder.name)
        prepare(None, data)
        self.ledger = self.run(open_ledger(None, data))
        self.first: dict[str, str] = {}
        self.behind: dict[str, set[str]] = {"a": set(), "b": set()}
        self.free: set[str] = set()
        self.held: dict[str, ClaimedDelivery] = {}
        self.dead: dict[str, str | None] = {}

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self.ledger.close())
        self.loop.close()
        self.folder.cleanup()

    @property
    def may_go(self) -> set[str]:
        return (self.free | set(self.first.values())) - set(self.held)

    def enter(self, delivery_id: str, key: str | None) -> None:
        if key is None:
            self.free.add(delivery_id)
        elif key in self.first:
            self.behind[key].add(delivery_id)
        else:
            self.first[key] = delivery_id

    def leave(self, delivery_id: str, key: str | None) -> None:
        if key is None:
            self.free.discard(delivery_id)
            return
        assert self.first.pop(key) == delivery_id
        if self.behind[key]:
            self.first[key] = min(self.behind[key])
            self.behind[key].remove(self.first[key])

    @rule(key=st.sampled_from(KEYS))
    def one_is_queued(self, key: str | None) -> None:
        start = delivery_start("till", key)
        self.run(self.ledger.write(START_DELIVERY, start))
        self.enter(start.id, key)

    @rule(most=st.integers(1, 3))
    def some_are_claimed(self, most: int) -> None:
        claim = ClaimDue("wrk_1", LEASE_US, (Wanted("till", most),))
        claimed = self.run(self.ledger.write(CLAIM, claim))
        assert {each.id for each in claimed} <= self.may_go
        assert len(claimed) == min(most, len(self.may_go))
        self.held |= {each.id: each for each in claimed}

    @rule(
        chance=st.randoms(use_true_random=False),
        status=st.sampled_from(
            [DeliveryStatus.DELIVERED, DeliveryStatus.DEAD, DeliveryStatus.RETRYING]
        ),
    )
    def one_is_settled(self, chance: Any, status: DeliveryStatus) -> None:
        if not self.held:
            return
        delivery = self.held.pop(chance.choice(sorted(self.held)))
        assert self.run(self.ledger.write(SETTLE, settlement(delivery, status)))
        if status in ENDED:
            key = delivery.ordering_key and delivery.ordering_key.partition(":")[2]
            self.leave(delivery.id, key)
            self.dead[delivery.id] = key

    @rule(chance=st.randoms(use_true_random=False))
    def one_is_replayed(self, chance: Any) -> None:
        if not self.dead:
            return
        delivery_id = chance.choice(sorted(self.dead))
        assert self.run(self.ledger.write(REPLAY, delivery_id))
        self.enter(delivery_id, self.dead.pop(delivery_id))

    @rule()
    def the_worker_dies(self) -> None:
        self.run(self.ledger.write(EXPIRE_ALL, None))
        self.run(self.ledger.write(SWEEP, None))
        self.held.clear()

    @invariant()
    def due_is_what_may_go(self) -> None:
        found = self.run(self.ledger.read(due_destinations, 100))
        assert sum(each.count for each in found) == len(self.may_go)
        rows = self.run(self.ledger.read(where, deliveries, held=True))
        behind = {each["id"] for each in rows if each["status"] not in ENDED}
        assert behind == set().union(*self.behind.values())


def test_whatever_happens_one_of_a_key_goes_at_a_time() -> None:
    budget = settings(
        max_examples=25,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(OrderMachine, settings=budget)  # type: ignore[no-untyped-call]  # hypothesis
