"""Subscribers of one channel, all in a process of their own; they check what they hear.

Prints ``{"subscribed": …}`` once each of them is there and, when all have heard the last message
or nothing more comes, one :class:`~hub.bench.heard.Hearing` as a JSON line.
"""

import argparse
import asyncio
import gc
import sys
import time
from collections.abc import Sequence
from typing import cast

import httptools
import orjson
import uvloop

from hub.bench.heard import Heard
from hub.bench.processes import failed
from hub.errors import HubError

_HOST = "127.0.0.1"
_AT_ONCE = 100
_JOIN_S, _PATIENCE_S, _POLL_S = 60.0, 10.0, 0.02


class Subscriber(asyncio.Protocol):
    """One stream."""

    def __init__(self, heard: Heard, request: bytes) -> None:
        self.here: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the stream has begun, or failed."""
        self._heard = heard
        self._ear = heard.ear()
        self._request = request
        self._parser = httptools.HttpResponseParser(self)
        self._now_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.here.done():
            self.here.set_exception(failed(f"The hub ended a stream at its beginning ({error})."))
        elif not self._ear.done:
            self._heard.fault("streams ended before the last message")

    def data_received(self, data: bytes) -> None:
        self._now_ns = time.time_ns()
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        status = self._parser.get_status_code()
        if status == 200:
            self._heard.add(self._ear, body, self._now_ns)
            if self._ear.hello and not self.here.done():
                self.here.set_result(None)
        elif not self.here.done():
            told = body[:500].decode(errors="replace")
            self.here.set_exception(failed(f"A subscriber was answered with {status}: {told}"))


async def _subscribe(heard: Heard, port: int, channel: str, count: int) -> None:
    """Open so many streams, and wait until each has begun."""
    loop, turn = asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)
    request = (
        f"GET /realtime/{channel} HTTP/1.1\r\nhost: {_HOST}:{port}\r\n"
        "user-agent: hub-bench\r\naccept: text/event-stream\r\n\r\n"
    ).encode()

    async def one() -> None:
        async with turn:
            _, subscriber = await loop.create_connection(
                lambda: Subscriber(heard, request), _HOST, port
            )
            await subscriber.here

    async with asyncio.timeout(_JOIN_S), asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(one())


async def _hear(port: int, channel: str, count: int) -> Heard:
    heard = Heard()
    await _subscribe(heard, port, channel, count)
    sys.stdout.write(orjson.dumps({"subscribed": count}).decode() + "\n")
    sys.stdout.flush()
    while not heard.is_over(_PATIENCE_S):  # noqa: ASYNC110  # each message would set an event
        await asyncio.sleep(_POLL_S)
    return heard


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="subscribe", description="Listens to one channel.")
    parser.add_argument("--port", type=int, required=True, help="the hub's")
    parser.add_argument("--channel", required=True, help="a public one")
    parser.add_argument("--count", type=int, required=True, help="how many subscribers")
    given = parser.parse_args(arguments)
    gc.disable()  # a pause of the subscribers would look like one of the hub
    try:
        heard = uvloop.run(_hear(given.port, given.channel, given.count))
    except* (HubError, OSError) as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        told = str(first) or f"it took more than {_JOIN_S:g} s"
        sys.stderr.write(f"Not all could subscribe: {told}\n")
        raise SystemExit(2) from None
    sys.stdout.write(orjson.dumps(heard.told()).decode() + "\n")


if __name__ == "__main__":
    main()
