"""A delivery rendered again from its event, by its destination's transform as it is now."""

from collections.abc import Mapping
from typing import Any

from hub.deliver.again import is_masked
from hub.errors import ConflictError
from hub.model.delivery import DeliveryStart
from hub.receive.replay import Replayer
from hub.store.catalog import Catalog


async def rendered_again(replayer: Replayer, catalog: Catalog, row: Mapping[str, Any]) -> bytes:
    """The JSON that a delivery would have if its event came in now; ``row`` is the delivery's.

    Raises:
        ConflictError: ``delivery_without_event``, ``delivery_of_run``, ``transform_missing``,
            ``event_gone``, ``transform_failed``, ``transform_masked``.
        InvalidError: its connector cannot read the event any more.
        NotFoundError: ``source_unknown``, ``connector_unknown``.
    """
    if row["run_id"] is not None:
        raise ConflictError(
            "A run has made this delivery, and not its event: have the run begin again with "
            f"POST /v1/runs/{row['run_id']}/retry, or send another 'body'.",
            code="delivery_of_run",
        )
    if row["event_id"] is None:
        raise ConflictError(
            "No event is behind this delivery: send another 'body'.", code="delivery_without_event"
        )
    await catalog.refresh()
    slug = row["destination"]
    destination, rendering = catalog.now.destinations.get(slug), catalog.rendering(slug)
    if destination is None or destination.transform is None or rendering is None:
        raise ConflictError(
            f"The destination {slug!r} has no transform: leave out 'render' to send the same.",
            code="transform_missing",
        )
    bare = DeliveryStart(row["id"], slug, b"", "", row["idempotency_key"])
    made = rendering.render(bare, await replayer.seen(row["event_id"]))
    if made.failure is not None:
        raise ConflictError(made.failure, code="transform_failed")
    if is_masked(made.body, row):
        raise ConflictError(
            "The transform uses a header field that was masked when the event was recorded: "
            "it cannot be rendered again. Send another 'body'.",
            code="transform_masked",
        )
    return made.body
