"""What another process has set a moment ago is known to the runs that follow it."""

from collections.abc import Sequence

from hub.model.delivery import DeliveryStart
from hub.model.destination import Destination
from hub.model.ids import new_id
from hub.model.json import dumps_text
from hub.model.run import RunStart
from hub.store.deliveries import insert_deliveries
from hub.store.ledger import Write
from hub.store.objects import PUT, PutObject
from hub.store.queues import DELIVERIES, RUNS
from hub.store.runs import START
from hub.store.tx import Tx
from tests.program import Driven
from tests.sink import open_sink

STACK = """
{ task: "t", function_stack: [
  { function: "create_variable", name: "seen", value: "{{env.NAME_%d}}" },
  { function: "deliver", destination: "till-%d", payload: { n: 1 } },
] }
"""


async def test_a_run_knows_what_was_set_before_it_was_queued(hub: Driven) -> None:
    """Set past this process's catalog, as by another server; it would look in a second."""
    assert hub.hub is not None
    ledger, bell = hub.hub.ledger, hub.hub.bell
    for n in range(5):
        await hub.put("/v1/stacks/shop", STACK % (n, n))
        body = Destination(url="http://127.0.0.1:9/").model_dump_json()
        await ledger.write(PUT, PutObject("destination", f"till-{n}", body))
        value = dumps_text({"value": "x", "secret": False})
        await ledger.write(PUT, PutObject("variable", f"NAME_{n}", value))
        start = RunStart(new_id("run"), "shop/t", "{}")
        await ledger.write(START, start)
        bell.ring(RUNS)
        await hub.until(f"/v1/runs/{start.id}", status="succeeded")


async def test_a_delivery_finds_the_destination_that_was_set_just_now(hub: Driven) -> None:
    assert hub.hub is not None
    async with open_sink() as sink:
        for n in range(5):
            body = dumps_text({"url": sink.url})
            await hub.hub.ledger.write(PUT, PutObject("destination", f"till-{n}", body))
            await hub.hub.ledger.write(QUEUE, delivery_to(f"till-{n}"))
            hub.hub.bell.ring(DELIVERIES)
            await sink.wait_for(n + 1)


def _queue(tx: Tx, starts: Sequence[DeliveryStart]) -> list[None]:
    insert_deliveries(tx, starts)
    return [None] * len(starts)


QUEUE: Write[DeliveryStart, None] = Write("queue_for_a_test", 1000, _queue)


def delivery_to(slug: str) -> DeliveryStart:
    return DeliveryStart(new_id("dlv"), slug, b"{}", "application/json", new_id("msg"))
