"""A destination under the test's hand: it keeps what comes and answers as it is told."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Arrived:
    """A request that the sink got."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def key(self) -> str:
        """Its idempotency key."""
        return self.headers["idempotency-key"]


@dataclass(frozen=True)
class Answer:
    """What the sink says."""

    status: int = 200
    body: str = "Accepted"
    headers: tuple[tuple[str, str], ...] = (("content-type", "text/plain"),)
    delay_s: float = 0.0


class Sink:
    """``answer`` decides, given how many requests came before."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hook"
        self.requests: list[Arrived] = []
        self.answer: Callable[[int, Arrived], Answer] = lambda n, request: Answer()
        self._came = asyncio.Condition()

    async def wait_for(self, count: int, timeout_s: float = 10.0) -> list[Arrived]:
        """Wait until so many requests came; gives them."""
        async with asyncio.timeout(timeout_s), self._came:
            await self._came.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                request = await _read(reader)
                number = len(self.requests)
                async with self._came:
                    self.requests.append(request)
                    self._came.notify_all()
                answer = self.answer(number, request)
                await asyncio.sleep(answer.delay_s)
                writer.write(_rendered(answer))
                await writer.drain()
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Arrived:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Arrived(method, path, headers, body)


def _rendered(answer: Answer) -> bytes:
    body = answer.body.encode()
    lines = [f"HTTP/1.1 {answer.status} X", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def open_sink(port: int = 0) -> AsyncIterator[Sink]:
    """A sink on loopback until the end of the block."""
    sink: Sink

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(task := asyncio.current_task())
        try:
            await sink._serve(reader, writer)
        finally:
            tasks.discard(task)

    tasks: set[asyncio.Task[Any] | None] = set()
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    sink = Sink(server.sockets[0].getsockname()[1])
    try:
        yield sink
    finally:
        server.close()
        for task in list(tasks):
            if task is not None:
                task.cancel()
        await asyncio.sleep(0)
        await server.wait_closed()
