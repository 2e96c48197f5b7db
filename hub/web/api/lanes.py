"""``/v1/lanes``: what the lanes may do, and what waits in them."""

from starlette.responses import Response

from hub.bootstrap import Hub
from hub.expr import LANES
from hub.model.ids import first_id
from hub.model.json import Json
from hub.model.key import Scope
from hub.model.time import US_PER_S, now_us
from hub.run.lanes import limits
from hub.stack.task import Lane
from hub.store.lanes import LaneState, lane_states
from hub.web.api.call import Call, Operation, answer, missing
from hub.web.api.pauses import set_paused
from hub.web.shown.stacks import LaneList, LaneShown

_LOOKED_AT_US = 600 * US_PER_S


async def _get_all(call: Call) -> Response:
    return answer({"items": await shown_lanes(call.hub)})


async def shown_lanes(hub: Hub) -> list[dict[str, Json]]:
    """Every lane, as it is read."""
    since = first_id("run", now_us() - _LOOKED_AT_US)
    states = await hub.ledger.read(lane_states, since)
    now = hub.catalog.now
    most = limits(now.lanes)
    return [
        {
            **_shown(name, now.lanes.get(name, Lane()), most[name], states.get(name)),
            "paused": f"lane:{name}" in now.paused,
        }
        for name in LANES
    ]


async def _pause(call: Call) -> Response:
    return await _held(call, paused=True)


async def _resume(call: Call) -> Response:
    return await _held(call, paused=False)


async def _held(call: Call, *, paused: bool) -> Response:
    name = call.given("name")
    if name not in LANES:
        raise missing("lane", name)
    await set_paused(call, f"lane:{name}", paused=paused)
    return answer(next(each for each in await shown_lanes(call.hub) if each["name"] == name))


def _shown(name: str, lane: Lane, most: int, state: LaneState | None) -> dict[str, Json]:
    found = state or LaneState()
    age = found.oldest_due_us
    return {
        "name": name,
        "delay_s": lane.delay_s or 0,
        "max_concurrent": most,
        "timeout_ms": lane.timeout_ms,
        "due": found.due,
        "waiting": found.waiting,
        "running": found.running,
        "oldest_due_age_s": None if age is None else round(age / US_PER_S, 3),
        "finished_per_minute": found.finished,
    }


_ONE = "/v1/lanes/{name}"
OPERATIONS = (
    Operation(
        *("GET", "/v1/lanes", Scope.READ, _get_all, "See how the lanes stand"),
        gives={200: LaneList},
    ),
    Operation(
        *("POST", f"{_ONE}/pause", Scope.WRITE, _pause, "Let none of its runs begin"),
        gives={200: LaneShown},
        problems={404: ("lane_unknown",)},
    ),
    Operation(
        *("POST", f"{_ONE}/resume", Scope.WRITE, _resume, "Let its runs begin again"),
        gives={200: LaneShown},
        problems={404: ("lane_unknown",)},
    ),
)
