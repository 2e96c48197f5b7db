"""A stream: what a listener hears, sent as server-sent events until either side ends it."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import structlog
from starlette.types import Message, Receive, Send

from hub.listener import Item, Listener, Mark, Stopping
from hub.model.json import dumps
from hub.model.time import now_us, to_iso
from hub.web.wish import Wish

EVENT_STREAM = "text/event-stream"
HEADERS = {
    "content-type": f"{EVENT_STREAM}; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}
RETRY_MS = (1_000, 3_000)
_HEARTBEAT_S = 15.0
_FLUSH_S = 2.0
_CHUNK = 64 * 1024
_EXPIRED = b": expired\n\n"
_log = structlog.get_logger("hub.live")


async def stream(
    listener: Listener,
    wish: Wish,
    stopping: Stopping,
    start: Message,
    connection: tuple[Receive, Send],
) -> bool:
    """Everything until the client goes, the hub stops, or the wish is fulfilled.

    When it ends, whatever is still to be sent has 2 s: a client that reads nothing is left. Gives
    whether that had to be.
    """
    cut = False
    receive, send = connection
    loop = asyncio.get_running_loop()
    gone = loop.create_task(_close_when_gone(listener, receive))
    with ExitStack() as held:
        held.callback(gone.cancel)
        held.callback(listener.close)
        held.callback(setattr, listener, "on_end", lambda: None)
        held.enter_context(stopping.closing(listener.close))
        if wish.max_s is not None:
            held.callback(loop.call_later(wish.max_s, listener.close).cancel)
        try:
            async with asyncio.timeout(None) as flush:
                listener.on_end = lambda: flush.reschedule(loop.time() + _FLUSH_S)
                if listener.ended:
                    listener.on_end()
                await send(start)
                await send(_body(_hello(listener, wish) + wish.first))
                await _Pouring(listener, wish, send).pour()
                listener.close()
                await send(_body(b"", more=False))
        except TimeoutError:
            cut = True
            _log.info("listener.cut", channels=wish.channels)
    await asyncio.gather(gone, return_exceptions=True)
    return cut


class _Pouring:
    """Sends what comes, and breaks the silence."""

    def __init__(self, listener: Listener, wish: Wish, send: Send) -> None:
        self._listener = listener
        self._wish = wish
        self._send = send
        self._left = wish.limit
        self._loop = asyncio.get_running_loop()
        self._asked_at = self._loop.time()

    async def pour(self) -> None:
        """Until the listener ends, or has heard enough."""
        beat = self._loop.call_later(_HEARTBEAT_S, self._beat)
        self._cancel = beat.cancel
        try:
            while self._left is None or self._left > 0:
                items = await self._listener.batch()
                if not await self._may_stay():
                    await self._send(_body(_EXPIRED))
                    return
                if not items and self._listener.ended:
                    return
                await self._pass_on(items)
                if any(self._wish.is_last(each) for each in items):
                    return
        finally:
            self._cancel()

    async def _pass_on(self, items: list[Item]) -> None:
        if self._left is not None:
            items = _messages_up_to(self._left, items)
            self._left -= sum(1 for each in items if not isinstance(each, Mark))
        if not items:  # the last message is no position for long where nothing is said
            await self._send(_body(f":\nid: {self._listener.reached()}\n\n".encode()))
        for chunk in _chunks(items, self._wish):
            await self._send(_body(chunk))

    async def _may_stay(self) -> bool:
        if self._loop.time() - self._asked_at < _HEARTBEAT_S / 2:
            return True
        self._asked_at = self._loop.time()
        return await self._wish.may_stay()

    def _beat(self) -> None:
        self._listener.nudge()
        self._cancel = self._loop.call_later(_HEARTBEAT_S, self._beat).cancel


async def _close_when_gone(listener: Listener, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.close()


def _messages_up_to(left: int, items: list[Item]) -> list[Item]:
    for index, item in enumerate(items):
        if not isinstance(item, Mark):
            left -= 1
            if left == 0:
                return items[: index + 1]
    return items


def _chunks(items: list[Item], wish: Wish) -> Iterator[bytes]:
    """Pieces small enough for the server to notice when the client does not read."""
    parts, size = [], 0
    for item in items:
        part = _part(item, wish)
        parts.append(part)
        size += len(part)
        if size > _CHUNK:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def _part(item: Item, wish: Wish) -> bytes:
    if isinstance(item, Mark):
        told = _told(item.value, {}, None, wish) if wish.hello else b""
        return b": %b\n\n%b" % (item.value.encode(), told)
    return item.named_sse if wish.named else item.sse


def _hello(listener: Listener, wish: Wish) -> bytes:
    """Where the stream begins: whoever loses it at once comes back to here."""
    at = listener.position
    told = b""
    if wish.hello:
        told = _told("hello", {"channels": sorted(wish.channels)}, at, wish)
    return b": hello %b\nid: %b\n%b%b" % (at.encode(), at.encode(), retry(*RETRY_MS), told)


def _told(event: str, data: dict[str, Any], position: str | None, wish: Wish) -> bytes:
    """What the hub says of the stream itself, as a message of no channel."""
    said = {"id": None, "event": event, "channel": None, "data": data}
    said |= {"ts": to_iso(now_us()), "position": position}
    name = b"event: %b\n" % event.encode() if wish.named else b""
    return b"%bdata: %b\n\n" % (name, dumps(said))


def start_of(allowed: dict[str, str]) -> Message:
    """The beginning of a stream's answer."""
    headers = {**HEADERS, **allowed}.items()
    return {
        "type": "http.response.start",
        "status": 200,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


def retry(least_ms: int, most_ms: int) -> bytes:
    """Clients that were cut off together come back one by one."""
    return b"retry: %d\n\n" % random.randint(least_ms, most_ms)  # noqa: S311  # jitter, no secret


def _body(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}
