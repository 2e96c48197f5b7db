"""``/v1/tasks``: what stacks can do, and starting it."""

import asyncio
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import BeforeValidator, Field, StringConstraints, model_validator
from starlette.responses import Response

from hub.errors import HubError, NotFoundError
from hub.expr import moment_of
from hub.model.delivery import Webhook
from hub.model.ids import new_id
from hub.model.json import dumps_text
from hub.model.key import Scope
from hub.model.run import RunStart, Unique
from hub.model.time import US_PER_S, now_us
from hub.observe.tracing import traced_here
from hub.stack.outline import outline
from hub.stack.placing import placed
from hub.stack.steps.tasks import MAX_DEBOUNCE_S
from hub.stack.task import Task
from hub.store.catalog import gone
from hub.store.lookup import one
from hub.store.queues import RUNS
from hub.store.runs import START
from hub.store.schema import runs
from hub.web.api.body import Body
from hub.web.api.call import Call, Operation, answer
from hub.web.api.runs import ENDED, shown_run
from hub.web.paging import PAGE
from hub.web.parameters import text
from hub.web.shown.base import Started, listed
from hub.web.shown.stacks import TaskInFull, TaskShown
from hub.web.shown.work import RunShown

MAX_DELAY_S = 10 * 366 * 86400
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.25
_VISIBLE = r"^[!-~]+$"
_VERSION = text("version", "As that version of its stack has it, such as a run names.")


def _moment(value: Any) -> int:
    """Microseconds."""
    try:
        found = moment_of(value)
    except HubError as error:
        raise ValueError(error.message) from None
    if found is None:
        raise ValueError("Give a date, or leave it out")
    return found


class NewRun(Body):
    """A run to be started."""

    input: dict[str, Any] = Field({}, description="What the task works on.")
    lane: Literal["high", "normal", "low"] | None = Field(
        None, description="Whose limits hold; without it the task's own."
    )
    delay_s: float = Field(0, ge=0, le=MAX_DELAY_S, description="Waits before it starts.")
    at: Annotated[int, BeforeValidator(_moment)] | None = Field(
        None, description="When it starts, instead: a date, or seconds since 1970."
    )
    idempotency_key: Annotated[str, StringConstraints(max_length=200, pattern=_VISIBLE)] | None = (
        Field(None, description="The same key for the same task gives the first run again.")
    )
    unique: Annotated[str, StringConstraints(max_length=300)] | None = Field(
        None, description="While a run of the task with the same text has not ended, this is it."
    )
    debounce_s: float = Field(
        0,
        ge=0,
        le=MAX_DEBOUNCE_S,
        description="A run that has not begun takes the new input, and begins so long after the "
        "last call; at most ten times as long after the first.",
    )
    completion_webhook: Webhook | None = Field(
        None, description="Who is told of its end: a URL, {{env.NAME}}, or a destination."
    )
    wait_s: float = Field(0, ge=0, le=60, description="Waits for the end before the answer.")

    @model_validator(mode="after")
    def _one_way(self) -> "NewRun":
        if self.at is not None and self.at > now_us() + MAX_DELAY_S * US_PER_S:
            raise ValueError("'at' must be at most ten years away.")
        if self.at is not None and self.delay_s:
            raise ValueError("Give either 'delay_s' or 'at'.")
        if self.debounce_s and (self.at is not None or self.delay_s):
            raise ValueError("'debounce_s' says when it starts: leave 'delay_s' and 'at' out.")
        if self.idempotency_key is not None and (self.unique is not None or self.debounce_s):
            raise ValueError("Give either 'idempotency_key' or 'unique' and 'debounce_s'.")
        return self

    def delay_us(self) -> int:
        """How long it waits."""
        if self.at is None:
            return int((self.debounce_s or self.delay_s) * US_PER_S)
        return max(0, self.at - now_us())

    def unique_key(self) -> Unique | None:
        """What it shares with the runs that it is one with."""
        if self.unique is None and not self.debounce_s:
            return None
        return Unique(self.unique or "", int(self.debounce_s * US_PER_S))


async def _get_all(call: Call) -> Response:
    page = call.page()
    tasks = {
        task.full_name: task
        for stack in call.hub.catalog.now.stacks.values()
        for task in stack.tasks.values()
    }
    names, last = page.of_names(tasks)
    return answer(page.answer([_shown(call, tasks[name]) for name in names], last))


