"""Files, their rows and their contents together."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.errors import NotFoundError, StoreError, TooLargeError
from hub.files import open_blobs
from hub.filing import FileBounds, Filing, Swept
from hub.model.file import MAX_KEEP_S
from hub.model.ids import new_id
from hub.store.ledger import Ledger
from tests.files.content import content, gathered

BOUNDS = FileBounds(file_bytes=2_000_000, all_bytes=5_000_000, keep_s=3600)


@pytest_asyncio.fixture
async def filing(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Filing]:
    opened = Filing(ledger, open_blobs(None, tmp_path), BOUNDS)
    yield opened
    await opened.close()


def lying(tmp_path: Path) -> list[Path]:
    """What lies in the folder."""
    return [each for each in (tmp_path / "files").rglob("*") if each.is_file()]


def age(path: Path) -> None:
    """Have it be two hours old."""
    then = time.time() - 7200
    os.utime(path, (then, then))


async def test_a_file_is_kept_read_and_forgotten(filing: Filing, tmp_path: Path) -> None:
    run_id = new_id("run")
    kept = await filing.put(content(b"a,b\n", b"1,2\n"), "x/r.csv", "text/csv", run_id=run_id)
    assert (kept.name, kept.content_type, kept.size, kept.run_id) == (
        "r.csv",
        "text/csv",
        8,
        run_id,
    )
    assert kept.expires_at - kept.created_at == 3600 * 1_000_000
    assert await filing.get(kept.id) == kept
    assert await gathered(await filing.read(kept)) == b"a,b\n1,2\n"
    assert await gathered(await filing.read(kept, 4)) == b"1,2\n"
    assert await gathered(await filing.read(kept, 1, 3)) == b",b"
    assert await gathered(await filing.read(kept, 8)) == b""
    assert await filing.drop(kept.id)
    assert not await filing.drop(kept.id)
    assert lying(tmp_path) == []
    for asked in (filing.get(kept.id), filing.read(kept)):
        with pytest.raises(NotFoundError, match="deleted"):
            await asked


async def test_a_file_past_its_time_is_gone_at_once_and_swept_later(
    filing: Filing, tmp_path: Path
) -> None:
    brief = await filing.put(content(b"x"), "a", None, keep_s=0.2)
    long = await filing.put(content(b"y"), "b", None)
    await asyncio.sleep(0.3)
    with pytest.raises(NotFoundError):
        await filing.get(brief.id)
    assert await filing.sweep() == Swept(expired=1, left=0)
    assert await filing.sweep() == Swept(expired=0, left=0)
    assert [each.name for each in lying(tmp_path)] == [long.blob]


async def test_no_file_is_kept_for_more_than_a_century(filing: Filing) -> None:
    kept = await filing.put(content(b"x"), "a", None, keep_s=float("inf"))
    assert kept.expires_at - kept.created_at == MAX_KEEP_S * 1_000_000


async def test_what_no_row_means_is_swept_after_an_hour(filing: Filing, tmp_path: Path) -> None:
    kept = [await filing.put(content(b"x"), "a", None) for _ in range(40)]
    folder = tmp_path / "files" / "7"
    folder.mkdir(exist_ok=True)
    left = [folder / f"fil_{'0' * 31}7", folder / f"fil_{'1' * 31}7.part"]
    for path in left:
        path.write_bytes(b"left")
    assert await filing.sweep() == Swept(0, 0)  # somebody may be writing it
    for path in lying(tmp_path):
        age(path)
    assert await filing.sweep() == Swept(expired=0, left=2)
    assert sorted(each.name for each in lying(tmp_path)) == sorted(each.blob for each in kept)
    for each in kept:
        assert await gathered(await filing.read(each)) == b"x"


async def test_a_file_is_kept_once_for_its_id(filing: Filing, tmp_path: Path) -> None:
    file_id = new_id("fil")
    first = await filing.put(content(b"first"), "a", None, file_id=file_id)
    assert first.id == file_id
    again = await filing.put(content(b"again"), "b", None, file_id=file_id)
    assert again == first
    other = new_id("fil")
    both = await asyncio.gather(
        *(filing.put(content(each), "c", None, file_id=other) for each in (b"one", b"two"))
    )
    assert both[0] == both[1]
    assert await gathered(await filing.read(both[0])) in (b"one", b"two")
    assert len(lying(tmp_path)) == 2


async def test_what_is_too_large_is_refused_while_it_comes(filing: Filing, tmp_path: Path) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 100_000
            yield b"x" * 100_000

    with pytest.raises(TooLargeError, match="HUB_FILE_MAX_BYTES"):
        await filing.put(endless(), "a", None)
    assert taken == BOUNDS.file_bytes + 100_000
    assert lying(tmp_path) == []
    await filing.put(content(b"x" * BOUNDS.file_bytes), "a", None)


async def test_all_files_together_are_bounded_also_while_several_come(
    filing: Filing, tmp_path: Path
) -> None:
    async def large(gate: asyncio.Event) -> AsyncIterator[bytes]:
        yield b"x" * 1_900_000
        await gate.wait()

    gate = asyncio.Event()
    two = [asyncio.create_task(filing.put(large(gate), "a", None)) for _ in range(2)]
    while filing.room.arriving < 3_800_000:
        await asyncio.sleep(0.01)
    with pytest.raises(StoreError, match="HUB_FILES_MAX_BYTES") as caught:
        await filing.put(content(b"x" * 1_900_000), "a", None)
    assert caught.value.code == "files_full"
    gate.set()
    first, _ = await asyncio.gather(*two)
    assert filing.room.arriving == 0
    with pytest.raises(StoreError):
        await filing.put(content(b"x" * 1_900_000), "a", None)
    await filing.drop(first.id)
    await filing.put(content(b"x" * 1_900_000), "a", None)
    assert len(lying(tmp_path)) == 2


async def test_a_disk_that_is_nearly_full_takes_nothing(
    filing: Filing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await filing.put(content(b"x"), "a", None)
    usage: list[Any] = [shutil._ntuple_diskusage(100 << 30, 99 << 30, (1 << 30) - 1)]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage[0])
    with pytest.raises(StoreError, match="nearly") as caught:
        await filing.put(content(b"x"), "a", None)
    assert caught.value.code == "disk_full"
    usage[0] = shutil._ntuple_diskusage(1 << 30, 0, (1 << 30) // 20 - 1)
    with pytest.raises(StoreError):
        await filing.put(content(b"x"), "a", None)
    usage[0] = shutil._ntuple_diskusage(1 << 30, 0, (1 << 30) // 20)
    await filing.put(content(b"x"), "a", None)
    assert await gathered(await filing.read(kept)) == b"x"


async def test_a_row_that_may_be_committed_keeps_its_content(
    filing: Filing, tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = ledger.write

    async def unsure(*args: Any) -> Any:
        await write(*args)
        raise StoreError("The database did not commit within 0 s.")

    monkeypatch.setattr(ledger, "write", unsure)
    with pytest.raises(StoreError):
        await filing.put(content(b"kept after all"), "a", None)
    monkeypatch.undo()
    (path,) = lying(tmp_path)
    age(path)
    assert await filing.sweep() == Swept(0, 0)
    kept = await filing.get(path.name)
    assert await gathered(await filing.read(kept)) == b"kept after all"


async def test_a_content_that_cannot_be_removed_is_swept_later(
    filing: Filing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await filing.put(content(b"x"), "a", None)

    def fails(self: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(13, "no")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fails)
        assert await filing.drop(kept.id)
    (path,) = lying(tmp_path)
    age(path)
    assert await filing.sweep() == Swept(0, 1)
    assert lying(tmp_path) == []
