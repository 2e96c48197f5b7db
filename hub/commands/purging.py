"""``hub purge`` and ``hub event export``, straight from the ledger."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, BinaryIO

from hub.bootstrap import current_ledger
from hub.errors import StoreError
from hub.model.json import Json, dumps_text
from hub.model.purge import PurgeStatus
from hub.printing import counted
from hub.retention.purging import Purger
from hub.settings import Settings
from hub.web.api.body import validated
from hub.web.api.event_exports import exported
from hub.web.api.purges import PurgeFilter, Purges, shown, wanted_of

_PART_S = 1.0


async def purge(
    settings: Settings,
    meant: dict[str, Any],
    tables: dict[str, str],
    *,
    dry_run: bool,
    as_json: bool,
) -> bool:
    """Remove events for good, or tell what would be removed; False if something of them stays.

    Raises:
        InvalidError: ``body_invalid``: the filter says nothing, or what does not go together.
    """
    given = {name: value for name, value in meant.items() if value is not None}
    wish = validated(Purges, {"filter": given, "tables": tables})
    async with current_ledger(settings) as ledger:
        purger = Purger(ledger)
        if dry_run:
            plan = await purger.plan(wish.wanted(), float("inf"))
            _tell({"dry_run": True, "events": plan.events, "runs": plan.runs}, as_json=as_json)
            return True
        purge_id = await purger.start(wish.wanted())
        purge = await purger.work(purge_id, _PART_S)
        while purge.status is PurgeStatus.RUNNING:
            if not as_json:
                sys.stderr.write(f"{purge.matched - purge.left:,} so far\n")
            purge = await purger.work(purge_id, _PART_S)
    _tell(shown(purge), as_json=as_json)
    return not purge.left


def _tell(told: dict[str, Json], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(dumps_text(told) + "\n")
        return
    if told.get("dry_run"):
        gone = [counted(told[name], name) for name in ("events", "runs")]
        sys.stdout.write(f"{' and '.join(gone)} would go, with all that came of them.\n")
        return
    removed = told["removed"]
    assert isinstance(removed, dict)  # noqa: S101 - as it is shown
    parts = [counted(count, name) for name, count in sorted(removed.items())]
    sys.stdout.write(f"Removed: {', '.join(parts) or 'nothing'}.\n")
    if told["left"]:
        sys.stdout.write(
            f"{told['left']:,} stay, because something of them goes on: purge again later.\n"
        )


async def export_events(settings: Settings, meant: dict[str, Any], out: Path | None) -> None:
    """Write events as JSON lines to a file, or to standard output.

    Raises:
        InvalidError: ``body_invalid``.
        StoreError: ``file_unwritable``.
    """
    given = {name: value for name, value in meant.items() if value is not None}
    wanted = wanted_of(validated(PurgeFilter, given))
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(current_ledger(settings))
        file: BinaryIO = sys.stdout.buffer
        try:
            if out is not None:
                file = stack.enter_context(await asyncio.to_thread(out.open, "wb"))
            async for line in exported(ledger, wanted):
                file.write(line)
            file.flush()
        except OSError as error:
            raise StoreError(
                f"{out or 'The output'} cannot be written: {error.strerror}.",
                code="file_unwritable",
            ) from error
