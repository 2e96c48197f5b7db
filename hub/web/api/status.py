"""``/v1/status``: one look at what came, ran and went lately, what waits, and what is held."""

import asyncio
from contextlib import suppress
from typing import Any

from starlette.responses import Response

from hub.errors import StoreError
from hub.model.ids import Prefix, first_id
from hub.model.json import Json
from hub.model.key import Scope
from hub.model.time import US_PER_S, now_us
from hub.store.condition import COUNTED, dead_letters, lately
from hub.store.due import due_destinations
from hub.web.api.breakers import open_breakers
from hub.web.api.call import Call, Operation, answer
from hub.web.api.lanes import shown_lanes
from hub.web.api.pauses import shown_pause
from hub.web.shown.work import StatusShown

_LATELY_S = 3600
_WORDS: dict[Prefix, str] = {"evt": "events", "run": "runs", "dlv": "deliveries"}
_LANE = ("due", "waiting", "running", "oldest_due_age_s", "paused")


async def _get(call: Call) -> Response:
    hub, since = call.hub, now_us() - _LATELY_S * US_PER_S
    breakers, worker = await asyncio.gather(_breakers(call), hub.bell.hears_a_worker())
    counts = await hub.ledger.read(lately, {prefix: first_id(prefix, since) for prefix in _WORDS})
    due = await hub.ledger.read(due_destinations, COUNTED)
    told: dict[str, Json] = {
        "within_s": _LATELY_S,
        **{word: dict(counts[prefix]) for prefix, word in _WORDS.items()},
        "lanes": {
            each["name"]: {word: each[word] for word in _LANE} for each in await shown_lanes(hub)
        },
        "deliveries_due": {each.destination: each.count for each in due},
        "dead_letters": await hub.ledger.read(dead_letters),
        "breakers": breakers,
        "paused": shown_pause(hub),
        "disabled": [slug for slug, each in hub.catalog.now.destinations.items() if not each.takes],
        "worker": worker,
    }
    return answer(told)


async def _breakers(call: Call) -> Any:
    with suppress(StoreError):
        return [
            {"destination": each["destination"], "state": each["state"]}
            for each in await open_breakers(call.hub)
        ]
    return None


OPERATIONS = (
    Operation(
        *("GET", "/v1/status", Scope.READ, _get, "See at a glance how the hub stands"),
        gives={200: StatusShown},
    ),
)
