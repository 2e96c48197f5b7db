"""Deliveries for the pages to show, as a hub would have made and tried them."""

from typing import Any

from hub.bootstrap import Hub
from hub.model.delivery import DeliveryStart
from hub.model.ids import new_id
from hub.store.deliveries import START_DELIVERY
from hub.web.desk import Desk

HOSTILE = "<script>alert(1)</script>"


async def send(hub: Hub, destination: str = "till", **more: Any) -> str:
    """Queue a delivery; with ``failure`` it is a dead letter at once."""
    given = {"id": new_id("dlv"), "destination": destination, "body": b'{"n":1}', **more}
    start = DeliveryStart(**{"content_type": "application/json", "idempotency_key": "key", **given})
    await hub.ledger.write(START_DELIVERY, start)
    return start.id


async def till(desk: Desk, **more: Any) -> None:
    """Set the destination that most of them go to."""
    body = {"url": "https://till.example/x?of=1&b=2", **more}
    await desk.ask("PUT", "/v1/destinations/{slug}", {"slug": "till"}, body=body)


async def status_of(desk: Desk, delivery_id: str) -> str:
    """Where a delivery stands."""
    found = await desk.ask("GET", "/v1/deliveries/{id}", {"id": delivery_id})
    return str(found["status"])
