"""Events of the hub's own: what a stack emits, and what has happened to the hub itself."""

from collections.abc import Callable, Mapping

from hub.expr import DictContext
from hub.model.event import EMITTED, Arrival, Event
from hub.model.ids import new_id
from hub.model.json import Json, dumps_text
from hub.model.run import RunStart
from hub.stack.placing import placed
from hub.stack.ports import Followers
from hub.stack.rendering import seen_of
from hub.stack.subscribed import deliveries_to, tasks_among, that_want


def emitted(
    name: str,
    data: Json,
    followers: Followers,
    *,
    at_us: int,
    zone: str,
    missed: Callable[[str, str], None],
    parent: str | None = None,
    depth: int = 0,
) -> Arrival:
    """An event of the source ``hub`` with its runs and deliveries, not yet committed."""
    event = Event(
        id=new_id("evt"),
        source=EMITTED,
        type=name,
        received_at=at_us,
        method="POST",
        path="",
        query="",
        ip="",
        headers="[]",
        body=dumps_text(data).encode(),
    )
    given: Mapping[str, Json] = data if isinstance(data, dict) else {"body": data}
    kept = None if given is data else dumps_text(given)  # the event has it already
    seen = {**seen_of(data), "event_type": event.type, "source": event.source}
    context = DictContext(seen, at_us=at_us, zone=zone)
    wanting = that_want(followers.subscriptions_of(EMITTED), event, context, missed=missed)
    runs = tuple(
        placed(
            RunStart(
                id=new_id("run"),
                task=task,
                input=kept,
                event_id=event.id,
                parent=parent,
                chain_depth=depth,
            ),
            followers.known_task(task),
            given,
        )
        for task in tasks_among(wanting, followers.tasks_of_source(EMITTED))
    )
    sent = deliveries_to(
        wanting, event, event.body, "application/json", followers.rendering, context
    )
    return Arrival(event, None, runs, sent)
