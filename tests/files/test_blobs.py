"""Blobs in a folder and in buckets: whole or not at all."""

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import LocalStore, MemoryStore

from hub.errors import SettingsError, StoreError
from hub.files import Blobs, open_blobs
from hub.files.bucket import Bucket
from hub.files.folder import Folder
from hub.files.place import SHARDS, Place
from hub.model.ids import new_id
from hub.model.time import now_us
from tests.files.content import content, gathered

PIECE_BYTES = Bucket.piece_bytes
PLACES: dict[str, Callable[[Path], Place]] = {
    "folder": Folder,
    "bucket on disk": lambda path: Bucket(LocalStore(path, mkdir=True)),
    "bucket": lambda path: Bucket(MemoryStore()),
}


@pytest_asyncio.fixture(params=PLACES)
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Blobs]:
    opened = Blobs(lambda: PLACES[request.param](tmp_path))
    yield opened
    await opened.close()


async def listed(blobs: Blobs) -> list[str | None]:
    """The names of all blobs, and None for what is left over."""
    return [each.name for shard in SHARDS async for batch in blobs.list(shard) for each in batch]


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, 3 * PIECE_BYTES + 1, 12 * PIECE_BYTES])
async def test_what_is_put_is_read(blobs: Blobs, size: int) -> None:
    name, body = new_id("fil"), os.urandom(size)
    parts = [body[at : at + 300_000] for at in range(0, size, 300_000)]
    before = now_us()
    written = await blobs.put(name, content(*parts))
    assert written.size == size
    assert written.sha256 == hashlib.sha256(body).hexdigest()
    assert await gathered(await blobs.read(name, 0, size)) == body
    assert await listed(blobs) == [name]
    (found,) = [each async for batch in blobs.list(name[-1]) for each in batch]
    assert abs(found.written_at - before) < 60_000_000
    await blobs.drop([name, new_id("fil")])
    assert await listed(blobs) == []
    if size:
        with pytest.raises(StoreError) as caught:
            await blobs.read(name, 0, size)
        assert caught.value.code == "file_lost"


async def test_any_part_is_read(blobs: Blobs) -> None:
    name, body = new_id("fil"), os.urandom(2 * PIECE_BYTES + 5)
    await blobs.put(name, content(body))
    for start, end in ((0, 1), (5, 5), (7, PIECE_BYTES + 9), (len(body) - 1, len(body))):
        assert await gathered(await blobs.read(name, start, end)) == body[start:end]


async def test_a_content_that_fails_leaves_nothing(blobs: Blobs) -> None:
    async def failing() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b"x" * PIECE_BYTES
        raise ValueError("it broke off")

    with pytest.raises(ValueError, match="broke off"):
        await blobs.put(new_id("fil"), failing())
    assert await listed(blobs) == []


async def test_a_put_that_is_cancelled_leaves_nothing(blobs: Blobs) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(8):
            yield b"x" * PIECE_BYTES
        begun.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(blobs.put(new_id("fil"), endless()))
    await begun.wait()
    assert [each for each in await listed(blobs) if each is not None] == []
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert await listed(blobs) == []


async def test_what_is_shorter_than_its_row_says_is_lost(blobs: Blobs) -> None:
    name = new_id("fil")
    await blobs.put(name, content(b"short"))
    with pytest.raises(StoreError):
        await gathered(await blobs.read(name, 0, 6))


async def test_what_the_hub_did_not_make_is_left_alone(tmp_path: Path) -> None:
    blobs = Blobs(lambda: Folder(tmp_path))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("mine")
    part = tmp_path / "a" / f"fil_{'0' * 31}a.part"
    part.write_bytes(b"cut off")
    (found,) = [each async for batch in blobs.list("a") for each in batch]
    assert found.name is None
    await blobs.remove([found.path])
    assert not part.exists()
    assert (tmp_path / "a" / "notes.txt").exists()
    await blobs.close()


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "disk_full"), (errno.EIO, "files_unavailable")]
)
async def test_a_disk_that_fails_is_said_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    def fails(fd: int) -> None:
        raise OSError(number, os.strerror(number))

    blobs = Blobs(lambda: Folder(tmp_path))
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(StoreError) as caught:
        await blobs.put(new_id("fil"), content(b"x"))
    assert caught.value.code == code
    assert await listed(blobs) == []
    await blobs.close()


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("no folder")
    blobs = open_blobs(None, tmp_path)
    with pytest.raises(StoreError, match="HUB_FILES_URL"):
        await blobs.put(new_id("fil"), content(b"x"))
    await blobs.close()


async def test_a_bucket_is_opened_by_its_address(tmp_path: Path) -> None:
    for url in ("s3://bucket/some/prefix", "gs://bucket"):
        blobs = open_blobs(url, tmp_path)
        assert await blobs.free() is None
        await blobs.close()
    with pytest.raises(SettingsError, match="HUB_FILES_URL"):
        open_blobs("az://container", tmp_path)  # of which account is not said


@settings(max_examples=20)
@given(parts=st.lists(st.binary(max_size=50), max_size=20))
def test_size_and_digest_are_those_of_the_whole(parts: list[bytes]) -> None:
    async def put() -> None:
        blobs = Blobs(lambda: Bucket(MemoryStore()))
        written = await blobs.put(new_id("fil"), content(*parts))
        body = b"".join(parts)
        assert (written.size, written.sha256) == (len(body), hashlib.sha256(body).hexdigest())
        await blobs.close()

    asyncio.run(put())
