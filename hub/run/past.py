"""What a step was given, found again: its run is interpreted anew, from its journal alone.

A journal holds what steps gave and not what they were given, which follows from it: the run is
gone through up to the step, each step before takes its result from the journal, and the fields
of the step are computed with the names that it saw.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, cast

from hub.errors import ExpressionError, HubError, StoreError
from hub.expr import Compiled
from hub.model.change import Outcome
from hub.model.json import Json
from hub.model.run import ClaimedRun
from hub.model.segment import Segment
from hub.run.known import KnownWorld
from hub.stack.datasets import DataSets
from hub.stack.interpret import Flow, StepFailed, run_steps
from hub.stack.outline import finder, steps_in
from hub.stack.ports import Level, Notified, Parked, StartOver
from hub.stack.start import open_turn
from hub.stack.step import Composed, Step
from hub.stack.task import Task
from hub.stack.turn import Turn
from hub.store.catalog import Catalog
from hub.store.ledger import Ledger

_LIMIT_S = 2.0
_OF_EVERY_STEP = frozenset(Step.model_fields)
_NOTHING: Any = object()


async def inputs_of(
    ledger: Ledger,
    catalog: Catalog,
    zone: str,
    row: Mapping[str, Any],
    journal: Sequence[bytes],
    step: tuple[str, int],
) -> dict[str, Json] | None:
    """What the fields of a step came to, by their names.

    ``row`` and ``journal`` are the run's; of the step its path is given, and when it began in
    microseconds since the epoch. A field that could not be computed is left out, and a secret is
    its name. None where it cannot be told: the run has not come so far, its version or its input
    is gone, or it takes too long.

    Raises:
        StoreError: the ledger cannot be read.
    """
    try:
        task = await catalog.task(row["task"], row["version"])
        path, at_us = step
        world = _Past(ledger, catalog, zone, "", lambda: at_us)
        async with asyncio.timeout(_LIMIT_S):
            return await _given(_run_of(row, journal), task, world, path)
    except StoreError:
        raise
    except (HubError, TimeoutError):
        return None


async def _given(run: ClaimedRun, task: Task, world: "_Past", path: str) -> dict[str, Json] | None:
    turn = await open_turn(run, task, world, _stopping_at(path))
    try:
        await run_steps(task.steps, turn, "")
    except _Reached as reached:
        return reached.fields
    except (_Unknown, StepFailed, Flow, Parked, StartOver):
        pass
    return None


def _run_of(row: Mapping[str, Any], journal: Sequence[bytes]) -> ClaimedRun:
    """The run as a worker would get it."""
    return ClaimedRun(
        id=row["id"],
        task=row["task"],
        version=row["version"],
        lane=row["lane"],
        attempt=row["attempt"],
        crashes=row["crashes"],
        fence=row["fence"],
        input=row["input"],
        event_id=row["event_id"],
        chain_depth=row["chain_depth"],
        started_at=row["started_at"] or row["due_at"],
        due_at=row["due_at"],
        context=row["context"],
        completion_webhook=row["completion_webhook"],
        concurrency_key=row["concurrency_key"],
        parent=row["parent"],
        journal=tuple(journal),
    )


class _Reached(Exception):  # noqa: N818 - a signal, and no error
    """The step begins, with what its fields come to."""

    def __init__(self, fields: dict[str, Json] | None) -> None:
        super().__init__("the step is reached")
        self.fields = fields


class _Unknown(Exception):  # noqa: N818 - a signal, and no error
    """The journal ends before the step."""


def _stopping_at(wanted: str) -> type[Turn]:
    """Turns that go as far as a step."""

    class Stopping(Turn):
        __slots__ = ()

        def begin_step(self, path: str) -> Any:
            waiting = super().begin_step(path)
            if path == wanted:
                raise _Reached(_fields_of(self, path))  # the loops around it forget their items
            return waiting

    return Stopping


def _fields_of(turn: Turn, path: str) -> dict[str, Json] | None:
    """What the fields of the step that begins come to."""
    frame = turn.frame
    find = finder(dict(steps_in(frame.task.steps)))
    step = find(path.removeprefix(frame.prefix))
    if step is None:
        return None
    if not step.touches_world:
        _recall(turn, path)
    own = {
        name.removesuffix("_"): getattr(step, name)
        for name in type(step).model_fields
        if name in step.model_fields_set and name not in _OF_EVERY_STEP
    }
    fields = {**own, **(step.model_extra or {})}
    shown = {name: _shown(value, turn) for name, value in fields.items()}
    return {name: value for name, value in shown.items() if value is not _NOTHING}


def _recall(turn: Turn, path: str) -> None:
    """Have the step read what it read of the clock and of ``env``."""
    done = turn.course.journal.done
    for seen in (done.get(f"{path}?"), done.get(path)):
        if isinstance(seen, dict) and "now" in seen:
            turn.scope.recall(seen)


def _shown(value: Any, turn: Turn) -> Any:
    """What a field came to; nothing of one that holds steps, was left out, or has failed."""
    try:
        if isinstance(value, Compiled):
            return value.evaluate(turn.scope)
        if isinstance(value, Composed):
            return value.shown(turn)
    except HubError:
        return _NOTHING
    return value if isinstance(value, (str, int, float)) else _NOTHING


class _NoDataSets:
    def __getattr__(self, name: str) -> NoReturn:
        raise _Unknown


class _Past(KnownWorld):
    """The world of a run that is over: what it did is in its journal, and nothing else is done."""

    short_wait_us = 0
    notified = Notified()
    datasets = cast(DataSets, _NoDataSets())

    def variable(self, name: str) -> Any:
        try:
            return super().variable(name)
        except ExpressionError as error:
            if error.code != "env_secret":
                raise
            return f"{{{{env.{name}}}}}"

    async def commit(self, segment: Segment) -> Outcome | None:
        if segment.change is not None:
            raise _Unknown
        return None

    def log(self, level: Level, path: str, text: str) -> None:
        pass

    def answered(self, *_: Any) -> None:
        pass

    def secret(self, name: str) -> str | None:
        return None

    def limit_bytes(self, slug: str) -> int | None:
        return None

    def channel_token(self, *_: Any, **__: Any) -> NoReturn:
        raise _Unknown

    async def _unknown(self, *_: Any, **__: Any) -> NoReturn:
        raise _Unknown

    take_id = take_ids = get_record = find_records = count_records = _unknown
    aggregate_records = cached = delivery_states = answers_of = _unknown
    system_metrics = unique_run = request = _unknown
