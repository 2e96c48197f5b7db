"""The routes of the management API and of health: keys are checked, errors become problems."""

import time
from collections.abc import Awaitable, Callable, Iterable

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from hub.bootstrap import Hub
from hub.errors import HubError, InvalidError, NotFoundError
from hub.model.trace import HEADER
from hub.web import errands
from hub.web.access import Access
from hub.web.api import OPERATIONS
from hub.web.api.call import Call, Operation
from hub.web.assets import Mint, api_routes, client_routes, demo_routes
from hub.web.downloads import PATH as DOWNLOAD
from hub.web.downloads import download
from hub.web.health import healthz, readyz
from hub.web.metrics import PATH as METRICS
from hub.web.metrics import metrics
from hub.web.problems import problem

_log = structlog.get_logger("hub.web")


def build_routes(hub: Hub, access: Access | None = None, mint: Mint | None = None) -> Starlette:
    """The application for ``/v1/*``, ``/files/*``, health, metrics and what browsers fetch.

    ``access`` is given where other rooms share what it remembers of keys. With ``mint`` an
    embedded hub has the page ``/demo``.
    """
    access = access or Access(hub.ledger)
    demo = demo_routes(mint) if hub.embedded and mint is not None else ()
    return _app(
        *_routes(hub, access, OPERATIONS),
        *_health(hub, metrics(hub, access)),
        Route(DOWNLOAD, download(hub)),
        *client_routes(),
        *api_routes(),
        *demo,
    )


def build_watch_routes(hub: Hub, access: Access) -> Starlette:
    """The application for a process that serves nothing else: health, and its own metrics."""
    return _app(*_health(hub, metrics(hub, access, whole=False)))


def routes_of(app: Starlette) -> list[Route]:
    """Its routes, each with a path and an endpoint of its own."""
    return [each for each in app.routes if isinstance(each, Route)]


def _app(*routes: Route) -> Starlette:
    app = Starlette(routes=list(routes), exception_handlers={HTTPException: _no_route})
    app.router.redirect_slashes = False
    return app


def _health(hub: Hub, told: Callable[[Request], Awaitable[Response]]) -> Iterable[Route]:
    return (
        Route("/healthz", healthz),
        Route("/readyz", readyz(hub)),
        Route(METRICS, told),
    )


def _routes(hub: Hub, access: Access, operations: Iterable[Operation]) -> Iterable[Route]:
    """One route for each path, so that a 405 names every method of it."""
    by_path: dict[str, dict[str, Operation]] = {}
    for each in operations:
        by_path.setdefault(each.path, {})[each.method] = each
    for path, by_method in by_path.items():
        yield Route(path, _endpoint(hub, access, by_method), methods=list(by_method))


def _endpoint(
    hub: Hub, access: Access, by_method: dict[str, Operation]
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        started = time.perf_counter()
        place = None
        operation = by_method["GET" if request.method == "HEAD" else request.method]
        who = None
        if hub.tracing is not None:
            place = hub.tracing.enter(request.headers.get(HEADER), operation.path)
        try:
            key = await access.require(request, operation.scope)
            who = key.id
            response = await errands.run(Call(hub, access, request, key, operation), operation)
        except ClientDisconnect:
            response = Response(status_code=400)  # nobody is left to read it
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes a problem
            response = problem(error, request.scope)
        if hub.tracing is not None and place is not None:
            asked, took_s = (request.method, operation.path), time.perf_counter() - started
            hub.tracing.answered(place, asked, response.status_code, took_s)
        _say(operation, request, who, response.status_code, started)
        return response

    return endpoint


async def _no_route(request: Request, error: Exception) -> Response:
    """Starlette's own refusals, in the same shape as ours."""
    named = f"{request.method} {request.scope['path'][:200]}"
    refusal: HubError = NotFoundError(f"There is nothing at {named}.", code="path_unknown")
    if isinstance(error, HTTPException) and error.status_code == 405:
        allow = (error.headers or {}).get("Allow", "")
        refusal = InvalidError(
            f"{named} cannot be done: this path takes {allow}.",
            code="method_not_allowed",
            allow=allow,
        )
    return problem(refusal, request.scope)


def _say(
    operation: Operation, request: Request, who: str | None, status: int, started: float
) -> None:
    say = _log.debug if operation.method == "GET" else _log.info
    say(
        "request.answered",
        operation=f"{operation.method} {operation.path}",
        path=request.scope["path"][:300],
        key=who,
        status=status,
        duration_ms=round((time.perf_counter() - started) * 1000, 2),
    )
