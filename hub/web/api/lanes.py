"""``/v1/lanes``: what the lanes may do, and what waits in them."""

from starlette.responses import Response

from hub.expr import LANES
from hub.model.ids import first_id
from hub.model.json import Json
from hub.model.key import Scope
from hub.model.time import US_PER_S, now_us
from hub.run.lanes import limits
from hub.stack.task import Lane
from hub.store.lanes import LaneState, lane_states
from hub.web.api.call import Call, Operation, answer

_LOOKED_AT_US = 600 * US_PER_S


async def _get_all(call: Call) -> Response:
    since = first_id("run", now_us() - _LOOKED_AT_US)
    states = await call.hub.ledger.read(lane_states, since)
    lanes = call.hub.catalog.now.lanes
    most = limits(lanes)
    return answer(
        {"items": [_shown(n, lanes.get(n, Lane()), most[n], states.get(n)) for n in LANES]}
    )


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


OPERATIONS = (Operation("GET", "/v1/lanes", Scope.READ, _get_all, "See how the lanes stand"),)
