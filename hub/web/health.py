"""``/healthz`` and ``/readyz``: whether the process lives, and what is down.

Without the database nothing can be taken: 503. Without Redis events are still taken and wait, so
the answer stays 200 and says ``degraded``. Nothing here tells a stranger more than a name.
"""

import asyncio
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import Response

from hub.bootstrap import Hub
from hub.errors import StoreError
from hub.model.json import dumps
from hub.store.objects import revision

_ANSWER_S = 1.0


async def healthz(request: Request) -> Response:
    """The process answers."""
    return _answer({"status": "ok"}, 200)


def readyz(hub: Hub) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that says what is down."""

    async def endpoint(request: Request) -> Response:
        found = await troubles(hub)
        if "database" in found:
            return _answer({"status": "unavailable", "troubles": found}, 503)
        return _answer({"status": "degraded" if found else "ok", "troubles": found}, 200)

    return endpoint


async def troubles(hub: Hub) -> dict[str, str]:
    """What of this process is not well, by name."""
    found = await asyncio.gather(_database(hub), _redis(hub))
    told = {name: text for name, text in found if text is not None}
    for name in hub.supervisor.troubles():
        told[name] = "It failed and was started again; see task.restarted in the log."
    return told


async def _database(hub: Hub) -> tuple[str, str | None]:
    try:
        async with asyncio.timeout(_ANSWER_S):
            await hub.ledger.read(revision)
    except (StoreError, TimeoutError):
        return "database", "It does not answer: no event can be taken."
    return "database", None


async def _redis(hub: Hub) -> tuple[str, str | None]:
    """A connection of its own, so that a full pool does not look like an outage."""
    try:
        async with asyncio.timeout(_ANSWER_S), Redis.from_url(hub.redis_url) as client:
            await client.ping()
    except (RedisError, OSError, TimeoutError):
        return (
            "redis",
            "It does not answer: work may start a second late, and messages wait.",
        )
    return "redis", None


def _answer(body: dict[str, object], status: int) -> Response:
    return Response(dumps(body), status, {"cache-control": "no-store"}, "application/json")
