"""Raw servers on loopback that answer as well or as badly as a test wants, and a DNS to match."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

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


class Lookup(AbstractResolver):
    """Gives the answers it was made with, one after the other, the last one again and again."""

    def __init__(self, *answers: Iterable[str]) -> None:
        self._answers = [list(answer) for answer in answers]
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held."""
