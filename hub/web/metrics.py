"""``/metrics``: what is counted, as Prometheus reads it, or OpenMetrics where that is asked for.

It takes a key that may read, unless ``HUB_METRICS_OPEN`` says that nobody has to prove anything.
Who was known before gets an answer within a few seconds, whatever else is down.
"""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import exposition
from prometheus_client.openmetrics import exposition as openmetrics
from starlette.requests import Request
from starlette.responses import Response

from hub.bootstrap import Hub
from hub.errors import AccessError, HubError, StoreError
from hub.model.key import Scope, hash_of
from hub.web.access import Access
from hub.web.problems import problem

PATH = "/metrics"
OPENMETRICS = "application/openmetrics-text"
_PATIENCE_S = 2.0
_MOST_READERS = 100
_TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS_TYPE = f"{OPENMETRICS}; version=1.0.0; charset=utf-8"


class Readers:
    """Who may read.

    A key that could read when it was last looked up goes on to do so while the ledger does not
    answer: that is when somebody looks.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._good: set[str] = set()

    async def check(self, request: Request) -> None:
        """See that whoever asks may read.

        Raises:
            AccessError: ``unauthorized``, ``forbidden``, ``too_many_requests``.
            StoreError: nobody can tell now, and it was not known before.
        """
        name = hash_of(request.headers.get("authorization") or "")
        try:
            async with asyncio.timeout(_PATIENCE_S if name in self._good else None):
                await self._access.require(request, Scope.READ)
        except AccessError as error:
            if error.code != "too_many_requests":
                self._good.discard(name)
            raise
        except (StoreError, TimeoutError):
            if name not in self._good:
                raise StoreError("The database does not say whether this key may read.") from None
        else:
            if len(self._good) >= _MOST_READERS:
                self._good.clear()
            self._good.add(name)


def metrics(
    hub: Hub, access: Access, *, whole: bool = True
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint; ``whole``: it tells of the whole hub, and not of this process alone."""

    readers = Readers(access)

    async def endpoint(request: Request) -> Response:
        if not hub.settings.metrics_open:
            try:
                await readers.check(request)
            except HubError as error:
                return problem(error, request.scope)
        if whole:
            await hub.whole.look()
        # thousands of series take as long as many requests: not on the event loop
        if OPENMETRICS in request.headers.get("accept", ""):
            body = await asyncio.to_thread(openmetrics.generate_latest, hub.metrics.registry)
            return _told(body, _OPENMETRICS_TYPE)
        body = await asyncio.to_thread(exposition.generate_latest, hub.metrics.registry)
        return _told(body, _TEXT_TYPE)

    return endpoint


def _told(body: bytes, kind: str) -> Response:
    return Response(body, 200, {"cache-control": "no-store", "content-type": kind})
