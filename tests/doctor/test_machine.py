"""The doctor and the machine: each trouble is made, and found."""

import json
import os
from pathlib import Path

import pytest

from hub.doctor import Limits, machine
from hub.doctor.machine import shown_bytes
from hub.settings import load_settings
from tests.doctor.examined import found
from tests.program import Program


async def test_an_old_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(data=tmp_path)
    assert list(await found(settings, "python")) == ["python"]
    monkeypatch.setattr(machine, "LEAST_PYTHON", (9, 0))
    assert list(await found(settings, "python")) == ["python_old"]


async def test_little_memory(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path)
    assert list(await found(settings, "memory", Limits(memory_bytes=1))) == ["memory"]
    told = await found(settings, "memory", Limits(memory_bytes=1 << 60))
    assert "of memory are left" in told["memory_low"]


async def test_little_room_on_a_disk(tmp_path: Path) -> None:
    settings = load_settings(data=tmp_path / "not" / "yet")
    assert list(await found(settings, "disk", Limits(disk_bytes=1))) == ["disk"]
    told = await found(settings, "disk", Limits(disk_bytes=1 << 60, free_share=1.0))
    assert str(tmp_path) in told["disk_low"]


async def test_hardly_any_inodes(tmp_path: Path) -> None:
    has_inodes = os.statvfs(tmp_path).f_files > 0  # some file systems count none
    limits = Limits(disk_bytes=0, free_share=1.0)
    told = await found(load_settings(data=tmp_path), "disk", limits)
    assert list(told) == ["inodes_low" if has_inodes else "disk"]


async def test_a_hub_that_keeps_nothing_here_needs_no_disk() -> None:
    apart = {"database_url": "postgresql+asyncpg://u@127.0.0.1:1/x", "redis_url": "redis://x"}
    settings = load_settings(**apart, files_url="s3://bucket")
    told = await found(settings, "disk", Limits(disk_bytes=1 << 60, free_share=1.0))
    assert told == {"disk": "Nothing is kept on a disk of this machine."}
    assert list(await found(settings, "data_folder")) == ["data_folder"]


@pytest.mark.parametrize(("most", "code"), [(256, "open_files_few"), (2048, "open_files")])
async def test_few_open_files(tmp_path: Path, most: int, code: str) -> None:
    lower = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({most}, {most}))"
    environment = {"HUB_DATA": str(tmp_path), "HUB_STREAMS": "1000"}
    log = tmp_path / "said.txt"
    program = Program(["doctor", "open_files", "--json"], environment, log, prelude=lower)
    await program.start()
    assert program.process is not None
    assert await program.process.wait() == 0
    told = json.loads(program.said())
    assert [each["code"] for each in told["findings"]] == [code]
    assert told["status"] == ("ok" if code == "open_files" else "warning")


async def test_a_data_folder_that_is_not_there(tmp_path: Path) -> None:
    missing = await found(load_settings(data=tmp_path / "none"), "data_folder")
    assert list(missing) == ["data_missing"]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("mode", "code"), [(0o755, "data_open"), (0o750, "data_open"), (0o700, "data_folder")]
)
async def test_a_data_folder_that_others_can_look_into(
    tmp_path: Path, mode: int, code: str
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(mode)
    assert list(await found(load_settings(data=folder), "data_folder")) == [code]


async def test_a_data_folder_that_takes_nothing() -> None:
    told = await found(load_settings(data=Path("/proc/self")), "data_folder")
    assert list(told) == ["data_unwritable"]


@pytest.mark.parametrize(("mode", "code"), [(0o644, "secret_file_open"), (0o600, "secret_files")])
async def test_a_secret_file_that_others_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, code: str
) -> None:
    file = tmp_path / "key"
    file.write_text("9a" * 16 + "3f9c2a77d1be4860a5c3e6f1d0b89e27")
    monkeypatch.setenv("HUB_SECRET_KEY_FILE", str(file))
    file.chmod(mode)
    told = await found(load_settings(data=tmp_path), "secret_files")
    assert list(told) == [code]
    assert (str(file) in told[code]) is (code == "secret_file_open")


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (2048, "2 KB"), (5 << 30, "5 GB"), (3 << 40, "3.0 TB")],
)
def test_bytes_as_people_say_them(count: int, said: str) -> None:
    assert shown_bytes(count) == said
