"""``GET /realtime/{channel}``: what is said on a channel, as server-sent events."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import TypeAlias

import structlog
from starlette.datastructures import Headers, QueryParams
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.channels import Channels
from hub.errors import HubError, InvalidError, StoreError
from hub.listener import Item, Listener, Mark
from hub.model.channel import check_channel
from hub.web.cors import Cors

MaySubscribe: TypeAlias = Callable[[Headers, QueryParams, str], Awaitable[None]]
Problem: TypeAlias = Callable[[HubError, Scope], Response]
Watching: TypeAlias = Callable[[Iterable[str]], AbstractContextManager[None]]

_PATH = "/realtime/"
_METHODS = "GET, OPTIONS"
_HEARTBEAT_S = 15.0
_FLUSH_S = 2.0
_CHUNK = 64 * 1024
_MOST_S = 86_400.0
_RETRY_MS = (1_000, 3_000)
_EVENT_STREAM = "text/event-stream"
_HEADERS = {
    "content-type": f"{_EVENT_STREAM}; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}
_BEAT = b":\n\n"
_log = structlog.get_logger("hub.live")


def live_app(
    channels: Channels,
    may_subscribe: MaySubscribe,
    cors: Cors,
    stopping: asyncio.Event,
    problem: Problem,
    watching: Watching = lambda channels: nullcontext(),
) -> ASGIApp:
    """The endpoint, for ``/realtime/`` and every path below.

    ``may_subscribe`` raises AccessError. ``stopping`` ends every stream. ``watching`` holds as
    long as somebody listens to these channels.
    """
    return _Live(channels, may_subscribe, cors, stopping, problem, watching)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks for."""

    channels: tuple[str, ...]
    after: str | None = None
    limit: int | None = None
    max_s: float | None = None
    first: bytes = b""
    """What is sent before all else."""
    is_last: Callable[[Item], bool] = lambda item: False
    """Whether the stream is over with that."""


@dataclass(frozen=True, slots=True)
class _Live:
    channels: Channels
    may_subscribe: MaySubscribe
    cors: Cors
    stopping: asyncio.Event
    problem: Problem
    watching: Watching

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        channel, origin = scope["path"].partition(_PATH)[2], headers.get("origin")
        allowed = self.cors.headers(origin, channel)
        if scope["method"] == "OPTIONS":
            allowed = self.cors.preflight(origin, _METHODS, channel)
            await Response(status_code=204, headers=allowed)(scope, receive, send)
        elif scope["method"] != "GET":
            await Response(status_code=405, headers={**allowed, "allow": _METHODS})(
                scope, receive, send
            )
        else:
            try:
                wish = await self._admit(headers, QueryParams(scope["query_string"]), channel)
                listener = await self.channels.subscribe(wish.channels, wish.after)
            except HubError as error:
                answer = self._refusal(error, scope, headers)
                answer.headers.update(allowed)
                await answer(scope, receive, send)
            else:
                with self.watching(wish.channels):
                    begin = start_of(allowed)
                    await stream(listener, wish, self.stopping, begin, (receive, send))

    async def _admit(self, headers: Headers, query: QueryParams, channel: str) -> Wish:
        names = (check_channel(channel),)
        for name in names:
            await self.may_subscribe(headers, query, name)
        return Wish(
            channels=names,
            after=headers.get("last-event-id") or query.get("last_event_id") or None,
            limit=_limit(query),
            max_s=_max_s(query),
        )

    def _refusal(self, error: HubError, scope: Scope, headers: Headers) -> Response:
        """An EventSource gives up for good on any other status than 200: let it come back."""
        if isinstance(error, StoreError) and _EVENT_STREAM in headers.get("accept", ""):
            return Response(b": %b\n%b" % (error.code.encode(), _retry()), headers=_HEADERS)
        return self.problem(error, scope)


async def stream(
    listener: Listener,
    wish: Wish,
    stopping: asyncio.Event,
    start: Message,
    connection: tuple[Receive, Send],
) -> None:
    """Everything until the client goes, the hub stops, or the wish is fulfilled.

    When it ends, whatever is still to be sent has 2 s: a client that reads nothing is left.
    """
    receive, send = connection
    loop = asyncio.get_running_loop()
    watching = [
        loop.create_task(_close_when_gone(listener, receive)),
        loop.create_task(_beat_until(listener, stopping)),
    ]
    deadline = loop.call_later(wish.max_s, listener.close) if wish.max_s else None
    try:
        async with asyncio.timeout(None) as flush:
            listener.on_end = lambda: flush.reschedule(loop.time() + _FLUSH_S)
            if listener.ended:
                listener.on_end()
            await send(start)
            await send(_body(b": hello %b\n%b" % (listener.position.encode(), _retry())))
            if wish.first:
                await send(_body(wish.first))
            await _pour(listener, wish, send)
            listener.close()
            await send(_body(b"", more=False))
    except TimeoutError:
        _log.info("listener.cut", channels=wish.channels)
    finally:
        listener.on_end = lambda: None
        listener.close()
        if deadline is not None:
            deadline.cancel()
        for each in watching:
            each.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


async def _pour(listener: Listener, wish: Wish, send: Send) -> None:
    left = wish.limit
    while left is None or left > 0:
        items = await listener.batch()
        if left is not None:
            items = _messages_up_to(left, items)
            left -= sum(1 for each in items if not isinstance(each, Mark))
        for chunk in _chunks(items):
            await send(_body(chunk))
        if any(wish.is_last(each) for each in items):
            return
        if not items:
            if listener.ended:
                return
            await send(_body(_BEAT))


async def _close_when_gone(listener: Listener, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.close()


async def _beat_until(listener: Listener, stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_HEARTBEAT_S):
                await stopping.wait()
        listener.nudge()
    listener.close()


def _messages_up_to(left: int, items: list[Item]) -> list[Item]:
    for index, item in enumerate(items):
        if not isinstance(item, Mark):
            left -= 1
            if left == 0:
                return items[: index + 1]
    return items


def _chunks(items: list[Item]) -> Iterator[bytes]:
    """Pieces small enough for the server to notice when the client does not read."""
    parts, size = [], 0
    for item in items:
        part = b": %b\n\n" % item.encode() if isinstance(item, Mark) else item.sse
        parts.append(part)
        size += len(part)
        if size > _CHUNK:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def start_of(allowed: dict[str, str]) -> Message:
    """The beginning of a stream's answer."""
    headers = {**_HEADERS, **allowed}.items()
    return {
        "type": "http.response.start",
        "status": 200,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


def _body(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _retry() -> bytes:
    """Clients that were cut off together come back one by one."""
    return b"retry: %d\n\n" % random.randint(*_RETRY_MS)  # noqa: S311  # jitter, no secret


def _limit(query: QueryParams) -> int | None:
    text = query.get("limit")
    if text is None:
        return None
    if text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text) > 0:
        return int(text)
    raise InvalidError("limit is a number of messages, 1 or more.", code="parameter_invalid")


def _max_s(query: QueryParams) -> float | None:
    text = query.get("max_seconds")
    if text is None:
        return None
    with suppress(ValueError):
        if 0 < float(text) <= _MOST_S:
            return float(text)
    raise InvalidError(
        f"max_seconds is a number above 0, at most {_MOST_S:.0f}.", code="parameter_invalid"
    )
