"""Steps on `task_queue`, a table in which others leave work: its rows are taken once each.

A row has `task_type`, `payload`, `priority` and `status` (`pending`, then `processing` or
`queued`, then `completed` or `failed`). What `task_type` says comes from outside, so it can name
only what the step's `task_types` lists, and tasks that say `queueable: true`.
"""

from collections.abc import Awaitable
from typing import Any, Literal

from pydantic import Field

from hub.errors import HubError, StepError
from hub.model.change import Change, Outcome
from hub.model.filter import And, Compare
from hub.model.ids import new_id
from hub.model.json import Json, dumps_text
from hub.model.query import Query, parse_sort
from hub.model.run import RunStart
from hub.model.time import US_PER_S, to_iso
from hub.stack.interpret import StepFailed, is_catchable
from hub.stack.memory import MAX_BYTES
from hub.stack.placing import placed
from hub.stack.step import OptionalValue, Value, count_of, number_of, object_of
from hub.stack.steps.tasks import TaskStep
from hub.stack.turn import NOT_DONE, Turn

TABLE = "task_queue"
_USUAL_BATCH = 10
_MOST = 1_000
_ORDER: Json = [{"priority": "desc"}, {"created_at": "asc"}]


class _QueueStep(TaskStep):
    """A step that takes rows of the queue."""

    task_types: OptionalValue = Field(
        None, description='Which task does what: `{"send_email": "mail"}`; else `queueable` ones.'
    )

    def allowed(self, turn: Turn, row: dict[str, Any]) -> str:
        """The full name of the task for a row.

        Raises:
            StepError: ``task_not_queueable``.
        """
        wanted = row.get("task_type")
        listed = {} if self.task_types is None else self.task_types.evaluate(turn.scope)
        named = object_of({} if listed is None else listed, "task_types").get(str(wanted))
        if isinstance(named, str):
            return turn.world.full_task_name(turn.frame.task.stack, named)
        if isinstance(wanted, str):
            full = turn.world.full_task_name(turn.frame.task.stack, wanted)
            task = turn.world.known_task(full)
            if task is not None and task.queueable:
                return full
        raise StepError(
            f"{str(wanted)[:60]!r} is no task that a row of {TABLE} may ask for: list it in "
            "'task_types', or give the task queueable: true.",
            code="task_not_queueable",
        )

    async def claim(
        self, turn: Turn, path: str, where: Any, most: int, marks: dict[str, Json]
    ) -> list[dict[str, Any]]:
        """Take pending rows, the most urgent first, and mark them; a resumed run gets the same."""
        known = turn.replayed(path)
        if known is NOT_DONE:
            spec = turn.world.table(TABLE)
            filters = And((Compare("status", "$eq", "pending"), *where))
            change = Change(
                Query(TABLE, filters, parse_sort(_ORDER, spec), limit=most),
                turn.scope.real_us(),
                set=marks,
                most_bytes=MAX_BYTES,
                skips=True,
                spec=spec,
            )
            known = await turn.decide(path, "claim_records", change, _all)
        return [row for row in known if isinstance(row, dict)]

    async def work(self, turn: Turn, path: str, row: dict[str, Any]) -> bool:
        """Run a row's task inside this run, and mark the row; whether it went well."""
        mark = f"{path}/mark"
        done = turn.replayed(mark)
        if done is not NOT_DONE:
            return bool(done)
        error: HubError | None = None
        try:
            await self._run(turn, path, self.allowed(turn, row), payload_of(row))
        except StepFailed as failed:
            error = failed.error
        except HubError as refused:
            error = refused
        if error is not None and not is_catchable(error):
            raise error
        await mark_row(turn, mark, row["id"], error)
        return error is None


class ProcessNextBatch(_QueueStep):
    """Takes pending rows of `task_queue`, the most urgent and oldest first, and runs their tasks.

    No two runs take the same row. Each is marked `completed` or `failed`, with its time and error;
    `as`, or `batch`, gets `{claimed, completed, failed}`.
    """

    function: Literal["process_next_batch"]
    batch_size: OptionalValue = Field(None, description="How many at most; without it 10.")

    def perform(self, turn: Turn, path: str) -> Awaitable[None]:
        turn.trace(path, self.function)
        return self._work(turn, path)

    async def _work(self, turn: Turn, path: str) -> None:
        size = None if self.batch_size is None else self.batch_size.evaluate(turn.scope)
        most = _USUAL_BATCH if size is None else min(count_of(size, "batch_size"), _MOST)
        rows = await self.claim(turn, f"{path}/claim", (), most, _begun(turn, "processing"))
        good = 0
        for n, row in enumerate(rows):
            good += await self.work(turn, f"{path}/{n}", row)
        told = {"claimed": len(rows), "completed": good, "failed": len(rows) - good}
        turn.scope.assign(self.as_ or "batch", told)


