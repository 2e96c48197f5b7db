"""Executing a run: from its claim to its last commit."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from hub.errors import HubError, InvalidError, StoreError
from hub.model.json import Json, loads
from hub.model.run import ClaimedRun, Ending, Failure, RunStatus
from hub.model.time import to_iso
from hub.stack.interpret import StepFailed, run_steps
from hub.stack.journal import Journal
from hub.stack.load import Task
from hub.stack.ports import LeaseLost, SegmentConflict, World
from hub.stack.scope import Scope
from hub.stack.turn import NOT_DONE, Turn
from hub.store.catalog import Catalog
from hub.store.leases import RETURN_RUN, Return
from hub.store.ledger import Ledger
from hub.store.lookup import one
from hub.store.runs import journal_of
from hub.store.schema import events

_CONFLICTS = 50
_FACTS = "run?"
_RETURN_DELAY_US = 1_000_000
_log = structlog.get_logger("hub.run")


class Executor:
    """Executes claimed runs."""

    def __init__(self, ledger: Ledger, catalog: Catalog, world_of: Callable[[str], World]) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._world_of = world_of

    async def execute(self, run: ClaimedRun) -> None:
        """Interpret a run to its end and commit that; a lost lease ends it without a word."""
        with bound_contextvars(run=run.id, task=run.task, event_id=run.event_id):
            await self._execute(run)

    async def _execute(self, run: ClaimedRun) -> None:
        started = time.perf_counter()
        try:
            ending = await self._to_the_end(run)
        except LeaseLost:
            _log.warning("lease.lost")
            return
        except StoreError as error:
            _log.warning("run.interrupted", error=error.message)
            await self._give_back(run)
            return
        _log.info(
            "run.finished",
            status=ending.status.value,
            attempt=run.attempt,
            duration_ms=round((time.perf_counter() - started) * 1000, 2),
            failure=ending.failure and ending.failure.message,
        )

    async def _to_the_end(self, run: ClaimedRun) -> Ending:
        world = self._world_of(run.task.partition("/")[0])
        try:
            task = await self._catalog.task(run.task, run.version)
            run = replace(run, version=task.version)
            for _ in range(_CONFLICTS):
                turn = await self._open(run, task, world)
                try:
                    return await self._end(turn, await _interpret(turn, task))
                except SegmentConflict:
                    rows = await self._ledger.read(journal_of, run.id)
                    run = replace(run, journal=tuple(rows))
            failure = Failure(
                "conflict", "Other runs kept changing the same records: retry it later."
            )
        except StoreError:
            raise
        except HubError as error:
            failure = Failure(error.code, error.message)
        return await self._end(
            _bare_turn(run, world), Ending(RunStatus.FAILED, run.version, None, failure)
        )

    async def _open(self, run: ClaimedRun, task: Task, world: World) -> Turn:
        if run.input is None:
            raise InvalidError(
                "The event that held this run's input is no longer kept.", code="input_gone"
            )
        given = loads(run.input)
        if not isinstance(given, dict):
            raise InvalidError("The input of a run must be an object.", code="input_invalid")
        reserved = {"event": await self._event(run) if "event" in task.names else None}
        scope = Scope(given, reserved, world)
        turn = Turn(run, task.version, scope, Journal.of(run.journal), world)
        if "run" in task.names:
            scope.reserved["run"] = _facts(turn)
        return turn

    async def _event(self, run: ClaimedRun) -> dict[str, Any] | None:
        if run.event_id is None:
            return None
        row = await self._ledger.read(one, events, id=run.event_id)
        if row is None:
            return None
        return {
            "id": row["id"],
            "source": row["source"],
            "type": row["type"],
            "received_at": to_iso(row["received_at"]),
            "headers": dict(loads(row["headers"])),
        }

    async def _end(self, turn: Turn, ending: Ending) -> Ending:
        try:
            await turn.commit(ending)
        except InvalidError as error:  # the database refuses what the run made
            failure = Failure(error.code, error.message)
            ending = Ending(RunStatus.FAILED, ending.version, None, failure)
            await _bare_turn(turn.run, turn.world).commit(ending)
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


async def _interpret(turn: Turn, task: Task) -> Ending:
    try:
        await run_steps(task.steps, turn, "")
        return Ending(
            RunStatus.SUCCEEDED,
            task.version,
            turn.result,
        )
    except (LeaseLost, SegmentConflict, StoreError):
        raise
    except StepFailed as failed:
        failure = Failure(failed.error.code, failed.error.message, failed.path)
    except HubError as error:
        failure = Failure(error.code, error.message)
    except Exception as error:  # noqa: BLE001 - a fault of the hub ends this run, not the worker
        _log.exception("run.broken")
        failure = Failure("internal", f"The hub itself failed: {type(error).__name__}.")
    return Ending(RunStatus.FAILED, task.version, None, failure)


def _facts(turn: Turn) -> Json:
    """What ``run`` is in the stack: as it was when the run began, in all its lives."""
    facts = turn.replayed(_FACTS)
    if facts is NOT_DONE:
        run = turn.run
        facts = {
            "id": run.id,
            "attempt": run.attempt,
            "started_at": to_iso(run.started_at),
            "scheduled_for": to_iso(run.due_at),
        }
        turn.record(_FACTS, "run", facts)
    return facts


def _bare_turn(run: ClaimedRun, world: World) -> Turn:
    """A turn that only ends the run."""
    scope = Scope({}, {}, world)
    return Turn(run, run.version or "", scope, Journal.of(run.journal), world)
