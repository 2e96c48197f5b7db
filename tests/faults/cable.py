"""A cable between a program and a server of its own: it can be cut, and mended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path


class Cable:
    """Passes bytes on between two sockets of the file system."""

    def __init__(self, far_end: Path) -> None:
        self._far_end = far_end
        self._whole = asyncio.Event()
        self._whole.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """Nothing comes through any more, and nobody is told, as behind a switch that is off."""
        self._whole.clear()

    def mend(self) -> None:
        """What was sent meanwhile arrives now."""
        self._whole.set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        await self._whole.wait()
        there, out = await asyncio.open_unix_connection(str(self._far_end))
        self._writers |= {writer, out}
        for source, target in ((reader, out), (there, writer)):
            task = asyncio.create_task(self._pass_on(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while some := await source.read(65_536):
                await self._whole.wait()
                target.write(some)
                await target.drain()
        target.close()

    async def close(self) -> None:
        """Let go of everything."""
        self.mend()
        await asyncio.sleep(0)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def cable(near_end: Path, far_end: Path) -> AsyncIterator[Cable]:
    """A cable from a socket that is made to one that is there."""
    laid = Cable(far_end)
    server = await asyncio.start_unix_server(laid.connected, str(near_end))
    try:
        yield laid
    finally:
        server.close()
        await laid.close()
        await server.wait_closed()
