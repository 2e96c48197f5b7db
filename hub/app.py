"""The server: one ASGI application over the rooms, and uvicorn around it."""

import asyncio
import math
import resource
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from typing import Any, TypeAlias

import structlog
import uvicorn

from hub.bootstrap import Hub
from hub.dashboard.app import build_dashboard, is_of_dashboard
from hub.errors import SettingsError, StoreError
from hub.listener import Stopping
from hub.model.channel import DELIVERIES
from hub.observe.metrics import OTHER
from hub.outbound.jwks import Jwks
from hub.receive.endpoint import Endpoint
from hub.receive.record import Recorder
from hub.run.runner import Runner
from hub.web.access import Access
from hub.web.admission import Admission
from hub.web.always import always
from hub.web.answers import RunAnswers
from hub.web.assets import DEMO_CHANNEL
from hub.web.cors import Cors
from hub.web.counting import Seen
from hub.web.endpoints import Endpoints
from hub.web.entrance import Entrance
from hub.web.issued import Issued
from hub.web.live import Bounds, Live
from hub.web.problems import problem
from hub.web.protocol import Protocol
from hub.web.publishing import Clients
from hub.web.resume import PREFIX as RESUME
from hub.web.resume import Resumption
from hub.web.routes import build_routes, build_watch_routes, routes_of
from hub.web.senders import key_check
from hub.web.tokens import demo_mint

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_TICK_S, _TICKS_OF_A_DAY = 0.1, 864_000
_OTHER_FILES = 512
_REALTIME = "/realtime/{channel}"
_STREAMS = (_REALTIME, "/v1/runs/{id}/stream")
STOPPED_BY = (signal.SIGINT, signal.SIGTERM)
_log = structlog.get_logger("hub.app")


class App:
    """Hands each request to its room; what a room refuses becomes a problem."""

    def __init__(self, hub: Hub, runner: Runner) -> None:
        settings = hub.settings
        self.access = access = Access(hub.ledger)
        answers = RunAnswers(hub, runner)
        endpoint = Endpoint(
            hub.catalog,
            hub.connectors,
            Recorder(hub.ledger, hub.catalog, hub.bell, settings.timezone, hub.tracing),
            max_body_bytes=settings.max_body_bytes,
            body_timeout_s=settings.body_timeout_s,
            public_url=settings.root if settings.public_url is not None else None,
            timezone=settings.timezone,
            result=answers.of_event,
            check_key=key_check(access),
            metrics=hub.metrics,
            tracing=hub.tracing,
        )
        self._entrance = Entrance(endpoint, hub)
        admission = Admission(
            access, Issued(hub.catalog, Jwks(hub.client)), lambda: hub.catalog.now
        )
        self._live = Live(
            channels=hub.channels,
            admission=admission,
            cors=Cors(settings.cors_origins, lambda name: hub.catalog.now.channels.is_public(name)),
            stopping=hub.stopping,
            problem=problem,
            publish=Clients(hub, admission).publish,
            bounds=Bounds(settings.stream_s, _streams(settings.streams)),
            presence=hub.presence,
            watching=lambda names: _attended(hub, frozenset(names)),
            metrics=hub.metrics,
        )
        self._endpoints = Endpoints(hub, answers, access)
        self._resume = Resumption(hub)
        self._dashboard = build_dashboard(hub, access)
        self._routes = build_routes(hub, access, demo_mint(hub, DEMO_CHANNEL))
        self._paths: dict[object, str] = {
            each.endpoint: each.path
            for app in (self._routes, self._dashboard)
            for each in routes_of(app)
        }
        self._metrics = hub.metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, seen, route = time.perf_counter(), Seen(send), OTHER
        try:
            route = await self._answer(scope, receive, seen)
        finally:
            took_s = None if route in _STREAMS else time.perf_counter() - started
            self._metrics.request_answered(route, scope["method"], seen.status, took_s)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> str:
        """Have a room answer; gives the template of the route."""
        path = scope["path"]
        if path.startswith("/in/"):
            await self._entrance(scope, receive, send)
            return "/in/{source}"
        if path.startswith(RESUME):
            await self._resume(scope, receive, send)
            return f"{RESUME}{{run}}/{{token}}"
        if path == "/realtime" or path.startswith("/realtime/"):
            await self._live(scope, receive, send)
            return _REALTIME
        if is_of_dashboard(path):
            await self._dashboard(scope, receive, send)
            return self._paths.get(scope.get("endpoint"), OTHER)
        template = self._endpoints.template(path)
        if template is not None:
            await self._endpoints(scope, receive, send)
            return template
        await self._routes(scope, receive, send)
        return self._paths.get(scope.get("endpoint"), OTHER)


