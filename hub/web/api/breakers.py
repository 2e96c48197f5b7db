"""``/v1/breakers`` and each destination's own: how they stand, opened and closed by hand."""

from collections.abc import Iterable

from pydantic import Field
from starlette.responses import Response

from hub.bootstrap import Hub
from hub.model.destination import Breaker
from hub.model.json import Json
from hub.model.key import Scope
from hub.model.scheme import Shape
from hub.model.time import US_PER_S, now_us, to_iso
from hub.outbound.gates import GateState
from hub.store.queues import DELIVERIES
from hub.web.api.call import Call, Operation, answer
from hub.web.api.destinations import UNKNOWN, slug_of
from hub.web.paging import PAGE
from hub.web.shown.base import listed
from hub.web.shown.named import BreakerShown


class Trip(Shape):
    """How long."""

    for_s: float | None = Field(
        None, gt=0, le=30 * 86_400, description="Until then; without it until it is reset."
    )


async def _breaker(call: Call) -> Response:
    return await _shown_breaker(call, await slug_of(call))


async def _trip(call: Call) -> Response:
    name, wish = await slug_of(call), await call.body(Trip)
    await call.hub.gates.trip(name, wish.for_s)
    return await _shown_breaker(call, name)


async def _reset(call: Call) -> Response:
    name = await slug_of(call)
    await call.hub.gates.reset(name)
    call.hub.bell.ring(DELIVERIES)
    return await _shown_breaker(call, name)


async def _shown_breaker(call: Call, name: str) -> Response:
    destination = await call.hub.catalog.destination(name)
    window_s = (destination.breaker if destination else Breaker()).window_s
    (state,) = await call.hub.gates.states([name], window_s)
    return answer(breaker_of(name, state))


def breaker_of(name: str, state: GateState) -> dict[str, Json]:
    """A breaker as it is read."""
    return {
        "destination": name,
        "state": state.state,
        "since": state.since_us and to_iso(state.since_us),
        "failure_rate": round(state.failure_rate, 4),
        "calls": state.calls,
        "next_probe_at": None
        if state.by_hand and state.next_probe_us is not None and _is_far(state.next_probe_us)
        else state.next_probe_us and to_iso(state.next_probe_us),
        "by_hand": state.by_hand,
        "no_room_until": state.not_before_us and to_iso(state.not_before_us),
        "last_taken_at": state.good_us and to_iso(state.good_us),
    }


def _is_far(at_us: int) -> bool:
    """Nobody said until when: it waits for whoever tripped it."""
    return at_us - now_us() > 365 * 86_400 * US_PER_S


async def _breakers(call: Call) -> Response:
    """Those that are not closed."""
    page = call.page()
    chosen, last = page.of_names(await call.hub.gates.not_closed())
    return answer(page.answer(await open_breakers(call.hub, chosen), last))


async def open_breakers(hub: Hub, names: Iterable[str] | None = None) -> list[dict[str, Json]]:
    """Of these, or of all, those that are not closed.

    Raises:
        StoreError: ``redis_unavailable``.
    """
    asked = sorted(await hub.gates.not_closed() if names is None else names)
    states = await hub.gates.states(asked)
    shown = [breaker_of(name, state) for name, state in zip(asked, states, strict=True)]
    return [each for each in shown if each["state"] != "closed"]


_BREAKER = "/v1/destinations/{slug}/breaker"
OPERATIONS = (
    Operation(
        *("GET", _BREAKER, Scope.READ, _breaker, "See how a destination's breaker stands"),
        gives={200: BreakerShown},
        problems=UNKNOWN,
    ),
    Operation(
        *("POST", f"{_BREAKER}/trip", Scope.WRITE, _trip, "Open it by hand", Trip),
        optional=True,
        gives={200: BreakerShown},
        problems=UNKNOWN,
    ),
    Operation(
        *("POST", f"{_BREAKER}/reset", Scope.WRITE, _reset, "Close it by hand"),
        gives={200: BreakerShown},
        problems=UNKNOWN,
    ),
    Operation(
        *("GET", "/v1/breakers", Scope.READ, _breakers, "List the breakers that are open"),
        query=PAGE,
        gives={200: listed(BreakerShown)},
    ),
)
