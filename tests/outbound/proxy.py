"""A proxy on loopback: it tunnels by CONNECT, passes plain requests on, and knows every name."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """Whatever host is asked for, it connects to 127.0.0.1 at the port that is asked for."""

    login: str | None = None
    """``user:password`` that it wants."""
    port: int = 0
    asked: list[str] = field(default_factory=list)
    """The first lines of what came."""
    _tasks: set["asyncio.Task[None] | None"] = field(default_factory=set)

    @property
    def url(self) -> str:
        login = f"{self.login}@" if self.login else ""
        return f"http://{login}127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(task := asyncio.current_task())
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            await self._talk(reader, writer)
        writer.close()
        self._tasks.discard(task)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *fields = head.strip().split("\r\n")
        self.asked.append(first)
        method, target, _ = first.split(" ")
        if not self._may(fields):
            writer.write(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        if method == "CONNECT":
            port = int(target.rpartition(":")[2])
        else:
            port = urlsplit(target).port or 80
        there, here = await asyncio.open_connection("127.0.0.1", port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            kept = [each for each in fields if not each.lower().startswith("proxy-")]
            path = urlsplit(target).path or "/"
            lines = [f"{method} {path} HTTP/1.1", *kept, "", ""]
            here.write("\r\n".join(lines).encode())
        await asyncio.gather(_pump(reader, here), _pump(there, writer))

    def _may(self, fields: list[str]) -> bool:
        if self.login is None:
            return True
        wanted = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        return any(
            each.lower().startswith("proxy-authorization:") and each.endswith(wanted)
            for each in fields
        )

    async def stop(self) -> None:
        for task in list(self._tasks):
            if task is not None:
                task.cancel()
        await asyncio.sleep(0)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def open_proxy(login: str | None = None) -> AsyncIterator[Proxy]:
    """One until the end of the block."""
    proxy = Proxy(login)
    listening = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = listening.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        listening.close()
        await proxy.stop()
