"""``/v1/pause``: the whole hub at rest. Events are taken, and nothing runs and nothing leaves.

What is under way goes on to its end, or until it is parked.
"""

from starlette.responses import Response

from hub.bootstrap import Hub
from hub.model.json import Json
from hub.model.key import Scope
from hub.store.catalog import PAUSED_ALL
from hub.store.objects import DROP, PUT, DropObject, PutObject
from hub.store.queues import DELIVERIES, RUNS
from hub.web.api.call import Call, Operation, answer
from hub.web.shown.stacks import Pauses


async def set_paused(call: Call, name: str, *, paused: bool) -> None:
    """Pause or resume a lane, a stack or everything; other processes know it in a second."""
    if paused:
        await call.hub.ledger.write(PUT, PutObject("pause", name, "{}"))
    else:
        await call.hub.ledger.write(DROP, DropObject("pause", name))
    await call.hub.catalog.refresh()
    for queue in (RUNS, DELIVERIES):
        call.hub.bell.ring(queue)


async def _get(call: Call) -> Response:
    return answer(shown_pause(call.hub))


def shown_pause(hub: Hub) -> dict[str, Json]:
    """What is paused, as it is read."""
    now = hub.catalog.now
    lanes = sorted(each.partition(":")[2] for each in now.paused if each.startswith("lane:"))
    return {"all": now.all_paused, "lanes": [*lanes], "stacks": [*now.paused_stacks]}


async def _pause(call: Call) -> Response:
    await set_paused(call, PAUSED_ALL, paused=True)
    return await _get(call)


async def _resume(call: Call) -> Response:
    await set_paused(call, PAUSED_ALL, paused=False)
    return await _get(call)


OPERATIONS = (
    Operation(
        *("GET", "/v1/pause", Scope.READ, _get, "See what is paused"),
        gives={200: Pauses},
        name="get_pauses",
    ),
    Operation(
        *("POST", "/v1/pause", Scope.WRITE, _pause, "Let nothing run and nothing leave"),
        gives={200: Pauses},
        name="pause_all",
    ),
    Operation(
        *("DELETE", "/v1/pause", Scope.WRITE, _resume, "Let all go on, but what is paused apart"),
        gives={200: Pauses},
        name="resume_all",
    ),
)
