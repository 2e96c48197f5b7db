"""Data sets of a simulation: fetched as any request is answered there, and kept in memory."""

import hashlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from hub.errors import NotFoundError, OutboundError
from hub.model.file import StoredFile, safe_name, safe_type
from hub.model.http import OutboundRequest
from hub.model.ids import new_id
from hub.model.time import US_PER_S, now_us
from hub.outbound.client import Sender
from hub.run.reading import reading
from hub.stack.datasets import Fetch, Kept, Read, Told, Wanted, check_size

MAX_BYTES = 5 << 20
_PIECE_BYTES = 1 << 20
_ROOT = "https://hub.invalid"


class SimulatedDataSets:
    """See :class:`hub.stack.datasets.DataSets`. Small ones: a simulation is no place for others."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._files: dict[str, tuple[StoredFile, bytes]] = {}

    async def fetch(self, wanted: Fetch, progress: Told) -> Kept:
        request = OutboundRequest("GET", wanted.url, wanted.headers, b"")
        answer = await self._sender.send(request, timeout_s=wanted.timeout_s, cap_bytes=MAX_BYTES)
        if not 200 <= answer.status < 300 or answer.truncated:
            raise OutboundError(
                f"The data set cannot be had: status {answer.status}, or it has more than "
                f"{MAX_BYTES >> 20} MiB, the most in a simulation.",
                code="status_refused",
                may_have_run=False,
            )
        await progress(len(answer.body), len(answer.body))
        name = PurePosixPath(urlsplit(wanted.url).path).name or "dataset"
        kind = answer.headers.get("content-type") or "application/octet-stream"
        return self._kept(answer.body, name, kind)

    async def read(self, wanted: Wanted) -> AsyncGenerator[Read]:
        file, _ = self._file(wanted.file)
        reads = reading(self.pieces, file, wanted, Path(tempfile.gettempdir()))
        async with aclosing(reads):
            async for each in reads:
                yield each

    async def pieces(self, file: StoredFile, start: int, end: int) -> AsyncIterator[bytes]:
        """A file's content, piece by piece."""
        return _pieces(self._file(file.id)[1][start:end])

    async def keep(
        self,
        content: bytes,
        name: str,
        content_type: str,
        run_id: str,
        key: str,
        *,
        keep_s: float | None = None,
    ) -> Kept:
        return self._kept(content, safe_name(name), safe_type(content_type))

    async def keep_state(self, content: bytes, name: str, run_id: str) -> str:
        return self._kept(content, name, "application/octet-stream").id

    async def kept(self, file: str, most_bytes: int | None = None) -> bytes:
        stored, content = self._file(file)
        check_size(stored, most_bytes)
        return content

    async def drop(self, file: str) -> None:
        self._files.pop(file, None)

    async def drop_states(self, name: str, run_id: str, but: str | None) -> None:
        for file, _ in list(self._files.values()):
            if file.name == name and file.id != but:
                await self.drop(file.id)

    async def share(self, file: str, ttl_s: int) -> tuple[str, int]:
        kept, _ = self._file(file)
        return f"{_ROOT}/files/{kept.id}/{kept.name}", now_us() + ttl_s * US_PER_S

    def _kept(self, content: bytes, name: str, content_type: str) -> Kept:
        file_id, digest = new_id("fil"), hashlib.sha256(content).hexdigest()
        stored = StoredFile(file_id, name, content_type, len(content), digest, file_id, 0, 0)
        self._files[file_id] = stored, content
        return Kept(file_id, name, len(content), digest, content_type)

    def _file(self, file_id: str) -> tuple[StoredFile, bytes]:
        found = self._files.get(file_id)
        if found is None:
            raise NotFoundError(f"There is no file {file_id[:200]!r}.", code="file_unknown")
        return found


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), _PIECE_BYTES):
        yield content[begin : begin + _PIECE_BYTES]
