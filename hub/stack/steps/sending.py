"""Steps whose effects leave the run after its commit: deliveries, messages, events, log lines."""

from typing import Literal

from pydantic import Field, model_validator

from hub.errors import StepError
from hub.expr import DictContext
from hub.model.delivery import DeliveryStart, DeliveryStatus
from hub.model.ids import new_id
from hub.model.json import Json, dumps
from hub.model.message import Message, check_message, check_not_reserved
from hub.model.segment import Publication
from hub.stack.emitting import emitted
from hub.stack.rendering import seen_of
from hub.stack.step import OptionalValue, Value, WorldStep, json_of, text_of
from hub.stack.steps.tasks import check_chain, key_of
from hub.stack.turn import Turn

_LONGEST_TYPE = 200


class Deliver(WorldStep):
    """Queues a delivery; it leaves after the commit, and again until it is taken."""

    function: Literal["deliver"]
    destination: Value = Field(description="The destination's slug.")
    payload: OptionalValue = Field(None, description="What is sent, as JSON.")
    items: OptionalValue = Field(None, description="A list: one delivery for each item.")
    idempotency_key: OptionalValue = Field(
        None, description="Instead of the hub's own, which is the run and the step."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "Deliver":
        if (self.payload is None) == (self.items is None):
            raise ValueError("Give either 'payload' or 'items'.")
        return self

    async def act(self, turn: Turn, path: str) -> Json:
        scope = turn.scope
        slug = text_of(self.destination.evaluate(scope), "destination")
        turn.world.check_destination(slug)
        key = self._key(turn, path)
        if self.items is None:
            payload = self.payload.evaluate(scope) if self.payload else None
            return queue(turn, slug, payload, key)
        items = self.items.evaluate(scope)
        if not isinstance(items, list):
            raise StepError("'items' must be a list.", code="field_invalid")
        return [queue(turn, slug, item, f"{key}.{n}") for n, item in enumerate(items)]

    def _key(self, turn: Turn, path: str) -> str:
        if self.idempotency_key is None:
            return turn.key(path)
        return key_of(self.idempotency_key.evaluate(turn.scope))


def queue(turn: Turn, slug: str, payload: Json, key: str) -> Json:
    """Put a delivery into the open segment; gives what a step shows of it."""
    start = DeliveryStart(
        id=new_id("dlv"),
        destination=slug,
        body=dumps(payload),
        content_type="application/json",
        idempotency_key=key,
        event_id=turn.run.event_id,
        run_id=turn.run.id,
    )
    rendering = turn.world.rendering(slug)
    if rendering is not None:
        scope = turn.scope
        context = DictContext(seen_of(payload), at_us=scope.real_us(), zone=scope.zone)
        start = rendering.render(start, context)
    turn.effects.deliveries.append(start)
    status = DeliveryStatus.PENDING if start.failure is None else DeliveryStatus.DEAD
    return {"id": start.id, "destination": slug, "status": status.value}


class RealtimePublish(WorldStep):
    """Publishes a message on a channel, after the commit."""

    function: Literal["realtime_publish"]
    channel: Value = Field(description="The channel.")
    event: Value = Field(description="What happened.")
    data: OptionalValue = Field(None, description="The message.")

    async def act(self, turn: Turn, path: str) -> Json:
        scope = turn.scope
        message = Message(
            id=new_id("msg"),
            channel=text_of(self.channel.evaluate(scope), "channel"),
            event=text_of(self.event.evaluate(scope), "event"),
            data=json_of(self.data.evaluate(scope) if self.data else None, "data"),
            ts=scope.real_us(),
        )
        check_message(message)
        check_not_reserved(message.channel)
        publish(turn, message)
        return {"id": message.id}


def publish(turn: Turn, message: Message) -> None:
    """Put a message into the open segment."""
    turn.effects.publications.append(
        Publication(message.id, message.channel, message.event, message.data)
    )


class EmitEvent(WorldStep):
    """Records an event of the source ``hub``, as if it had been received: its tasks run."""

    function: Literal["emit_event"]
    type: Value = Field(description="The event's type.")
    data: OptionalValue = Field(None, description="Its body, as JSON.")

    async def act(self, turn: Turn, path: str) -> Json:
        scope = turn.scope
        name = text_of(self.type.evaluate(scope), "type")
        if len(name) > _LONGEST_TYPE or not name.isprintable():
            raise StepError(
                f"'type' must be at most {_LONGEST_TYPE} printable characters.",
                code="field_invalid",
            )
        data = self.data.evaluate(scope) if self.data else {}
        json_of(data, "data")  # it has to be one
        arrival = emitted(
            name,
            data,
            turn.world,
            at_us=scope.real_us(),
            zone=scope.zone,
            missed=lambda slug, why: turn.world.log("warning", path, f"Subscription {slug}: {why}"),
            parent=turn.run.id,
            depth=check_chain(turn.run.chain_depth + 1),
        )
        turn.effects.events.append(arrival)
        return {"id": arrival.event.id, "runs": [run.id for run in arrival.runs]}


class Log(WorldStep):
    """Writes a line to the hub's log, and shows it in the run's timeline."""

    function: Literal["log"]
    message: Value = Field(description="What is to be said.")
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="How serious.")

    async def act(self, turn: Turn, path: str) -> Json:
        value = self.message.evaluate(turn.scope)
        message = value if isinstance(value, str) else json_of(value, "message")
        turn.world.log(self.level, path, message)
        return {"level": self.level, "message": message}
