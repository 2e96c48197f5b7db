"""The audit: who changed what, and when. Rows are only ever added."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, select

from hub.model.ids import first_id
from hub.model.time import US_PER_S
from hub.store.errand import Errand
from hub.store.ledger import Write
from hub.store.lookup import LAST
from hub.store.schema import audit
from hub.store.tx import Tx

FILTERS = {"kind": audit.c.kind, "name": audit.c.name, "key": audit.c.by_id}
"""What rows are chosen by, beside the time."""
_ID_SLACK_US = 60 * US_PER_S
"""An id is made by a process's own clock, and some time before its row is committed."""


def _note_all(tx: Tx, errands: Sequence[Errand]) -> list[None]:
    for each in errands:
        each.note(tx)
    return [None] * len(errands)


NOTE: Write[Errand, None] = Write("note_errand", 93, _note_all, did=lambda result: False)
"""Say of an errand that it is done, where nothing that it wrote says so."""


@lru_cache(16)
def _page(names: tuple[str, ...]) -> Select[Any]:
    return (
        select(audit)
        .where(
            audit.c.id < bindparam("before"),
            audit.c.id >= bindparam("first_id"),
            audit.c.at >= bindparam("since"),
            *(FILTERS[name] == bindparam(f"of_{name}") for name in names),
        )
        .order_by(audit.c.id.desc())
        .limit(bindparam("most"))
    )


def audit_page(
    tx: Tx, /, *, most: int, before: str = LAST, since: int = 0, **equal: str
) -> list[dict[str, Any]]:
    """Rows, the newest first, those before an id; ``since`` in microseconds, ``equal`` by
    :data:`FILTERS`.
    """
    bound = {f"of_{name}": value for name, value in equal.items()}
    bounds = {
        "before": before,
        "first_id": first_id("aud", since - _ID_SLACK_US),
        "since": since,
        "most": most,
    }
    rows = tx.rows(_page(tuple(sorted(equal))), {**bounds, **bound})
    return [
        {column.name: value for column, value in zip(audit.c, row, strict=True)} for row in rows
    ]
