"""Messages that are committed and not yet published."""

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select

from hub.model.segment import Publication
from hub.store.ledger import Write
from hub.store.schema import outbox
from hub.store.statement import insert_of, now_us, one_of
from hub.store.tx import Tx

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


def _published(tx: Tx, ids: Sequence[str]) -> list[None]:
    tx.run(_DROP, {"ids": sorted(ids)})
    return [None] * len(ids)


PUBLISHED: Write[str, None] = Write("published", 61, _published)
"""Forget a message that has been published."""


def overdue(tx: Tx, *, age_us: int, most: int) -> list[Publication]:
    """Messages that should have been published by now, oldest first."""
    return [Publication(*row) for row in tx.rows(_OVERDUE, {"age_us": age_us, "most": most})]
