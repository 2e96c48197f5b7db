"""What a download has kept is there after a crash, and nothing that may not be whole."""

import asyncio
import hashlib
import sys
from pathlib import Path

import pytest

from hub.errors import ConflictError, StepError
from hub.outbound.partfile import PartFile
from hub.outbound.partial import Partial

KNOWN = Partial("https://data.example/a.csv", '"one"', None, 10)
WRITER = """
import asyncio, os, sys
from pathlib import Path
from hub.outbound.partfile import PartFile
from hub.outbound.partial import Partial

async def main():
    async with PartFile(Path(sys.argv[1]), "data") as into:
        await into.append(0, b"kept")
        await into.keep(Partial("https://data.example/a.csv", '"one"', None, 10))
        await into.append(4, b"lost")
        print("written", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_after_a_kill_what_was_kept_is_there_and_the_rest_is_cut_off(tmp_path: Path) -> None:
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    assert await writer.stdout.readline() == b"written\n"
    with pytest.raises(ConflictError, match="Another process") as caught:
        async with PartFile(tmp_path, "data"):
            pass
    assert caught.value.code == "download_busy"
    writer.kill()
    await writer.wait()
    assert (tmp_path / "data.part").read_bytes() == b"keptlost"
    async with PartFile(tmp_path, "data") as again:
        assert (again.size, again.known) == (4, KNOWN)
        assert (await again.digest()).digest() == hashlib.sha256(b"kept").digest()
        await again.append(4, b" more")
        assert again.path.read_bytes() == b"kept more"


def there(folder: Path) -> list[str]:
    """The files of a folder."""
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize("about", ["", "{", "[]", '{"size": 4}', '{"size": "x", "url": "u"}'])
async def test_where_nothing_says_what_was_kept_it_begins_anew(tmp_path: Path, about: str) -> None:
    (tmp_path / "data.part").write_bytes(b"kept")
    (tmp_path / "data.known").write_text(about)
    async with PartFile(tmp_path, "data") as into:
        assert (into.size, into.known) == (0, None)
        assert into.path.read_bytes() == b""


async def test_a_file_that_is_shorter_than_was_kept_begins_anew(tmp_path: Path) -> None:
    async with PartFile(tmp_path, "data") as into:
        await into.append(0, b"kept")
        await into.keep(KNOWN)
    (tmp_path / "data.part").write_bytes(b"ke")
    async with PartFile(tmp_path, "data") as again:
        assert (again.size, again.known) == (0, None)


async def test_after_a_reset_nothing_of_before_comes_back(tmp_path: Path) -> None:
    async with PartFile(tmp_path, "data") as into:
        await into.append(0, b"kept")
        await into.keep(KNOWN)
        await into.reset()
        await into.append(0, b"new")
    async with PartFile(tmp_path, "data") as again:
        assert (again.size, again.known) == (0, None)


async def test_bytes_with_a_gap_are_refused(tmp_path: Path) -> None:
    async with PartFile(tmp_path, "data") as into:
        with pytest.raises(ValueError, match="do not go behind 0"):
            await into.append(3, b"abc")


async def test_a_finished_file_has_its_name_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    folder, target = tmp_path / "parts", tmp_path / "whole" / "data.csv"
    async with PartFile(folder, "data") as into:
        await into.append(0, b"a,b")
        await into.keep(KNOWN)
        await into.finish(target)
    assert target.read_bytes() == b"a,b"
    assert there(folder) == []


async def test_a_discarded_one_is_gone(tmp_path: Path) -> None:
    async with PartFile(tmp_path, "data") as into:
        await into.append(0, b"a,b")
        await into.keep(KNOWN)
        await into.discard()
    assert there(tmp_path) == []


async def test_a_disk_that_takes_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StepError, match="cannot be kept in") as caught:
        async with PartFile(tmp_path / "file", "data"):
            pass
    assert caught.value.code == "disk_failed"
