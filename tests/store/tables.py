"""The records that the cases of filters, sorts and measures are about."""

import json
from pathlib import Path
from typing import Any

from hub.model.record import Record
from hub.model.time import from_iso
from hub.store.ledger import Ledger
from hub.store.records import INSERT

_CASES = Path(__file__).parent / "cases"
DOCS: list[dict[str, Any]] = json.loads((_CASES / "filters.json").read_text())["records"]


def cases(name: str) -> dict[str, Any]:
    """A table of cases."""
    found: dict[str, Any] = json.loads((_CASES / f"{name}.json").read_text())
    return found


def made_at(number: int) -> int:
    """When record ``number`` was made: on that day of a January."""
    return from_iso(f"2026-01-{number:02d}T00:00:00Z")


def record(number: int, doc: dict[str, Any], table: str = "t") -> Record:
    """A record of the cases."""
    return Record(table, number, doc, made_at(number), made_at(number))


RECORDS = [record(number, doc) for number, doc in enumerate(DOCS, 1)]
IN_MEMORY = {(each.table, each.id): each for each in RECORDS}


async def fill(ledger: Ledger) -> None:
    """Put the records into ``t``, and one that never matches beside them."""
    await ledger.write(INSERT, [*RECORDS, record(1, DOCS[0], "beside")])
