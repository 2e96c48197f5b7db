"""``/v1/rates``: how much came, ran and went, minute by minute."""

from starlette.responses import Response

from hub.model.key import Scope
from hub.model.time import to_iso
from hub.observe.rates import MOST_MINUTES
from hub.web.api.call import Call, Operation, answer
from hub.web.parameters import whole
from hub.web.shown.base import listed
from hub.web.shown.work import RateShown

_MINUTES = whole("minutes", "So many minutes up to now.", 1, MOST_MINUTES, default=60)


async def _get(call: Call) -> Response:
    minutes = _MINUTES.number(call.query().get(_MINUTES.name))
    found = await call.hub.rates.last(minutes)
    items = [{"at": to_iso(each.at_us), **each.counts} for each in found]
    return answer({"items": items, "next": None})


OPERATIONS = (
    Operation(
        *("GET", "/v1/rates", Scope.READ, _get, "See how much came, ran and went, by the minute"),
        query=(_MINUTES,),
        gives={200: listed(RateShown)},
        problems={503: ("redis_unavailable",)},
    ),
)
