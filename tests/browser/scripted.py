"""A hub that answers what a test says, to see what ``hub.js`` makes of it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_CORS = (
    b"access-control-allow-origin: *\r\naccess-control-allow-headers: *, authorization\r\n"
    b"connection: close\r\n\r\n"
)


@dataclass
class Answer:
    """What is sent, piece by piece; a connection that is held is not ended then."""

    pieces: Iterable[bytes] = ()
    status: int = 200
    is_held: bool = False
    is_cut: bool = False
    """The connection breaks before anything is sent."""


@dataclass
class Asked:
    """A request that was no preflight."""

    line: str
    body: bytes


@dataclass
class Scripted:
    """Gives its answers one after the other; the last one is given for ever."""

    answers: list[Answer]
    base: str = ""
    asked: list[Asked] = field(default_factory=list)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        self.writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            if not await self._answer(reader, writer):
                return
        writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection is over."""
        line, *head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        size = next((int(each[15:]) for each in head if each.startswith("content-length:")), 0)
        body = await reader.readexactly(size)
        if line.startswith("options"):
            writer.write(b"HTTP/1.1 204 No Content\r\n" + _CORS)
            await writer.drain()
            return True
        self.asked.append(Asked(line, body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer.is_cut:
            return True
        writer.write(b"HTTP/1.1 %d Said\r\n" % answer.status + _CORS)
        for piece in answer.pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.005)
        if not answer.is_held:
            writer.write_eof()
            await reader.read()
        return not answer.is_held

    async def until_asked(self, times: int) -> Asked:
        """The last request, as soon as there were so many."""
        async with asyncio.timeout(10):
            while len(self.asked) < times:
                await asyncio.sleep(0.01)
        return self.asked[times - 1]


@asynccontextmanager
async def scripted(*answers: Answer) -> AsyncIterator[Scripted]:
    """Such a hub on a port of its own."""
    hub = Scripted(list(answers))
    server = await asyncio.start_server(hub.connected, "127.0.0.1", 0)
    hub.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield hub
    finally:
        server.close()
        for each in hub.writers:
            each.transport.abort()
        await server.wait_closed()
