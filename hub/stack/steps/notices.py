"""Steps by which a stack says that its work is done, or has failed. They never fail a run."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import AliasChoices, Field

from hub.errors import HubError
from hub.expr import text_of as as_text
from hub.model.channel import RUNS
from hub.model.ids import new_id
from hub.model.json import Json, loads
from hub.model.message import Message, check_message
from hub.model.notice import notice_of
from hub.model.run import RunStatus
from hub.stack.interpret import is_catchable
from hub.stack.step import OptionalValue, WorldStep, json_of
from hub.stack.steps.sending import publish, queue
from hub.stack.turn import Turn

_RESULTS = "results"
_LONGEST_REASON = 300


class SendCompletionNotification(WorldStep):
    """Tells destinations, and whoever listens on the channel `runs.{id}`, that the work is done.

    What is sent has the shape of a run's notice: `{type: "run.succeeded", timestamp, data: {id,
    task, status, result, failure, event_id, parent, message, results}}`, where `result` is what
    the run has answered so far and `results` the variable of that name. The step never fails:
    what cannot be told stands under `skipped`, with the reason. The result is `{deliveries:
    [{id, destination, status}], skipped: [{to, reason}]}`.
    """

    status: ClassVar[RunStatus] = RunStatus.SUCCEEDED

    function: Literal["send_completion_notification"]
    destination: OptionalValue = Field(
        None,
        validation_alias=AliasChoices("destination", "destinations"),
        description="The destination's slug, or a list of them; without it those that "
        "`HUB_NOTIFY_DESTINATIONS` names.",
    )
    message: OptionalValue = Field(None, description="What is said.")

    async def _act(self, turn: Turn, path: str) -> None:
        skipped: list[dict[str, str | None]] = []
        notice = self._notice(turn, skipped)
        deliveries = []
        for slug in self._destinations(turn, skipped):
            try:
                turn.world.check_destination(slug)
                deliveries.append(queue(turn, slug, notice, f"{turn.key(path)}.{slug}"))
            except HubError as error:
                skipped.append(_skipped(slug, error))
        self._say(turn, notice, skipped)
        output = {"deliveries": deliveries, "skipped": skipped}
        note = "; ".join(f"skipped: {each['reason']}" for each in skipped) or None
        turn.record(path, self.function, output, note)
        self.bind(turn, output)

    def _notice(self, turn: Turn, skipped: list[dict[str, str | None]]) -> dict[str, Json]:
        run, answer = turn.run, turn.course.frame.answer
        more: dict[str, Json] = {}
        if self.message is not None:
            try:
                said = self.message.evaluate(turn.scope)
                more["message"] = said if isinstance(said, str) else as_text(said)
            except HubError as error:
                skipped.append(_skipped("message", error))
        results = turn.scope.variables.get(_RESULTS)
        if results is not None:
            more[_RESULTS] = results
        return notice_of(
            self.status.value,
            turn.scope.real_us(),
            id=run.id,
            task=run.task,
            result=None if answer is None else loads(answer.body),
            failure=self._failure(turn),
            event_id=run.event_id,
            parent=run.parent,
            **more,
        )

    def _failure(self, turn: Turn) -> Json:
        return None

    def _destinations(self, turn: Turn, skipped: list[dict[str, str | None]]) -> Iterator[str]:
        """Those that are named here, else those of the settings, each once."""
        named: Any = None
        try:
            named = None if self.destination is None else self.destination.evaluate(turn.scope)
        except HubError as error:
            skipped.append(_skipped(None, error))
            return
        if named is None:
            named = self._usual(turn)
        slugs = [named] if isinstance(named, str) else named
        if not isinstance(slugs, (list, tuple)) or not all(isinstance(each, str) for each in slugs):
            skipped.append(_skip(None, "'destination' must be a slug or a list of slugs."))
        elif not slugs:
            skipped.append(_skip(None, f"No destination is named, nor set by {self.setting}."))
        else:
            yield from dict.fromkeys(slugs)

    setting: ClassVar[str] = "HUB_NOTIFY_DESTINATIONS"

    def _usual(self, turn: Turn) -> tuple[str, ...]:
        return turn.world.notified.of_completion

    def _say(
        self, turn: Turn, notice: dict[str, Json], skipped: list[dict[str, str | None]]
    ) -> None:
        """Publish it on the run's channel, where only the hub itself may speak."""
        channel = f"{RUNS}{turn.run.id}"
        try:
            message = Message(
                id=new_id("msg"),
                channel=channel,
                event=str(notice["type"]),
                data=json_of(notice["data"], "data"),
                ts=turn.scope.real_us(),
            )
            publish(turn, check_message(message))
        except HubError as error:
            skipped.append(_skipped(channel, error))


class SendErrorNotification(SendCompletionNotification):
    """Tells destinations, and whoever listens on the channel `runs.{id}`, that the work failed.

    As `send_completion_notification`, with the type `run.failed`; in a `catch_stack` its
    `failure` is the code, message and step of what was caught.
    """

    status: ClassVar[RunStatus] = RunStatus.FAILED
    setting: ClassVar[str] = "HUB_NOTIFY_ERROR_DESTINATIONS"

    function: Literal["send_error_notification"]  # type: ignore[assignment]  # another name

    def _usual(self, turn: Turn) -> tuple[str, ...]:
        return turn.world.notified.of_error

    def _failure(self, turn: Turn) -> Json:
        error = turn.scope.reserved["error"]
        if not isinstance(error, dict):
            return None
        return {name: error.get(name) for name in ("code", "message", "step")}


def _skipped(to: str | None, error: HubError) -> dict[str, str | None]:
    """What could not be told, for the timeline; a run's limit is not for a step to swallow.

    Raises:
        HubError: nothing may go on after it.
    """
    if not is_catchable(error):
        raise error
    return _skip(to, error.message)


def _skip(to: str | None, reason: str) -> dict[str, str | None]:
    return {"to": to, "reason": reason[:_LONGEST_REASON]}
