"""Stack files are applied where they changed, and removed only when that is asked for."""

from pathlib import Path

from hub.applying import apply_files
from hub.store.ledger import open_ledger
from hub.store.migrate import migrate
from hub.store.stacks import all_stacks

STACK = '{ task: "greet", function_stack: [{ function: "log", message: "hello" }] }'


async def test_apply_takes_files_to_a_ledger_and_removes_what_no_file_gives(tmp_path: Path) -> None:
    folder, data = tmp_path / "stacks", tmp_path / "data"
    folder.mkdir()
    data.mkdir()
    (folder / "one.json5").write_text(STACK)
    (folder / "two.json5").write_text(STACK)
    await migrate(None, data)
    ledger = await open_ledger(None, data)
    first = await apply_files(ledger, [folder])
    assert (first.new, first.same) == (["one", "two"], [])
    (folder / "two.json5").unlink()
    (folder / "bad.json").write_text("{")
    second = await apply_files(ledger, [folder])
    assert (second.same, second.removed, second.refused) == (["one"], [], [folder / "bad.json"])
    third = await apply_files(ledger, [folder], prune=True)
    assert third.removed == ["two"]
    assert [each.name for each in await ledger.read(all_stacks)] == ["one"]
    await ledger.close()
