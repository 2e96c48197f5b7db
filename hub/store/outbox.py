"""Messages that are committed and not yet published."""

from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, delete, select

from hub.model.record import Record
from hub.model.segment import Publication
from hub.store.ledger import Write
from hub.store.schema import outbox
from hub.store.statement import insert_of, now_us, one_of
from hub.store.tx import Tx

_MOST_HANDED_ON = 10_000
_DROP = delete(outbox).where(one_of(outbox.c.id, "ids"))
_OVERDUE = (
    select(outbox.c.id, outbox.c.channel, outbox.c.event, outbox.c.data)
    .where(outbox.c.created_at <= now_us() - bindparam("age_us"))
    .order_by(outbox.c.id)
    .limit(bindparam("most"))
)
_INSERT = insert_of(outbox, created_at=now_us())


def insert_publications(tx: Tx, publications: Sequence[Publication]) -> None:
    """Keep messages inside a transaction until they are published."""
    tx.many(
        _INSERT,
        [
            {"id": each.id, "channel": each.channel, "event": each.event, "data": each.data}
            for each in publications
        ],
    )


def tell_changes(tx: Tx, changes: Iterable[tuple[Record | None, Record | None]]) -> None:
    """Keep what changes of records tell: each a record as it was and as it is, of one table.

    What is handed on after the commit is bounded; the rest is found here, overdue.
    """
    if not tx.live:
        return
    told = [each for before, after in changes if (each := _told(tx, before, after)) is not None]
    if told:
        insert_publications(tx, told)
    tx.told.extend(told[: max(0, _MOST_HANDED_ON - len(tx.told))])


def _told(tx: Tx, before: Record | None, after: Record | None) -> Publication | None:
    record = after or before
    telling = None if record is None else tx.live.get(record.table)
    return None if telling is None else telling.of(before, after)


def _published(tx: Tx, ids: Sequence[str]) -> list[None]:
    tx.run(_DROP, {"ids": sorted(ids)})
    return [None] * len(ids)


PUBLISHED: Write[str, None] = Write("published", 61, _published)
"""Forget a message that has been published."""


def overdue(tx: Tx, *, age_us: int, most: int) -> list[Publication]:
    """Messages that should have been published by now, oldest first."""
    return [Publication(*row) for row in tx.rows(_OVERDUE, {"age_us": age_us, "most": most})]
