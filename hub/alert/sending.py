"""What a destination is sent of a notice: as a delivery, or here and now without the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from hub.connector import Connector, Outcome, Says
from hub.deliver.trial import try_out
from hub.errors import HubError
from hub.expr import DictContext
from hub.model.delivery import DeliveryStart
from hub.model.event import EMITTED
from hub.model.ids import new_id
from hub.model.json import Json, dumps
from hub.outbound.client import Sender
from hub.stack.rendering import seen_of
from hub.store.catalog import Catalog

_log = structlog.get_logger("hub.alerts")


@dataclass(frozen=True, slots=True)
class Speaker:
    """Puts notices into the form that each destination takes."""

    catalog: Catalog
    connectors: Mapping[str, Connector]
    zone: str

    def body(self, slug: str, notice: Mapping[str, Json]) -> Json:
        """The notice; where its connector shows text to people, and no transform makes something
        else of it, its title and text."""
        destination = self.catalog.now.destinations.get(slug)
        connector = None if destination is None else self.connectors.get(destination.connector)
        if destination is None or destination.transform is not None:
            return dict(notice)
        if isinstance(connector, Says):
            return connector.say(str(notice["subject"]), str(notice["text"]))
        return dict(notice)

    def delivery(
        self, slug: str, notice: Mapping[str, Json], key: str, at_us: int, event_id: str | None
    ) -> DeliveryStart:
        """The notice on its way to a destination; ``key`` is its idempotency key."""
        start = DeliveryStart(
            id=new_id("dlv"),
            destination=slug,
            body=dumps(self.body(slug, notice)),
            content_type="application/json",
            idempotency_key=key,
            event_id=event_id,
        )
        rendering = self.catalog.rendering(slug)
        if rendering is None:
            return start
        seen = seen_of(dict(notice), event_type=notice["event"], source=EMITTED)
        return rendering.render(start, DictContext(seen, at_us=at_us, zone=self.zone))

    async def send_now(
        self, client: Sender, notices: Mapping[str, Mapping[str, Json]]
    ) -> tuple[str, ...]:
        """Send each destination its notice, once and at once; gives those that took it."""
        taken = []
        for slug, notice in notices.items():
            destination = self.catalog.now.destinations.get(slug)
            connector = None if destination is None else self.connectors.get(destination.connector)
            if destination is None or connector is None:
                continue
            try:
                told = await try_out(slug, destination, connector, self.body(slug, notice), client)
            except HubError as error:
                told = {"outcome": error.code, "message": error.message}
            outcome, message = told["outcome"], told["message"]
            _log.info("notice.attempted", destination=slug, outcome=outcome, message=message)
            if outcome == Outcome.DELIVERED.value:
                taken.append(slug)
        return tuple(taken)
