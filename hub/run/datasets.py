"""Data sets in the world of runs: fetched into files, read in chunks, results kept and shared."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from hub.errors import NotFoundError, StoreError
from hub.filing import Filing
from hub.model.file import StoredFile
from hub.model.time import US_PER_S, now_us
from hub.outbound.client import Client
from hub.outbound.download import download
from hub.outbound.downloads import Downloaded, Limits, Progress
from hub.outbound.partfile import PartFile
from hub.run.reading import reading
from hub.run.requests import owner_of
from hub.signature import signed_url
from hub.stack.datasets import Fetch, Kept, Read, Wanted, check_size
from hub.store.catalog import Catalog

_TRIES_S = (0.5, 2.0, 5.0)
"""The pauses before a fetch that fails is tried again; a step's `retry` comes on top."""
_STATE_S = 7 * 86_400.0
"""So long a run's own state is kept: one that waits for longer begins its work anew."""


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

    async def fetch(self, wanted: Fetch, progress: Callable[[int, int | None], None]) -> Kept:
        name = hashlib.sha256(wanted.part.encode()).hexdigest()
        file_id = _id_of(wanted.run_id, name)
        try:  # it was whole when the run died
            return _kept(await self._filing.get(file_id))
        except NotFoundError:
            pass
        async with PartFile(self._folder, name) as part:
            found = await self._download(wanted, part, progress)
            stored = await self._filing.put(
                part.content(),
                _name_of(found.url or wanted.url),
                found.content_type,
                run_id=wanted.run_id,
                file_id=file_id,
            )
            await part.discard()
        return _kept(stored)

    async def _download(
        self, wanted: Fetch, part: PartFile, progress: Callable[[int, int | None], None]
    ) -> Downloaded:
        async def told(now: Progress) -> None:
            progress(now.done, now.total)

        _, destination = owner_of(wanted.url, self._catalog.now.destinations)
        return await download(
            self._client,
            wanted.url,
            wanted.headers,
            part,
            limits=Limits(wanted.most_bytes, wanted.timeout_s, schedule_s=_TRIES_S),
            known=part.known,
            on_progress=told,
            allow_private=destination is not None and destination.allow_private,
            tls=None if destination is None else destination.tls,
        )

    async def read(self, wanted: Wanted) -> AsyncGenerator[Read]:
        file = await self._filing.get(wanted.file)
        async for each in reading(self._filing.read, file, wanted):
            yield each

    async def keep(
        self,
        content: bytes,
        name: str,
        content_type: str,
        run_id: str,
        *,
        keep_s: float | None = None,
        part: str | None = None,
        briefly: bool = False,
    ) -> Kept:
        return _kept(
            await self._filing.put(
                _once(content),
                name,
                content_type,
                _STATE_S if briefly else keep_s,
                run_id=run_id,
                file_id=None if part is None else _id_of(run_id, _digest_of(part, content)),
            )
        )

    async def kept(self, file: str, most_bytes: int | None = None) -> bytes:
        found = await self._filing.get(file)
        check_size(found, most_bytes)
        return b"".join([piece async for piece in await self._filing.read(found)])

    async def drop(self, file: str) -> None:
        await self._filing.drop(file)

    def share(self, file: Kept, ttl_s: int) -> tuple[str, int]:
        secrets: Sequence[str] = self._catalog.now.file_secrets
        if not secrets:
            raise StoreError("No address can be signed: the hub has no secret for files.")
        until_s = now_us() // US_PER_S + ttl_s
        return signed_url(self._root, secrets[0], file.id, file.name, until_s), until_s * US_PER_S


def _id_of(run_id: str, digest: str) -> str:
    """The same each time, and in order of the runs: files are listed by their ids."""
    begun = run_id.removeprefix("run_")[:12]
    return f"fil_{begun}{digest[len(begun) : 32]}"


def _digest_of(part: str, content: bytes) -> str:
    whole = part.encode() + b"\n" + hashlib.sha256(content).digest()
    return hashlib.sha256(whole).hexdigest()


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _kept(file: StoredFile) -> Kept:
    return Kept(file.id, file.name, file.size, file.sha256, file.content_type)


def _name_of(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path)).name or "dataset"
