"""A new connector's package works from the start."""

import asyncio
import sys
from pathlib import Path

import pytest

from hub.errors import ConflictError, InvalidError
from hub.scaffold import new_connector


def offered(folder: Path, name: str, module: str) -> None:
    """What installing it would leave behind."""
    info = folder / f"hub_{name}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: hub-{name}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(
        f"[hub.connectors]\n{name} = {module}.connector:CONNECTOR\n"
    )


@pytest.mark.timeout(120)
async def test_its_tests_pass(tmp_path: Path) -> None:
    folder = new_connector("my-tool", tmp_path)
    assert folder == tmp_path / "hub-my-tool"
    offered(folder, "my-tool", "hub_my_tool")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "."),
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert "passed" in said.decode()


@pytest.mark.parametrize("name", ["", "My", "a_b", "-a", "a-", "a--b", "../x", "a" * 41, "ü"])
def test_a_name_that_cannot_be_one_writes_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidError) as caught:
        new_connector(name, tmp_path)
    assert caught.value.code == "name_invalid"
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    folder = new_connector("a", tmp_path)
    (folder / "README.md").write_text("mine")
    with pytest.raises(ConflictError):
        new_connector("a", tmp_path)
    assert (folder / "README.md").read_text() == "mine"
