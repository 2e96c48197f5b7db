"""TLS before servers that speak none themselves: it is taken off here, and the rest passed on."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""With which a client of PostgreSQL asks for TLS."""


@asynccontextmanager
async def tls_before(
    socket: str, context: ssl.SSLContext, *, asked: bool = False
) -> AsyncIterator[int]:
    """A port on loopback before the server at a unix socket.

    ``asked``: TLS begins when the client asks for it, as with PostgreSQL; one that does not ask
    is sent away.
    """
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError):  # an ssl.SSLError is one
            if asked:
                if await reader.readexactly(len(SSL_REQUEST)) != SSL_REQUEST:
                    raise ConnectionError
                writer.write(b"S")
                await writer.start_tls(context)
            await _pass_on(reader, writer, socket)
        writer.close()
        tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=None if asked else context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, socket: str) -> None:
    behind, to_behind = await asyncio.open_unix_connection(socket)
    try:
        both = [_copy(reader, to_behind), _copy(behind, writer)]
        _, left = await asyncio.wait(
            [asyncio.create_task(each) for each in both], return_when=asyncio.FIRST_COMPLETED
        )
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
    finally:
        to_behind.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
