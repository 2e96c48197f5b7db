"""``hub purge`` and ``hub event export`` as they are typed."""

import asyncio
import json
from pathlib import Path
from typing import Any

from hub.store.ledger import Ledger
from tests.program import Program
from tests.retention.past import Past
from tests.retention.test_pruning import OPEN, counted

ADA = b'{"customer":{"email":"ada@example.com"}}'
BY_MAIL = ["--by", "body:customer.email", "--value", "ada@example.com"]


async def typed(folder: Path, database_url: str | None, *arguments: str) -> tuple[int, str]:
    """Run a command over the ledger; gives its exit code and all that it said."""
    log = folder / "said.log"
    log.unlink(missing_ok=True)
    environment = {"HUB_DATA": str(folder), "HUB_DATABASE_URL": database_url}
    program = Program([*arguments], environment, log)
    await program.start()
    assert program.process is not None
    async with asyncio.timeout(60):
        return await program.process.wait(), program.said()


async def test_events_are_taken_along_then_removed(
    ledger: Ledger, database_url: str | None, tmp_path: Path
) -> None:
    past = Past(ledger)
    ada = await past.event(1, body=ADA)
    await past.event(1)
    out = tmp_path / "ada.jsonl"

    async def run(*arguments: str) -> tuple[int, str]:
        return await typed(tmp_path, database_url, *arguments)

    assert (await run("event", "export", *BY_MAIL, "--out", str(out)))[0] == 0
    [line] = _lines(out)
    assert (line["id"], line["body"]) == (ada, json.loads(ADA))
    code, said = await run("purge", *BY_MAIL, "--dry-run")
    assert (code, said) == (0, "1 event and 0 runs would go, with all that came of them.\n")
    await past.run(1, event_id=await past.event(1, body=ADA), **OPEN)
    code, said = await run("purge", *BY_MAIL, "--json")
    told = json.loads(said)
    assert (code, told["left"], told["removed"]) == (1, 1, {"events": 1})
    assert await counted(ledger, "events") == 2
    assert (await run("purge"))[0] == 2
    assert await counted(ledger, "events") == 2


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