class ProcessTaskImmediately(_QueueStep):
    """Runs the task of the row in `task_queue` here and now, if it is still pending."""

    function: Literal["process_task_immediately"]

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        row = _row_of(turn)
        if row is None:
            turn.trace(path, self.function, "There is no row in task_queue.")
            return None
        turn.trace(path, self.function)
        return self._work(turn, path, row)

    async def _work(self, turn: Turn, path: str, row: dict[str, Any]) -> None:
        where = (Compare("id", "$eq", row["id"]),)
        taken = await self.claim(turn, f"{path}/claim", where, 1, _begun(turn, "processing"))
        for each in taken:
            await self.work(turn, f"{path}/0", each)


class QueueTaskForProcessing(_QueueStep):
    """Starts a run for the row in `task_queue`, if it is still pending.

    The row is marked `queued` with the run's id, and `completed` or `failed` when that has ended.
    """

    function: Literal["queue_task_for_processing"]
    delay: OptionalValue = Field(None, description="Seconds to wait before it starts.")

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        row = _row_of(turn)
        if row is None:
            turn.trace(path, self.function, "There is no row in task_queue.")
            return None
        turn.trace(path, self.function)
        return self._queue(turn, path, row)

    async def _queue(self, turn: Turn, path: str, row: dict[str, Any]) -> None:
        if turn.replayed(f"{path}/run") is not NOT_DONE:
            return
        value = None if self.delay is None else self.delay.evaluate(turn.scope)
        delay_s = 0.0 if value is None else number_of(value, "delay", least=0, most=366 * 86_400)
        task = self.allowed(turn, row)
        marks: dict[str, Json] = {"status": "queued", "run_id": new_id("run")}
        where = (Compare("id", "$eq", row["id"]),)
        taken = await self.claim(turn, f"{path}/claim", where, 1, marks)
        for each in taken:
            start = RunStart(
                id=each["run_id"],
                task=task,
                input=dumps_text(payload_of(each)),
                event_id=turn.run.event_id,
                parent=turn.run.id,
                delay_us=int(delay_s * US_PER_S),
                context=dumps_text({"queue_row": each["id"]}),
            )
            turn.effects.runs.append(placed(start, turn.world.known_task(task), payload_of(each)))
        turn.record(f"{path}/run", "background_task", [each["run_id"] for each in taken])


class DelayProcessing(TaskStep):
    """Ends this turn: after the delay the task starts again, at its first step."""

    function: Literal["delay_processing"]
    delay: Value = Field(description="Seconds to wait.")

    def perform(self, turn: Turn, path: str) -> None:
        value = self.delay.evaluate(turn.scope)
        delay_s = number_of(value, "delay", least=0, most=10 * 366 * 86_400)
        turn.trace(path, self.function)
        raise turn.course.starts_over(delay_s)


def payload_of(row: dict[str, Any]) -> dict[str, Any]:
    """What the task of a row works on."""
    payload = row.get("payload")
    if payload is None:
        return {}
    return payload if isinstance(payload, dict) else {"payload": payload}


def row_change(turn: Turn, row_id: int, error: HubError | None) -> Change:
    """What is made of a row whose task has ended."""
    now = turn.world.now_us()
    marks: dict[str, Json] = {"status": "completed", "completed_at": to_iso(now), "error": None}
    if error is not None:
        marks = {"status": "failed", "failed_at": to_iso(now), "error": error.message}
    where = And((Compare("id", "$eq", row_id), Compare("status", "$in", ["processing", "queued"])))
    return Change(
        Query(TABLE, where), now, set=marks, most_bytes=MAX_BYTES, spec=turn.world.table(TABLE)
    )


async def mark_row(turn: Turn, path: str, row_id: int, error: HubError | None) -> None:
    """Mark a row whose task has ended inside this run."""
    change = row_change(turn, row_id, error)
    await turn.decide(path, "edit_record", change, lambda _: error is None)


def _begun(turn: Turn, status: str) -> dict[str, Json]:
    return {
        "status": status,
        "started_at": to_iso(turn.scope.real_us()),
        "run_id": turn.run.id,
    }


def _row_of(turn: Turn) -> dict[str, Any] | None:
    row = turn.scope.lookup(TABLE)
    return row if isinstance(row, dict) and isinstance(row.get("id"), int) else None


def _all(outcome: Outcome) -> list[Json]:
    return [record.as_fields() for record in outcome.records]