async def _get(call: Call) -> Response:
    version = call.query().get(_VERSION.name)
    name = call.given("name")
    if version is None or name.count("/") != 1:
        name = await _resolved(call, name)
    return answer(_in_full(call, await call.hub.catalog.task(name, version)))


async def _start(call: Call) -> Response:
    task = await _resolved(call, call.given("task"))
    wish = await call.body(NewRun)
    start = RunStart(
        id=new_id("run"),
        task=task,
        input=dumps_text(wish.input),
        lane=wish.lane,
        idempotency_key=wish.idempotency_key,
        delay_us=wish.delay_us(),
        unique=wish.unique_key(),
        completion_webhook=wish.completion_webhook,
    )
    known = call.hub.catalog.known_task(task)
    if known is not None and known.input is not None:
        known.input.check(wish.input)
    start = traced_here(placed(start, known, wish.input))
    run_id = await call.hub.ledger.write(START, start)
    if run_id == start.id:
        call.hub.bell.ring(RUNS)
    row = await _when_ended(call, run_id, wish.wait_s)
    location = {"location": f"{call.root}/v1/runs/{run_id}"}
    if wish.wait_s and row["status"] in ENDED:
        return answer(shown_run(row), 200, location)
    told = {"id": run_id, "status": row["status"], "url": location["location"]}
    return answer(told, 202, location)


async def _resolved(call: Call, name: str) -> str:
    """The task's full name, also when its stack was uploaded to another process just now."""
    try:
        return call.hub.catalog.resolve(name)
    except NotFoundError:
        await call.hub.catalog.refresh()
    try:
        return call.hub.catalog.resolve(name)
    except NotFoundError:
        if await call.hub.catalog.once_had(name):
            raise gone(name) from None
        raise


async def _when_ended(call: Call, run_id: str, wait_s: float) -> dict[str, Any]:
    """The run's row at its end, or as it stands when the time is over."""
    loop = asyncio.get_running_loop()
    deadline, pause_s = loop.time() + wait_s, _FIRST_PAUSE_S
    while True:
        row = await call.hub.ledger.read(one, runs, id=run_id)
        if row is None:
            raise NotFoundError(f"The run {run_id} is gone.", code="run_unknown")
        left_s = deadline - loop.time()
        if row["status"] in ENDED or left_s <= 0:
            return row
        await asyncio.sleep(min(pause_s, left_s))
        pause_s = min(1.5 * pause_s, _LONGEST_PAUSE_S)


def _shown(call: Call, task: Task) -> dict[str, Any]:
    return {
        "name": task.full_name,
        "stack": task.stack,
        "version": task.version,
        "description": task.description,
        "source": task.source,
        "steps": len(task.steps),
        "runs_url": f"{call.root}/v1/tasks/{quote(task.full_name)}/runs",
    }


def _in_full(call: Call, task: Task) -> dict[str, Any]:
    steps = [
        {
            "path": each.path,
            "function": each.function,
            "id": each.id,
            "description": each.description,
            "as": each.binds,
        }
        for each in outline(task.steps)
    ]
    return {
        **_shown(call, task),
        "lane": task.lane,
        "on_error": task.on_error,
        "input": task.input and task.input.schema,
        "outline": steps,
    }


OPERATIONS = (
    Operation(
        *("GET", "/v1/tasks", Scope.READ, _get_all, "List the tasks"),
        query=PAGE,
        gives={200: listed(TaskShown)},
    ),
    Operation(
        *("POST", "/v1/tasks/{task:path}/runs", Scope.RUN, _start, "Start a run", NewRun),
        gives={200: RunShown, 202: Started},
        problems={
            400: ("task_ambiguous", "json_unfit"),
            404: ("task_unknown", "task_gone", "run_unknown"),
            422: ("input_invalid",),
        },
        name="start_run",
        unaudited="A run is traffic, and a row of its own.",
    ),
    Operation(
        *("GET", "/v1/tasks/{name:path}", Scope.READ, _get, "Read a task, and what it does"),
        query=(_VERSION,),
        gives={200: TaskInFull},
        problems={400: ("task_ambiguous",), 404: ("task_unknown", "task_gone")},
    ),
)
