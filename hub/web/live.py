"""``/realtime``: what is said on channels, as server-sent events; and saying something there."""

import random
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext, suppress
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.channels import Channels
from hub.channels.presence import Presence
from hub.errors import AccessError, HubError, InvalidError, OutboundError, StoreError
from hub.listener import Stopping
from hub.model.channel import PRESENCE, Can
from hub.model.ids import new_id
from hub.model.json import dumps_text
from hub.model.message import Message, sse_event
from hub.model.time import now_us
from hub.observe.metrics import Metrics
from hub.web.admission import Admission, Grant
from hub.web.cors import Cors
from hub.web.stream import EVENT_STREAM, HEADERS, RETRY_MS, retry, start_of, stream
from hub.web.wish import Wish, read_wish

Problem: TypeAlias = Callable[[HubError, Scope], Response]
Watching: TypeAlias = Callable[[Iterable[str]], AbstractContextManager[None]]
MayStay: TypeAlias = Callable[[], Awaitable[bool]]
Publish: TypeAlias = Callable[[Request, str, Grant], Awaitable[Response]]

ROOT = "/realtime"
_METHODS = "GET, POST, OPTIONS"
_SHED_MS = (5_000, 30_000)
_JITTER = 0.1
_NOT_NOW = (StoreError, OutboundError)
"""Nobody can tell now whether they may: another time."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a stream lasts, and how many there are."""

    stream_s: float
    """Then the client has to come back, maybe to another server."""
    streams: int


@dataclass(frozen=True, slots=True)
class Live:
    """The endpoint, for ``/realtime`` and every path below.

    ``stopping`` ends every stream. ``watching`` holds as long as somebody listens to these
    channels. ``publish`` answers whoever may say something.
    """

    channels: Channels
    admission: Admission
    cors: Cors
    stopping: Stopping
    problem: Problem
    publish: Publish
    bounds: Bounds
    presence: Presence
    watching: Watching = lambda channels: nullcontext()
    metrics: Metrics = field(default_factory=Metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, query = Headers(scope=scope), QueryParams(scope["query_string"])
        channel, origin = _channel_of(scope["path"]), headers.get("origin")
        channels = [each for each in (channel, *query.getlist("channel")) if each]
        if scope["method"] == "OPTIONS":
            allowed = self.cors.preflight(origin, _METHODS, channels)
            await Response(status_code=204, headers=allowed)(scope, receive, send)
            return
        allowed = self.cors.headers(origin, channels)
        try:
            address = _address_of(scope)
            grant = await self.admission.grant(headers, query, address)
            if scope["method"] == "GET":
                wish = read_wish(headers, query, channel)
                wish = self._admitted(wish, grant, self._again(wish, headers, query, address))
                await self._listen(wish, grant, allowed, (receive, send))
                return
            answer = await self._said(Request(scope, receive), channel, grant)
        except HubError as error:
            answer = self._refusal(error, scope, headers)
        answer.headers.update(allowed)
        await answer(scope, receive, send)

    async def _listen(
        self,
        wish: Wish,
        grant: Grant,
        allowed: dict[str, str],
        connection: tuple[Receive, Send],
    ) -> None:
        listener = await self.channels.subscribe(wish.heard, wish.after)
        async with AsyncExitStack() as held:
            held.callback(listener.close)
            held.enter_context(self.watching(wish.channels))
            if wish.presence:
                here = self.presence.present(wish.channels, grant.sub, grant.info)
                await held.enter_async_context(here)
                wish = replace(wish, first=await self._members(wish))
            cut = await stream(listener, wish, self.stopping, start_of(allowed), connection)
            if cut or listener.slow:
                self.metrics.stream_cut()

    async def _members(self, wish: Wish) -> bytes:
        """Who is there, as the first messages of a stream; what changes of it follows."""
        parts = []
        for each in wish.channels:
            with suppress(StoreError):  # Redis is away: the changes come when it is back
                members = await self.presence.members(each)
                told = dumps_text({"count": members.count, "members": members.items})
                message = Message(new_id("msg"), f"{PRESENCE}{each}", "members", told, now_us())
                parts.append(sse_event(message, named=wish.named))
        return b"".join(parts)

    def _admitted(self, wish: Wish, grant: Grant, may_stay: MayStay) -> Wish:
        """The wish within its bounds.

        Raises:
            AccessError: it is not theirs to wish.
            StoreError: ``streams_full``.
        """
        self.admission.check(grant, Can.SUBSCRIBE, wish.channels)
        if wish.presence:
            self.admission.check(grant, Can.PRESENCE, wish.channels)
        if self.stopping.open >= self.bounds.streams:
            self.metrics.stream_shed()
            raise StoreError(
                f"This server holds {self.bounds.streams} streams already: try again in a while.",
                code="streams_full",
            )
        most_s = self.bounds.stream_s * random.uniform(1 - _JITTER, 1)  # noqa: S311  # jitter
        if grant.until_s is not None:
            most_s = min(most_s, grant.until_s - time.time())

        bounded = min(most_s, wish.max_s or most_s)
        return replace(wish, max_s=max(bounded, 0.001), may_stay=may_stay)

    def _again(self, wish: Wish, headers: Headers, query: QueryParams, address: str) -> MayStay:
        """Asks whether what was shown is still good for what is heard."""

        async def may_stay() -> bool:
            try:
                now = await self.admission.grant(headers, query, address)
                self.admission.check(now, Can.SUBSCRIBE, wish.channels)
            except AccessError as error:
                return error.code == "too_many_requests"  # others' guesses; it was not looked at
            except _NOT_NOW:
                return True
            return True

        return may_stay

    async def _said(self, request: Request, channel: str, grant: Grant) -> Response:
        if request.method != "POST":
            raise InvalidError(
                f"This path takes {_METHODS}.", code="method_not_allowed", allow=_METHODS
            )
        return await self.publish(request, channel, grant)

    def _refusal(self, error: HubError, scope: Scope, headers: Headers) -> Response:
        """An EventSource gives up for good on any other status than 200: let it come back."""
        if isinstance(error, _NOT_NOW) and EVENT_STREAM in headers.get("accept", ""):
            wait = _SHED_MS if error.code == "streams_full" else RETRY_MS
            return Response(b": %b\n%b" % (error.code.encode(), retry(*wait)), headers=HEADERS)
        return self.problem(error, scope)


def _address_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _channel_of(path: str) -> str:
    return path.removeprefix(ROOT).removeprefix("/")
