"""Steps whose effects leave the run: deliveries, messages, tasks, the answer."""

from typing import Literal

from pydantic import Field, model_validator

from hub.errors import StepError
from hub.model.delivery import DeliveryStart
from hub.model.ids import new_id
from hub.model.json import Json, dumps
from hub.model.message import Message, check_message
from hub.model.run import DEFAULT_LANE, RunStart
from hub.model.segment import Publication
from hub.model.time import US_PER_S
from hub.stack.step import OptionalValue, Step, Value, WorldStep, json_of, object_of, text_of
from hub.stack.turn import Turn

MAX_CHAIN = 10_000
MAX_DELAY_S = 10 * 366 * 86400


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
            return self._queue(turn, slug, payload, key)
        items = self.items.evaluate(scope)
        if not isinstance(items, list):
            raise StepError("'items' must be a list.", code="field_invalid")
        return [self._queue(turn, slug, item, f"{key}.{n}") for n, item in enumerate(items)]

    def _key(self, turn: Turn, path: str) -> str:
        if self.idempotency_key is None:
            return f"{turn.run.id}:{path}"
        key = text_of(self.idempotency_key.evaluate(turn.scope), "idempotency_key")
        if not (key.isascii() and key.isprintable() and len(key) <= 200):
            raise StepError(
                "'idempotency_key' must be at most 200 printable ASCII characters.",
                code="field_invalid",
            )
        return key

    @staticmethod
    def _queue(turn: Turn, slug: str, payload: Json, key: str) -> Json:
        delivery = DeliveryStart(
            id=new_id("dlv"),
            destination=slug,
            body=dumps(payload),
            content_type="application/json",
            idempotency_key=key,
            event_id=turn.run.event_id,
            run_id=turn.run.id,
        )
        turn.effects.deliveries.append(delivery)
        return {"id": delivery.id, "destination": slug, "status": "pending"}


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
            ts=scope.now_us(),
        )
        check_message(message)
        turn.effects.publications.append(
            Publication(message.id, message.channel, message.event, message.data)
        )
        return {"id": message.id}


class BackgroundTask(WorldStep):
    """Starts a run of another task, which works on its own."""

    function: Literal["background_task"]
    task: Value = Field(description="The task.")
    data: OptionalValue = Field(None, description="Its input.")
    delay: OptionalValue = Field(None, description="Seconds to wait before it starts.")

    async def act(self, turn: Turn, path: str) -> Json:
        scope = turn.scope
        name = turn.world.full_task_name(text_of(self.task.evaluate(scope), "task"))
        data = self.data.evaluate(scope) if self.data else {}
        delay_s = _delay_s(self.delay.evaluate(scope) if self.delay else 0)
        depth = turn.run.chain_depth + 1 if delay_s < 1 else 0
        if depth > MAX_CHAIN:
            raise StepError(
                f"A chain of {MAX_CHAIN:,} runs that start one another without a delay: "
                "end it by a condition, or give it a delay.",
                code="chain_limit",
            )
        start = RunStart(
            id=new_id("run"),
            task=name,
            input=json_of(object_of({} if data is None else data, "data"), "data"),
            event_id=turn.run.event_id,
            parent=turn.run.id,
            chain_depth=depth,
            lane=DEFAULT_LANE,
            delay_us=int(delay_s * US_PER_S),
        )
        turn.effects.runs.append(start)
        return {"id": start.id, "task": name}


def _delay_s(value: Json) -> float:
    if value is None:
        return 0
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value <= MAX_DELAY_S:
        return max(0, value)
    raise StepError("'delay' must be a number of seconds, at most ten years.", code="field_invalid")


class ReturnResponse(Step):
    """Sets the run's result; the steps behind it still run."""

    function: Literal["return_response"]
    body: Value = Field(description="The result.")

    def perform(self, turn: Turn, path: str) -> None:
        if turn.result is not None:
            raise StepError("The run has answered already.", code="answered_twice")
        turn.result = json_of(self.compute(self.body, turn, path), "body")
