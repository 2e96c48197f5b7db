"""A hub is backed up while it works, and is there again from one file; or nothing has changed."""

import asyncio
import io
import json
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.commands import backup as module
from hub.commands.backup import backup, restore, vacuum
from hub.errors import HubError
from hub.lock import DataFolderLock
from hub.settings import Settings
from tests.program import Driven, embedded_hub

ZstdFile: Any = vars(module)["zstd"].ZstdFile
"""By the version of Python."""
STACK = """
{ task: "sell", source: "shop", function_stack: [
  { function: "add_record", table: "sold", data: { n: "{{n}}" } },
] }
"""


async def furnished(hub: Driven) -> None:
    """A source whose events become records, and a file."""
    await hub.put("/v1/sources/shop", {"connector": "standard", "verify": {"mode": "none"}})
    await hub.put("/v1/stacks/shop", STACK)
    kept = await hub.api.post("/v1/files?name=list.csv", content=b"a,b\n1,2\n")
    assert kept.status_code == 201, kept.text


async def sold(hub: Driven) -> set[int]:
    """The numbers in the table."""
    page = await hub.get("/v1/tables/sold/records?limit=500")
    return {each["fields"]["n"] for each in page["items"]}


async def refused(work: Any) -> str:
    """The code that it is refused with."""
    with pytest.raises(HubError) as refusal:
        await work
    return refusal.value.code


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Where the backup is to be."""
    return tmp_path / "hub.tar.zst"


def mode_of(path: Path) -> int:
    """Who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


def names_in(folder: Path) -> set[str]:
    """What is in a folder."""
    return {each.name for each in folder.iterdir()}


def read(path: Path) -> bytes:
    """A file's content."""
    return path.read_bytes()


def write(path: Path, content: bytes) -> None:
    """Give a file another content."""
    path.write_bytes(content)


async def test_a_backup_of_a_hub_at_work_becomes_a_hub(tmp_path: Path, saved: Path) -> None:
    first, second = Settings(data=tmp_path / "one"), Settings(data=tmp_path / "two")
    answered: set[int] = set()

    async def send(hub: Driven) -> None:
        for n in range(400):
            answer = await hub.api.post("/in/shop", json={"n": n})
            assert answer.status_code == 202, answer.text
            answered.add(n)

    async with embedded_hub(first.data) as hub:
        await furnished(hub)
        sending = asyncio.create_task(send(hub))
        while len(answered) < 20:
            await asyncio.sleep(0.01)
        before = set(answered)
        made = await backup(first, saved)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    assert made.files == "included"
    assert mode_of(saved) == 0o600
    assert names_in(tmp_path) == {"one", "hub.tar.zst"}
    await restore(second, saved)
    async with embedded_hub(second.data) as hub:
        async with asyncio.timeout(20):
            while not before <= await sold(hub):
                await asyncio.sleep(0.05)
        [file] = (await hub.get("/v1/files"))["items"]
        content = await hub.api.get(f"/v1/files/{file['id']}/content")
        assert content.content == b"a,b\n1,2\n"
        events = await hub.get("/v1/events?limit=500")
        assert len(events["items"]) == len(await sold(hub))  # each of them once


async def test_a_restored_hub_may_be_paused(tmp_path: Path, saved: Path) -> None:
    first, second = Settings(data=tmp_path / "one"), Settings(data=tmp_path / "two")
    async with embedded_hub(first.data) as hub:
        await furnished(hub)
    await backup(first, saved)  # of one that does not run, too
    await restore(second, saved, paused=True)
    async with embedded_hub(second.data) as hub:
        assert (await hub.get("/v1/pause"))["all"] is True


async def test_what_is_in_the_folder_is_moved_aside_only_by_force(
    tmp_path: Path, saved: Path
) -> None:
    settings = Settings(data=tmp_path / "one")
    async with embedded_hub(settings.data) as hub:
        await furnished(hub)
        await backup(settings, saved)
        assert await refused(restore(settings, saved, force=True)) == "data_in_use"
        await hub.put("/v1/sources/late", {"connector": "standard", "verify": {"mode": "none"}})
    assert await refused(restore(settings, saved)) == "data_taken"
    await restore(settings, saved, force=True)
    [aside] = settings.data.glob("before-restore-*")
    assert (aside / "hub.sqlite").exists()
    async with embedded_hub(settings.data) as hub:
        assert [each["slug"] for each in (await hub.get("/v1/sources"))["items"]] == ["shop"]


