"""A new connector's package works from the start."""

import asyncio
import re
import runpy
import sys
from pathlib import Path

import pytest

from hub.commands.scaffold import new_connector
from hub.connector import Sender
from hub.errors import ConflictError, InvalidError
from hub.model.http import Headers, InboundRequest
from tests.program import STACKS


def offered(folder: Path, name: str, module: str) -> None:
    """What installing it would leave behind."""
    info = folder / f"hub_{name}-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: hub-{name}\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(
        f"[hub.connectors]\n{name} = {module}.connector:CONNECTOR\n"
    )


async def ending(folder: Path) -> tuple[int | None, str]:
    """How its tests end, and what they say."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "."),
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


@pytest.mark.timeout(120)
async def test_its_tests_pass_and_a_sample_that_does_not_fit_is_told_in_full(
    tmp_path: Path,
) -> None:
    folder = new_connector("my-tool", tmp_path)
    assert folder == tmp_path / "hub-my-tool"
    offered(folder, "my-tool", "hub_my_tool")
    code, said = await ending(folder)
    assert code == 0, said
    assert "passed" in said
    sent = folder / "hub_my_tool" / "samples" / "sent.json"
    recorded = sent.read_text()
    sent.write_text(recorded.replace("sha256=a7", "sha256=a8"))
    code, said = await ending(folder)
    assert code == 1
    assert "Its own sign() adds X-Signature: sha256=a72723bdfc" in said
    sent.write_text(recorded.replace('"event_type": "order.paid"', '"event_type": "paid"'))
    code, said = await ending(folder)
    assert code == 1
    assert "event_type is 'order.paid', not 'paid'" in said


def test_the_connector_in_the_documentation_is_a_whole_one(tmp_path: Path) -> None:
    page = (STACKS.parent / "docs" / "connectors.md").read_text()
    (block,) = [
        each for each in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "Sender(" in each
    ]
    file = tmp_path / "connector.py"
    file.write_text(block)
    connector = runpy.run_path(str(file))["CONNECTOR"]
    assert isinstance(connector, Sender)
    request = InboundRequest("POST", "", "", Headers(()), b'{"event":"a","id":"1"}', "", "")
    (field,) = connector.sign("secret", request, 0)
    signed = InboundRequest("POST", "", "", Headers((field,)), request.body, "", "")
    connector.verify(["secret"], signed, 0)
    parsed = connector.parse(signed)
    assert (parsed.event_type, parsed.message_id) == ("a", "1")


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
