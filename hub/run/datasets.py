"""Data sets in the world of runs: fetched into files, read in chunks, results kept and shared."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import structlog

from hub import fault_points
from hub.errors import ConflictError, HubError, NotFoundError, StepError, StoreError
from hub.filing import Filing, too_large
from hub.model.file import StoredFile
from hub.model.time import US_PER_S, now_us
from hub.outbound.client import Client
from hub.outbound.download import PASSING, download
from hub.outbound.downloads import Downloaded, Limits, Progress
from hub.outbound.partfile import PartFile, sweep
from hub.run.reading import reading
from hub.run.requests import owner_of
from hub.signature import signed_url
from hub.stack.datasets import Fetch, Kept, Read, Told, Wanted, check_size
from hub.store.catalog import Catalog

_TRIES_S = (0.5, 2.0, 5.0)
"""The pauses before a fetch that fails is tried again; a step's `retry` comes on top."""
_RESTARTS = 2
"""So often a fetch begins again because the data have changed: before its tries are used up."""
_STATE_S = 7 * 86_400.0
"""So long a run's own state is kept: one that waits for longer begins its work anew."""
_PART_S = 86_400.0
"""So long what has come of a data set is kept for who goes on with it."""
_SWEEP_S = 3600.0
_STATE = "application/octet-stream"
_BUSY_S, _BUSY_TRIES = 0.5, 120
"""A worker that has lost its run lets go of the part file within its next heartbeats."""
_REFUSED = frozenset({"files_full", "disk_full", "file_lost"})
"""What stays as it is until somebody does something."""
_log = structlog.get_logger("hub.run")


class FiledDataSets:
    """See :class:`hub.stack.datasets.DataSets`."""

    def __init__(
        self, filing: Filing, client: Client, catalog: Catalog, folder: Path, root: str
    ) -> None:
        self._filing = filing
        self._client = client
        self._catalog = catalog
        self._folder = folder
        """Where what has come of a data set is kept until it is whole."""
        self._root = root

    async def sweep(self) -> None:
        """Remove what is left of downloads, every hour; never ends."""
        while True:
            removed = await asyncio.to_thread(sweep, self._folder, _PART_S)
            if removed:
                _log.info("downloads.removed", count=removed)
            await asyncio.sleep(_SWEEP_S)

    async def fetch(self, wanted: Fetch, progress: Told) -> Kept:
        file_id = _id_of(wanted.run_id, wanted.part, wanted.url)
        with _refusing():
            async with self._alone(_digest(wanted.part)) as part:
                try:  # it was whole when the run died
                    stored = await self._filing.get(file_id)
                except NotFoundError:
                    stored = await self._fetched(wanted, part, progress, file_id)
                await part.discard()
        return _kept(stored)

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncIterator[PartFile]:
        """The part file, once whoever has lost the run has let go of it."""
        part = PartFile(self._folder, name)
        for n in range(_BUSY_TRIES):
            try:
                await part.__aenter__()
                break
            except ConflictError:
                if n == _BUSY_TRIES - 1:
                    raise
            await asyncio.sleep(_BUSY_S)
        try:
            yield part
        finally:
            await part.__aexit__()

    async def _fetched(
        self, wanted: Fetch, part: PartFile, progress: Told, file_id: str
    ) -> StoredFile:
        try:
            found = await self._download(wanted, part, progress)
            fault_points.at("download.complete")
            stored = await self._filing.put(
                part.content(),
                _name_of(found.url),
                found.content_type,
                run_id=wanted.run_id,
                file_id=file_id,
            )
        except HubError as error:
            if not _goes_on(error):
                await part.discard()
            raise
        fault_points.at("dataset.kept")
        return stored

    async def _download(self, wanted: Fetch, part: PartFile, progress: Told) -> Downloaded:
        most = self._filing.room.bounds.file_bytes

        async def told(now: Progress) -> None:
            if max(now.done, now.total or 0) > most:
                raise too_large(most)
            await progress(now.done, now.total)

        _, destination = owner_of(wanted.url, self._catalog.now.destinations)
        return await download(
            self._client,
            wanted.url,
            wanted.headers,
            part,
            limits=Limits(
                wanted.most_bytes,
                wanted.timeout_s,
                schedule_s=_TRIES_S,
                most_restarts=_RESTARTS,
            ),
            known=part.known,
            on_progress=told,
            allow_private=destination is not None and destination.allow_private,
            tls=None if destination is None else destination.tls,
        )

    async def read(self, wanted: Wanted) -> AsyncGenerator[Read]:
        with _refusing():
            file = await self._filing.get(wanted.file)
            reads = reading(self._filing.read, file, wanted, self._folder)
            async with aclosing(reads):
                async for each in reads:
                    yield each

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
        file_id = _id_of(run_id, key, name, _digest(content))
        return await self._keep(content, name, content_type, run_id, file_id, keep_s)

    async def keep_state(self, content: bytes, name: str, run_id: str) -> str:
        return (await self._keep(content, name, _STATE, run_id, keep_s=_STATE_S)).id

    async def _keep(
        self,
        content: bytes,
        name: str,
        content_type: str,
        run_id: str,
        file_id: str | None = None,
        keep_s: float | None = None,
    ) -> Kept:
        with _refusing():
            stored = await self._filing.put(
                _once(content), name, content_type, keep_s, run_id=run_id, file_id=file_id
            )
        return _kept(stored)

    async def kept(self, file: str, most_bytes: int | None = None) -> bytes:
        with _refusing():
            found = await self._filing.get(file)
            check_size(found, most_bytes)
            return b"".join([piece async for piece in await self._filing.read(found)])

    async def drop(self, file: str) -> None:
        await self._filing.drop(file)

    async def drop_states(self, name: str, run_id: str, but: str | None) -> None:
        for each in await self._filing.of_run(run_id, name):
            if each.id != but:
                await self._filing.drop(each.id)

    async def share(self, file: str, ttl_s: int) -> tuple[str, int]:
        secrets: Sequence[str] = self._catalog.now.file_secrets
        if not secrets:
            raise StoreError("No address can be signed: the hub has no secret for files.")
        with _refusing():
            kept = await self._filing.get(file)
        until_s = min(now_us() // US_PER_S + ttl_s, kept.expires_at // US_PER_S)
        return signed_url(self._root, secrets[0], kept.id, kept.name, until_s), until_s * US_PER_S


@contextmanager
def _refusing() -> Iterator[None]:
    """What only a person can mend fails the step; what passes is waited for by the run."""
    try:
        yield
    except StoreError as error:
        if error.code not in _REFUSED:
            raise
        raise StepError(error.message, code=error.code) from error


def _goes_on(error: HubError) -> bool:
    """Whether a later try may go on with what has come so far."""
    if isinstance(error, StoreError):
        return error.code not in _REFUSED
    return error.code in PASSING


def _digest(content: bytes | str) -> str:
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()


def _id_of(run_id: str, *parts: str) -> str:
    """The id of a file that is kept once for all of these.

    In the order of the runs: files are listed by their ids.
    """
    begun = run_id.removeprefix("run_")[:12]
    return f"fil_{begun}{_digest(chr(10).join((run_id, *parts)))[len(begun) : 32]}"


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _kept(file: StoredFile) -> Kept:
    return Kept(file.id, file.name, file.size, file.sha256, file.content_type)


def _name_of(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path)).name or "dataset"
