"""``hub export``: all that people have set, as files that ``hub apply`` takes."""

import sys
from pathlib import Path

from hub.bootstrap import current_ledger
from hub.errors import InvalidError
from hub.model.json import dumps_text
from hub.printing import counted
from hub.settings import Settings
from hub.web.api.export import Exported, exported


async def export(settings: Settings, out: Path | None, *, as_json: bool) -> None:
    """Write the files into a folder, or print them.

    Raises:
        InvalidError: ``file_unwritable``.
        StoreError: as the ledger does.
    """
    async with current_ledger(settings) as ledger:
        found = await exported(ledger)
    if out is not None:
        _write(found, out)
    if as_json:
        sys.stdout.write(f"{dumps_text(found.as_json())}\n")
    elif out is None:
        for each in found.files:
            sys.stdout.write(f"// {each.path}\n{each.text}\n")
    else:
        sys.stdout.write(f"Written to {out}: {counted(len(found.files), 'files')}.\n")
        for name in found.secrets:
            sys.stdout.write(f"  not in them is {name}\n")


def _write(found: Exported, out: Path) -> None:
    try:
        for each in found.files:
            path = out / each.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(each.text, "utf-8")
    except OSError as error:
        raise InvalidError(f"{out} cannot be written: {error}.", code="file_unwritable") from error
