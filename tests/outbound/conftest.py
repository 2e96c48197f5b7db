"""Raw servers on loopback that answer as well or as badly as a test wants."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TypeAlias

import pytest

from hub.outbound.client import Client
from hub.outbound.guard import AddressPolicy

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@dataclass
class Exchange:
    """One connection, seen from the server. ``heads`` are the requests' heads so far."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heads: list[bytes]

    async def request(self) -> bytes:
        """Wait for the next request and return its body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        return await self.reader.readexactly(length)

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, body: bytes = b"ok", *fields: str, status: str = "200 OK") -> None:
        """A well-formed answer."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
        await self.say("\r\n".join(lines).encode() + body)


Handler: TypeAlias = Callable[[Exchange], Awaitable[None]]


@dataclass
class RawServer:
    """Counts connections and keeps what was asked."""

    handler: Handler
    port: int = 0
    connections: int = 0
    open: int = 0
    most_open: int = 0
    heads: list[bytes] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            await self.handler(Exchange(reader, writer, self.heads))
        self.open -= 1
        self.tasks.discard(task)
        writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    async def stop(self) -> None:
        for task in tuple(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def polite(exchange: Exchange) -> None:
    """Answers each request with ``ok`` and keeps the connection."""
    while True:
        await exchange.request()
        await exchange.answer()


async def hang(exchange: Exchange) -> None:
    """Reads the request and never answers."""
    await exchange.request()
    await asyncio.Event().wait()


async def reset(exchange: Exchange) -> None:
    """Reads the request and resets the connection."""
    await exchange.request()
    exchange.writer.transport.abort()


Serve: TypeAlias = Callable[..., Awaitable[RawServer]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """``await serve(handler)`` starts a server on a free port of 127.0.0.1."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(handler: Handler = polite, tls: ssl.SSLContext | None = None) -> RawServer:
            server = RawServer(handler)
            listening = await asyncio.start_server(server, "127.0.0.1", 0, ssl=tls)
            server.port = listening.sockets[0].getsockname()[1]
            stack.push_async_callback(server.stop)
            stack.callback(listening.close)
            return server

        yield start


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client that may go to loopback, as ``HUB_OUTBOUND_ALLOW=127.0.0.0/8,::1/128`` makes it."""
    async with Client(AddressPolicy(allow=LOOPBACK)) as opened:
        yield opened


@pytest.fixture
async def strict() -> AsyncIterator[Client]:
    """A client as it is in production: nothing but public addresses."""
    async with Client(AddressPolicy()) as opened:
        yield opened