async def made(tmp_path: Path, saved: Path) -> Settings:
    """A backup, and an empty folder to restore it into."""
    settings = Settings(data=tmp_path / "one")
    async with embedded_hub(settings.data) as hub:
        await furnished(hub)
    await backup(settings, saved)
    return Settings(data=tmp_path / "two")


def repacked(saved: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """The backup again, with other content."""
    with ZstdFile(saved, "rb") as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
        members = {each.name: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]
    change(members)
    with ZstdFile(saved, "wb") as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def _cut(members: dict[str, bytes]) -> None:
    del members["manifest.json"]


def _turned(members: dict[str, bytes]) -> None:
    members["hub.sqlite"] = members["hub.sqlite"][:-1] + b"\x01"


def _without_file(members: dict[str, bytes]) -> None:
    del members[next(name for name in members if name.startswith("files/"))]


def _outside(members: dict[str, bytes]) -> None:
    manifest = members.pop("manifest.json")
    members |= {"../../evil": b"x", "manifest.json": manifest}


def _behind(members: dict[str, bytes]) -> None:
    members["files/0/fil_" + "0" * 32] = b"x"


def _newer(members: dict[str, bytes]) -> None:
    told = json.loads(members["manifest.json"])
    members["manifest.json"] = json.dumps(told | {"format": 2}).encode()


def _no_manifest(members: dict[str, bytes]) -> None:
    members["manifest.json"] = b"[]"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_cut, "backup_invalid"),
        (_turned, "backup_damaged"),
        (_without_file, "backup_damaged"),
        (_outside, "backup_invalid"),
        (_behind, "backup_invalid"),
        (_newer, "store_newer"),
        (_no_manifest, "backup_invalid"),
    ],
)
async def test_a_backup_that_was_changed_changes_nothing(
    tmp_path: Path, saved: Path, change: Callable[[dict[str, bytes]], None], code: str
) -> None:
    empty = await made(tmp_path, saved)
    repacked(saved, change)
    assert await refused(restore(empty, saved)) == code
    assert names_in(empty.data) == {"lock"}
    assert not (tmp_path / "evil").exists()


async def test_what_is_no_backup_is_refused(tmp_path: Path, saved: Path) -> None:
    empty = Settings(data=tmp_path / "two")
    assert await refused(restore(empty, saved)) == "backup_unknown"
    write(saved, b"something else")
    assert await refused(restore(empty, saved)) == "backup_invalid"
    full = await made(tmp_path, tmp_path / "good.tar.zst")
    write(saved, read(tmp_path / "good.tar.zst")[:-100])
    assert await refused(restore(full, saved)) == "backup_invalid"


async def test_a_backup_replaces_nothing_and_needs_a_hub(tmp_path: Path, saved: Path) -> None:
    settings = Settings(data=tmp_path / "one")
    assert await refused(backup(settings, saved)) == "store_missing"
    await made(tmp_path, saved)
    assert await refused(backup(settings, saved)) == "file_taken"
    assert await refused(backup(settings, tmp_path / "nowhere" / "x")) == "backup_failed"
    apart = Settings(data=settings.data, database_url="postgresql+asyncpg://h/d")
    assert await refused(backup(apart, tmp_path / "x")) == "backup_embedded_only"
    assert await refused(restore(apart, saved)) == "backup_embedded_only"


async def test_a_database_is_shrunk_while_nobody_uses_it(tmp_path: Path, saved: Path) -> None:
    await made(tmp_path, saved)
    settings = Settings(data=tmp_path / "one")
    before, after = await vacuum(settings)
    assert 0 < after <= before
    async with DataFolderLock(settings.data):
        assert await refused(vacuum(settings)) == "data_in_use"
