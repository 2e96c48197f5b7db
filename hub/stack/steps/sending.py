"""Steps whose effects leave the run after its commit: deliveries, messages, events, log lines."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, Literal

from pydantic import Field, model_validator

from hub.errors import NotFoundError, StepError, TooLargeError
from hub.expr import DictContext, truthy
from hub.model.channel import check_not_reserved
from hub.model.delivery import ENDED, DeliveryStart, DeliveryStatus
from hub.model.ids import new_id
from hub.model.json import Json, dumps, loads
from hub.model.message import Message, check_message
from hub.model.segment import Publication
from hub.stack.emitting import emitted
from hub.stack.forms import FormFile, form_of
from hub.stack.patience import pause
from hub.stack.rendering import seen_of
from hub.stack.step import MAX_COUNT, OptionalValue, Value, WorldStep, json_of, text_of, whole_of
from hub.stack.steps.files import files_of
from hub.stack.steps.tasks import check_chain, key_of
from hub.stack.turn import NOT_DONE, Turn

FORM_BYTES = 5 << 20
"""So large is a form at most where nothing is known of the destination's tool."""
_LONGEST_TYPE = 200
_FIRST_LOOK_US, _LONGEST_LOOK_US = 100_000, 300_000_000


class Deliver(WorldStep):
    """Queues a delivery; it leaves after the commit, and again until it is taken.

    The result is `{id, destination, status}`; with `items` a list of it, with `batch_size` each
    with `items`, the number of those in it. With `wait` the run waits for the end: `status` is
    then `delivered`, `dead` or `cancelled`, and a single one that is not delivered is the error
    `not_delivered`.
    """

    function: Literal["deliver"]
    destination: Value = Field(description="The destination's slug.")
    payload: OptionalValue = Field(None, description="What is sent, as JSON.")
    items: OptionalValue = Field(None, description="A list: one delivery for each item.")
    batch_size: OptionalValue = Field(
        None,
        description="So many `items` go together, as a list, but never more bytes than the "
        "destination's tool takes.",
    )
    files: OptionalValue = Field(
        None,
        description="A file, or a list of them, as `keep_file`, `download_dataset` and "
        "`generate_analysis_report` give them: sent as a form (`multipart/form-data`), `file`, "
        "`file2` …, beside the payload's fields.",
    )
    wait: OptionalValue = Field(None, description="Wait until it is delivered, or dead.")
    idempotency_key: OptionalValue = Field(
        None, description="Instead of the hub's own, which is the run and the step."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "Deliver":
        if self.files is not None and self.items is not None:
            raise ValueError("'files' go with 'payload', not with 'items'.")
        if self.files is None and (self.payload is None) == (self.items is None):
            raise ValueError("Give either 'payload' or 'items'.")
        if self.batch_size is not None and self.items is None:
            raise ValueError("'batch_size' goes with 'items'.")
        return self

    async def act(self, turn: Turn, path: str) -> Json:
        if self.wait is None or not truthy(self.wait.evaluate(turn.scope)):
            return await self._queue(turn, path)
        at = f"{path}/sent?"
        sent = turn.replayed(at)
        if sent is NOT_DONE:
            sent = await self._queue(turn, path)
            turn.record(at, self.function, sent)
        return await settled(turn, path, sent)

    async def _queue(self, turn: Turn, path: str) -> Json:
        scope = turn.scope
        slug = text_of(self.destination.evaluate(scope), "destination")
        turn.world.check_destination(slug)
        key = self._key(turn, path)
        if self.items is None:
            payload = self.payload.evaluate(scope) if self.payload else None
            files = await self._contents(turn, slug)
            return queue(turn, slug, {} if files and payload is None else payload, key, files)
        items = self.items.evaluate(scope)
        if not isinstance(items, list):
            raise StepError("'items' must be a list.", code="field_invalid")
        if self.batch_size is None:
            return [queue(turn, slug, item, f"{key}.{n}") for n, item in enumerate(items)]
        size = whole_of(self.batch_size.evaluate(scope), "batch_size", least=1, most=MAX_COUNT)
        batches = in_batches(items, size, turn.world.limit_bytes(slug))
        return [
            {**queue(turn, slug, batch, f"{key}.{n}"), "items": len(batch)}
            for n, batch in enumerate(batches)
        ]

    async def _contents(self, turn: Turn, slug: str) -> list[FormFile]:
        """The files that go with it, read while they fit.

        Raises:
            StepError: ``field_invalid``, ``file_unknown``, ``file_too_large``.
        """
        given = None if self.files is None else self.files.evaluate(turn.scope)
        if given is None:
            return []
        contents: list[FormFile] = []
        left = turn.world.limit_bytes(slug) or FORM_BYTES
        for file in files_of(given):
            try:
                content = await turn.world.datasets.kept(file.id, left)
            except (NotFoundError, TooLargeError) as error:
                raise StepError(error.message, code=error.code) from error
            left -= len(content)
            contents.append(FormFile(file.name or "file", file.content_type, content))
        return contents

    def _key(self, turn: Turn, path: str) -> str:
        if self.idempotency_key is None:
            return turn.key(path)
        return key_of(self.idempotency_key.evaluate(turn.scope))


def in_batches(items: list[Json], size: int, limit_bytes: int | None) -> Iterator[list[Json]]:
    """The items in lists of at most ``size``, and of at most so many bytes as JSON.

    One that is too large by itself is a list by itself: it alone is refused.
    """
    batch: list[Json] = []
    used = len("[]")
    for item in items:
        needs = len(dumps(item)) + len(",")
        if batch and (len(batch) >= size or (limit_bytes and used + needs > limit_bytes)):
            yield batch
            batch, used = [], len("[]")
        batch.append(item)
        used += needs
    if batch:
        yield batch


async def settled(turn: Turn, path: str, sent: Any) -> Json:
    """What was queued, once all of it has ended: with its status, and why it is dead.

    Raises:
        StepError: ``not_delivered``: the only one was not delivered.
    """
    several = sent if isinstance(sent, list) else [sent]
    ids = [each["id"] for each in several]
    await turn.commit()
    for n in count():
        states = await turn.world.delivery_states(ids)
        if all(states[each][0] in ENDED for each in ids):
            break
        await pause(turn, f"{path}/look{n}?", min(_FIRST_LOOK_US << min(n, 20), _LONGEST_LOOK_US))
    told = [{**each, "status": states[each["id"]][0]} for each in several]
    for each in told:
        if states[each["id"]][1] is not None:
            each["reason"] = states[each["id"]][1]
    if isinstance(sent, list):
        return told
    if told[0]["status"] != DeliveryStatus.DELIVERED:
        raise StepError(
            f"The delivery {told[0]['id']} is {told[0]['status']}: {told[0].get('reason')}",
            code="not_delivered",
        )
    return told[0]


def queue(
    turn: Turn, slug: str, payload: Json, key: str, files: Sequence[FormFile] = ()
) -> dict[str, Json]:
    """Put a delivery into the open segment; gives what a step shows of it.

    With files it is a form, whose fields are those of the payload, or of what the destination's
    transform makes of it.

    Raises:
        StepError: ``body_too_large``: the form is more than the destination's tool takes.
    """
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
    if files and start.failure is None:
        body, kind = form_of(loads(start.body), files)
        _check_form(body, turn.world.limit_bytes(slug) or FORM_BYTES)
        start = replace(start, body=body, content_type=kind)
    turn.effects.deliveries.append(start)
    status = DeliveryStatus.PENDING if start.failure is None else DeliveryStatus.DEAD
    return {"id": start.id, "destination": slug, "status": status.value}


def _check_form(body: bytes, most: int) -> None:
    if len(body) > most:
        raise StepError(
            f"With its files the delivery has {len(body):,} bytes, and {most:,} are taken: send "
            "the files' addresses instead (upload_results).",
            code="body_too_large",
        )


class RealtimePublish(WorldStep):
    """Publishes a message on a channel, after the commit."""

    function: Literal["realtime_publish"]
    channel: Value = Field(description="The channel.")
    event: Value = Field(description="What happened.")
    data: OptionalValue = Field(None, description="The message.")

    async def act(self, turn: Turn, path: str) -> Json:
        scope = turn.scope
        data = self.data.evaluate(scope) if self.data else None
        message = Message(
            id=new_id("msg"),
            channel=text_of(self.channel.evaluate(scope), "channel"),
            event=text_of(self.event.evaluate(scope), "event"),
            data=json_of(data, "data"),
            ts=scope.real_us(),
        )
        check_message(message)
        check_not_reserved(message.channel)
        turn.world.check_said(message.channel, data)
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
