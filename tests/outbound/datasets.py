"""A server of one data set, which knows ranges, and can be told to do badly."""

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path

from hub.outbound.client import Client
from hub.outbound.download import download
from hub.outbound.downloads import Downloaded, Limits
from hub.outbound.partfile import PartFile
from tests.outbound.servers import Exchange

MIB = 1 << 20
QUICK = Limits(
    most_bytes=64 * MIB, total_s=20, first_s=5, idle_s=5, schedule_s=(0.01, 0.01, 0.01, 0.01)
)


def bytes_of(size: int, seed: int = 1) -> bytes:
    """Data that look like nothing else."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - no secret


@dataclass
class Dataset:
    """Gives what is asked for, and breaks off after so many bytes of each of its answers."""

    data: bytes
    etag: str | None = '"one"'
    last_modified: str | None = None
    cuts: list[int] = field(default_factory=list)
    """After so many bytes of the body the connection is reset: the first answer's cut first."""
    knows_ranges: bool = True
    fields: tuple[str, ...] = ()
    rate: int | None = None
    """Bytes in a second; None for as fast as it goes."""
    asked: list[str | None] = field(default_factory=list)
    """The range of each request."""
    sent: int = 0
    """Bytes of all bodies so far, of those that have a rate."""

    async def __call__(self, exchange: Exchange) -> None:
        while True:
            await exchange.request()
            await self.answer(exchange, fields_of(exchange.heads[-1]))

    async def answer(self, exchange: Exchange, asked: dict[str, str]) -> None:
        self.asked.append(asked.get("range"))
        begin = self._begin(asked)
        if begin >= len(self.data) and begin:
            gone = f"Content-Range: bytes */{len(self.data)}"
            await exchange.answer(b"", gone, status="416 Range Not Satisfiable")
            return
        body, told = self.data[begin:], [*self.fields]
        told += [f"ETag: {self.etag}"] if self.etag else []
        told += [f"Last-Modified: {self.last_modified}"] if self.last_modified else []
        status = "200 OK"
        if begin:
            status = "206 Partial Content"
            told.append(f"Content-Range: bytes {begin}-{len(self.data) - 1}/{len(self.data)}")
        if self.cuts:
            cut = self.cuts.pop(0)
            head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *told, "", ""]
            await exchange.say("\r\n".join(head).encode() + body[:cut])
            await asyncio.sleep(0.05)  # so that what was said is read before the reset
            exchange.writer.transport.abort()
            raise ConnectionResetError
        if self.rate is None:
            await exchange.answer(body, *told, status=status)
            return
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *told, "", ""]
        await exchange.say("\r\n".join(head).encode())
        await self._slowly(exchange, body, self.rate // 20)

    async def _slowly(self, exchange: Exchange, body: bytes, piece: int) -> None:
        for begin in range(0, len(body), piece):
            await exchange.say(body[begin : begin + piece])
            self.sent += len(body[begin : begin + piece])
            await asyncio.sleep(0.05)

    def _begin(self, asked: dict[str, str]) -> int:
        """Where the answer begins: at nothing where ``If-Range`` names another version."""
        wanted = asked.get("range")
        if wanted is None or not self.knows_ranges:
            return 0
        if asked.get("if-range") not in (self.etag, self.last_modified):
            return 0
        return int(wanted.removeprefix("bytes=").removesuffix("-"))


def fields_of(head: bytes) -> dict[str, str]:
    """The header fields of a request."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return {name.lower(): value.strip() for name, _, value in pairs}


async def fetch(
    client: Client, url: str, folder: Path, limits: Limits = QUICK, **more: object
) -> tuple[Downloaded, bytes]:
    """A download into a file that may have been begun, and what is in it then."""
    async with PartFile(folder, "data") as into:
        done = await download(client, url, (), into, limits=limits, known=into.known, **more)  # type: ignore[arg-type]  # each by its name
        return done, into.path.read_bytes()
