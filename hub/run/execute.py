"""Executing a run: from its claim to its last commit."""

import asyncio
import time
from contextlib import suppress
from dataclasses import replace

import structlog
from structlog.contextvars import bound_contextvars

from hub.errors import ConflictError, HubError, InvalidError, StoreError
from hub.model.change import Change
from hub.model.ids import new_id
from hub.model.json import Json, dumps_text, loads
from hub.model.run import ClaimedRun, Ending, Failure, RunStart, RunStatus
from hub.model.segment import Segment
from hub.model.time import to_iso
from hub.observe.metrics import Metrics
from hub.observe.tracing import CURRENT, Tracing
from hub.stack.interpret import Flow, StepFailed, StopTask, is_catchable, run_steps
from hub.stack.journal import RETRY
from hub.stack.placing import placed
from hub.stack.ports import (
    LeaseLost,
    Parked,
    SegmentConflict,
    SegmentRefused,
    StartOver,
    World,
)
from hub.stack.start import open_turn
from hub.stack.steps.queue import row_change
from hub.stack.steps.tasks import check_chain
from hub.stack.task import Task
from hub.stack.turn import Turn
from hub.store.catalog import Catalog
from hub.store.leases import RETURN_RUN, Return
from hub.store.ledger import Ledger
from hub.store.runs import journal_of

_CONFLICTS = 50
_RETURN_DELAY_US = 1_000_000
_log = structlog.get_logger("hub.run")


