"""What stands in front of several servers: a balancer that passes bytes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Balancer:
    """Gives each connection to the first of its servers that takes it."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.StreamWriter] = set()
        self.base = ""
        self.requests: list[str] = []
        """The first line of each connection: ``GET /realtime/orders HTTP/1.1``."""

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass a connection on, until either side ends it."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        there, out = await self._server()
        self._ends |= {writer, out}
        first = await reader.readline()
        self.requests.append(first.decode().strip())
        out.write(first)
        ways = [asyncio.create_task(_pass_on(*way)) for way in ((reader, out), (there, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in ways:
                each.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._ends -= {writer, out}
            for end in (writer, out):
                end.transport.abort()
                with suppress(OSError):
                    await end.wait_closed()

    async def _server(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for port in self._ports:
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        raise ConnectionRefusedError("no server is left")

    async def close(self) -> None:
        """End all connections."""
        for each in self._ends:
            each.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while some := await source.read(65_536):
            target.write(some)
            await target.drain()


@asynccontextmanager
async def balancer(*ports: int) -> AsyncIterator[Balancer]:
    """A balancer on a port of its own, in front of these on loopback."""
    stands = Balancer(list(ports))
    server = await asyncio.start_server(stands.connected, "127.0.0.1", 0)
    stands.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield stands
    finally:
        server.close()
        await stands.close()
        await server.wait_closed()