@contextmanager
def _attended(hub: Hub, channels: frozenset[str]) -> Iterator[None]:
    """What is told only to listeners is told on these until the end of the block."""
    with hub.watch.watching(channels), hub.wanted.holding(channels & {DELIVERIES}):
        yield


class Server(uvicorn.Server):
    """uvicorn, whose streams end when it stops, and whose signals the program handles."""

    def __init__(self, config: uvicorn.Config, stopping: Stopping) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Have it stop, at once and not at its next look."""
        self.should_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        """As uvicorn's own, which sleeps between its looks whatever happens."""
        for tick in count():
            if await self.on_tick(tick % _TICKS_OF_A_DAY):
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _TICK_S)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the program, which has more to close than the server."""
        yield

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Open the port.

        Raises:
            SettingsError: ``port_unusable``; uvicorn would end the process instead.
        """
        try:
            await super().startup(sockets)
        except SystemExit as error:
            host, port = self.config.host, self.config.port
            raise SettingsError(
                f"The hub cannot listen on {host}, port {port}: is another program there? "
                "Stop that one, or give this one another address with HUB_HOST and HUB_PORT "
                "(of a worker HUB_METRICS_HOST and HUB_METRICS_PORT).",
                code="port_unusable",
            ) from error

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """End the live streams first: they would hold the stop up."""
        self._stopping.set()
        await super().shutdown(sockets)


@asynccontextmanager
async def serving(hub: Hub, runner: Runner) -> AsyncIterator[Server]:
    """Serve until the end of the block; requests that are being answered are let finish.

    ``server.started`` is true once the port is open.
    """
    settings = hub.settings
    hub.supervisor.start("channels", hub.channels.follow)
    hub.supervisor.start("watch", hub.watch.follow)
    hub.supervisor.start("presence", hub.presence.follow)
    hub.supervisor.start("wanted", hub.wanted.follow)
    app = App(hub, runner)
    hub.supervisor.start("keys", app.access.follow)
    async with _listening(hub, app, app.access, (settings.host, settings.port)) as server:
        yield server


@asynccontextmanager
async def watched(hub: Hub) -> AsyncIterator[None]:
    """Tell health and metrics of a process that serves nothing else, where a port is set."""
    settings = hub.settings
    if settings.metrics_port is None:
        yield
        return
    access = Access(hub.ledger)
    hub.supervisor.start("keys", access.follow)
    app = build_watch_routes(hub, access)
    async with _listening(hub, app, access, (settings.metrics_host, settings.metrics_port)):
        yield


@asynccontextmanager
async def _listening(
    hub: Hub, app: Any, access: Access, address: tuple[str, int]
) -> AsyncIterator[Server]:
    """An application on an address, until the end of the block; ``access`` knows its callers."""
    settings = hub.settings
    config = uvicorn.Config(
        app,
        host=address[0],
        port=address[1],
        loop="none",
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        headers=always(settings),
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies) or None,
        timeout_graceful_shutdown=max(1, round(settings.stop_grace_s)),
        backlog=2048,
    )
    server = Server(config, hub.stopping)
    task = asyncio.create_task(server.serve(), name="server")
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event
            await asyncio.sleep(0.005)
        if task.done():
            task.result()
        yield server
    finally:
        server.end()
        await asyncio.wait([task])
        with suppress(StoreError):  # it is only for people
            await access.tell_used()


def stop_event() -> asyncio.Event:
    """An event that SIGINT or SIGTERM sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in STOPPED_BY:
        loop.add_signal_handler(each, stop.set)
    return stop


def _streams(wanted: int) -> int:
    """So many streams as this process may have files open, with some left for all else.

    Each connection is an open file, and many systems begin with 1,024 where more are allowed.
    """
    soft, hard = (
        math.inf if each == resource.RLIM_INFINITY else each
        for each in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    needed = wanted + _OTHER_FILES
    if soft < needed:
        soft = min(hard, needed)
        with suppress(ValueError, OSError):  # where the system's own limit is lower
            resource.setrlimit(resource.RLIMIT_NOFILE, (int(soft), _given(hard)))
    if soft < needed:
        most = max(0, int(soft) - _OTHER_FILES)
        _log.warning("streams.bounded", wanted=wanted, most=most, hint="raise ulimit -n")
        return most
    return wanted


def _given(limit: float) -> int:
    return resource.RLIM_INFINITY if limit == math.inf else int(limit)