class Executor:
    """Executes claimed runs."""

    def __init__(
        self,
        ledger: Ledger,
        catalog: Catalog,
        world: World,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._world = world
        self._metrics = metrics or Metrics()
        self._tracing = tracing

    async def execute(self, run: ClaimedRun) -> None:
        """Interpret a run until it ends or is parked; a lost lease ends it without a word."""
        started = time.perf_counter()
        self._metrics.run_claimed(run.lane, self._world.now_us() - run.due_at)
        with bound_contextvars(run=run.id, task=run.task, event_id=run.event_id):
            if self._tracing is None:
                outcome = await self._execute(run, started)
            else:
                outcome = await self._traced(run, started, self._tracing)
        self._metrics.run_turned(run.task, outcome, time.perf_counter() - started)

    async def _traced(self, run: ClaimedRun, started: float, tracing: Tracing) -> str:
        place = tracing.run(run)
        before = CURRENT.set(place[0])
        try:
            with bound_contextvars(trace_id=f"{place[0].trace_id:032x}"):
                outcome = await self._execute(run, started)
        finally:
            CURRENT.reset(before)
        tracing.turned(run, place, outcome, time.perf_counter() - started)
        return outcome

    async def _execute(self, run: ClaimedRun, started: float) -> str:
        """How its turn ended: the run's status, or why it goes on later or elsewhere."""
        try:
            ending = await self._to_the_end(run)
        except LeaseLost:
            _log.warning("lease.lost")
            return "lease_lost"
        except Parked as parked:
            _log.info("run.parked", until=to_iso(parked.until_us), attempt=run.attempt)
            return "parked"
        except StoreError as error:
            _log.warning("run.interrupted", error=error.message)
            await self._give_back(run)
            return "interrupted"
        _log.info(
            "run.finished",
            status=ending.status.value,
            attempt=run.attempt,
            duration_ms=round((time.perf_counter() - started) * 1000, 2),
            failure=ending.failure and ending.failure.message,
        )
        return ending.status.value

    async def _to_the_end(self, run: ClaimedRun) -> Ending:
        task = None
        try:
            task = await self._catalog.task(run.task, run.version)
            run = replace(run, version=task.version)
            return await self._carry_out(run, task)
        except StoreError:
            raise
        except SegmentRefused as refused:
            failure = Failure(refused.error.code, refused.error.message)
        except HubError as error:
            failure = Failure(error.code, error.message)
        return await self._fail(run, task, failure)

    async def _carry_out(self, run: ClaimedRun, task: Task) -> Ending:
        """Interpret a run, from its journal again where others have changed its records.

        Raises:
            ConflictError: they did so again and again, and it came no further.
        """
        lost = 0
        while lost < _CONFLICTS:
            turn = await open_turn(run, task, self._world)
            try:
                return await _take_turn(turn, task)
            except SegmentConflict:
                rows = await self._ledger.read(journal_of, run.id)
                lost = lost + 1 if len(rows) == len(run.journal) else 0
                run = replace(run, journal=tuple(rows))
        raise ConflictError("Other runs kept changing the same records: retry it later.")

    async def _fail(self, run: ClaimedRun, task: Task | None, failure: Failure) -> Ending:
        """End a run without what its open segment held."""
        ending = Ending(RunStatus.FAILED, run.version, None, failure)
        starts = _told_of_failure(self._world, run, task, failure) if task is not None else []
        await self._world.commit(
            Segment(
                run.id,
                run.fence,
                len(run.journal),
                runs=starts,
                ending=ending,
                concurrency_key=run.concurrency_key,
                tells=run.completion_webhook is not None,
                version=run.version,
            )
        )
        return ending

    async def _give_back(self, run: ClaimedRun) -> None:
        """The ledger failed: once it is back the run is queued again, and that is no crash."""
        back = Return(run.id, run.fence, _RETURN_DELAY_US)
        for pause_s in (0.5, 1, 2, 4, 8):
            await asyncio.sleep(pause_s)
            try:
                await self._ledger.write(RETURN_RUN, back)
            except StoreError:
                continue
            return


async def _take_turn(turn: Turn, task: Task) -> Ending:
    """Interpret a run until it ends or is parked, and commit that.

    Raises:
        Parked: it goes on later.
        LeaseLost, SegmentConflict, SegmentRefused, StoreError: the turn cannot go on.
    """
    try:
        ending = await _interpret(turn, task)
    except Parked as parked:
        await turn.course.commit(parked_until_us=parked.until_us)
        raise
    except StartOver as over:
        await turn.course.commit(over_in_us=over.delay_us)
        raise Parked(turn.world.now_us() + over.delay_us) from None
    await turn.course.commit(ending, change=_of_queue_row(turn, ending))
    return ending


def _of_queue_row(turn: Turn, ending: Ending) -> Change | None:
    """What becomes of the row of ``task_queue`` that the run was for."""
    row_id = turn.course.queue_row
    if row_id is None:
        return None
    failure = ending.failure
    error = None if failure is None else HubError(failure.message, code=failure.code)
    return row_change(turn, row_id, error)


async def _interpret(turn: Turn, task: Task) -> Ending:
    """Run a task's steps; raises as :func:`_take_turn`."""
    try:
        with suppress(StopTask):
            await run_steps(task.steps, turn, "")
    except (LeaseLost, SegmentConflict, SegmentRefused, Parked, StartOver, StoreError):
        raise
    except StepFailed as failed:
        _retry(turn, task, failed)
        failure = Failure(failed.error.code, failed.error.message, failed.path)
    except Flow as flow:
        astray = flow.astray()
        failure = Failure(astray.code, astray.message, flow.path)
    except Exception as error:  # noqa: BLE001 - a fault of the hub ends this run, not the worker
        _log.exception("run.broken")
        failure = Failure("internal", f"The hub itself failed: {type(error).__name__}.")
    else:
        answer = turn.frame.answer
        return Ending(RunStatus.SUCCEEDED, task.version, None if answer is None else answer.body)
    turn.effects.runs += _told_of_failure(turn.world, turn.run, task, failure)
    return Ending(RunStatus.FAILED, task.version, None, failure)


def _retry(turn: Turn, task: Task, failed: StepFailed) -> None:
    """Park the run, to go on from the failed step, if its task says so and it has not ended that.

    Raises:
        Parked
    """
    course = turn.course
    tries = course.journal.retries
    if task.retry is None or tries >= task.retry.max or not is_catchable(failed.error):
        return
    now = course.world.now_us()
    course.record(f"{RETRY}{tries + 1}?", RETRY, now, failed.path, failed.error.message)
    raise Parked(now + task.retry.pause_us(tries + 1, f"{turn.run.id}:{tries + 1}"))


def _told_of_failure(world: World, run: ClaimedRun, task: Task, failure: Failure) -> list[RunStart]:
    """The run of the task that is to know of a failure, if there is one."""
    if task.on_error is None:
        return []
    try:
        name = world.full_task_name(task.stack, task.on_error)
        depth = check_chain(run.chain_depth + 1)
    except HubError as error:
        _log.warning("task.missed", task=task.on_error, error=error.message)
        return []
    given = {
        "error": loads(failure.as_json()),
        "task": task.full_name,
        "run_id": run.id,
        "input": _given(run),
    }
    start = RunStart(
        id=new_id("run"),
        task=name,
        input=dumps_text(given),
        event_id=run.event_id,
        parent=run.id,
        chain_depth=depth,
    )
    return [placed(start, world.known_task(name), given)]


def _given(run: ClaimedRun) -> Json:
    """A run's input, null where it cannot be read."""
    with suppress(InvalidError):
        return None if run.input is None else loads(run.input)
    return None
