"""``/v1/tasks``: what stacks can do, and starting it."""

import asyncio
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import quote

from pydantic import Field, StringConstraints
from starlette.responses import Response

from hub.errors import NotFoundError
from hub.model.ids import new_id
from hub.model.json import dumps_text
from hub.model.key import Scope
from hub.model.run import RunStart
from hub.model.time import US_PER_S
from hub.stack.placing import placed
from hub.stack.task import Task
from hub.store.catalog import gone
from hub.store.lookup import one
from hub.store.queues import RUNS
from hub.store.runs import START
from hub.store.schema import runs
from hub.web.api.body import Body
from hub.web.api.call import Call, Operation, answer
from hub.web.api.runs import ENDED, shown_run

MAX_DELAY_S = 10 * 366 * 86400
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.01, 0.25
_VISIBLE = r"^[!-~]+$"


class NewRun(Body):
    """A run to be started."""

    LATER: ClassVar[tuple[str, ...]] = ("at", "completion_webhook")

    input: dict[str, Any] = Field({}, description="What the task works on.")
    lane: Literal["high", "normal", "low"] | None = Field(
        None, description="Whose limits hold; without it the task's own."
    )
    delay_s: float = Field(0, ge=0, le=MAX_DELAY_S, description="Waits before it starts.")
    idempotency_key: Annotated[str, StringConstraints(max_length=200, pattern=_VISIBLE)] | None = (
        Field(None, description="The same key for the same task gives the first run again.")
    )
    wait_s: float = Field(0, ge=0, le=60, description="Waits for the end before the answer.")


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
    name = await _resolved(call, call.given("name"))
    return answer(_shown(call, await call.hub.catalog.task(name)))


async def _start(call: Call) -> Response:
    task = await _resolved(call, call.given("task"))
    wish = await call.body(NewRun)
    start = RunStart(
        id=new_id("run"),
        task=task,
        input=dumps_text(wish.input),
        lane=wish.lane,
        idempotency_key=wish.idempotency_key,
        delay_us=int(wish.delay_s * US_PER_S),
    )
    start = placed(start, call.hub.catalog.known_task(task), wish.input)
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


OPERATIONS = (
    Operation("GET", "/v1/tasks", Scope.READ, _get_all, "List the tasks"),
    Operation("POST", "/v1/tasks/{task:path}/runs", Scope.RUN, _start, "Start a run", NewRun),
    Operation("GET", "/v1/tasks/{name:path}", Scope.READ, _get, "Read a task"),
)
