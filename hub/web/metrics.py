"""``/metrics``: what is counted, as Prometheus reads it, or OpenMetrics where that is asked for.

It takes a key that may read, unless ``HUB_METRICS_OPEN`` says that nobody has to prove anything.
"""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import exposition
from prometheus_client.openmetrics import exposition as openmetrics
from starlette.requests import Request
from starlette.responses import Response

from hub.bootstrap import Hub
from hub.errors import HubError
from hub.model.key import Scope
from hub.web.access import Access
from hub.web.problems import problem

PATH = "/metrics"
OPENMETRICS = "application/openmetrics-text"
_TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS_TYPE = f"{OPENMETRICS}; version=1.0.0; charset=utf-8"


def metrics(
    hub: Hub, access: Access, *, whole: bool = True
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint; ``whole``: it tells of the whole hub, and not of this process alone."""

    async def endpoint(request: Request) -> Response:
        try:
            if not hub.settings.metrics_open:
                await access.require(request, Scope.READ)
            if whole:
                await hub.whole.look()
        except HubError as error:
            return problem(error, request.scope)
        # thousands of series take as long as many requests: not on the event loop
        if OPENMETRICS in request.headers.get("accept", ""):
            body = await asyncio.to_thread(openmetrics.generate_latest, hub.metrics.registry)
            return _told(body, _OPENMETRICS_TYPE)
        body = await asyncio.to_thread(exposition.generate_latest, hub.metrics.registry)
        return _told(body, _TEXT_TYPE)

    return endpoint


def _told(body: bytes, kind: str) -> Response:
    return Response(body, 200, {"cache-control": "no-store", "content-type": kind})
