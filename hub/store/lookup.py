"""Reading rows by id, by equal columns, and page by page: one way for every noun."""

from functools import lru_cache
from typing import Any

from sqlalchemy import Select, Table, bindparam, select

from hub.store.tx import Tx

LAST = "zzz"
"""Greater than every id: where the newest page begins."""


@lru_cache(maxsize=256)
def _page(table: Table, columns: tuple[str, ...], without: tuple[str, ...]) -> Select[Any]:
    equal = [table.c[name] == bindparam(f"of_{name}") for name in columns]
    return (
        select(*(column for column in table.c if column.name not in without))
        .where(table.c.id < bindparam("before"), *equal)
        .order_by(table.c.id.desc())
        .limit(bindparam("most"))
    )


@lru_cache(maxsize=256)
def _where(table: Table, columns: tuple[str, ...]) -> Select[Any]:
    equal = [table.c[name] == bindparam(f"of_{name}") for name in columns]
    return select(table).where(*equal).order_by(*table.primary_key.columns)


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def page(
    tx: Tx,
    table: Table,
    /,
    *,
    before: str = LAST,
    most: int,
    without: tuple[str, ...] = (),
    **equal: Any,
) -> list[dict[str, Any]]:
    """Rows whose columns are equal to these, newest id first, those before an id.

    ``without`` names large columns that are not read.
    """
    bound = {f"of_{name}": value for name, value in equal.items()}
    statement = _page(table, tuple(equal), without)
    rows = tx.rows(statement, {"before": before, "most": most, **bound})
    names = [column.name for column in table.c if column.name not in without]
    return [dict(zip(names, row, strict=True)) for row in rows]


def where(tx: Tx, table: Table, /, **equal: Any) -> list[dict[str, Any]]:
    """Every row whose columns are equal to these, in the order of the primary key."""
    bound = {f"of_{name}": value for name, value in equal.items()}
    names = _names(table)
    return [
        dict(zip(names, row, strict=True)) for row in tx.rows(_where(table, tuple(equal)), bound)
    ]


def one(tx: Tx, table: Table, /, **equal: Any) -> dict[str, Any] | None:
    """The row whose columns are equal to these, or None."""
    rows = where(tx, table, **equal)
    return rows[0] if rows else None
