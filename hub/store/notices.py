"""Notices of runs that have ended: deliveries, queued in the transaction of the end."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from hub.model.delivery import DeliveryStart, is_address, side_of
from hub.model.ids import new_id
from hub.model.json import dumps, loads
from hub.model.notice import notice_of
from hub.store.deliveries import insert_deliveries
from hub.store.schema import runs
from hub.store.statement import one_of
from hub.store.tx import Tx

_WANTED = (
    select(
        runs.c.id,
        runs.c.task,
        runs.c.status,
        runs.c.result,
        runs.c.failure,
        runs.c.event_id,
        runs.c.parent,
        runs.c.finished_at,
        runs.c.completion_webhook,
    )
    .where(one_of(runs.c.id, "ids"), runs.c.completion_webhook.is_not(None))
    .order_by(runs.c.id)
)


def tell_of_end(tx: Tx, run_ids: Iterable[str]) -> None:
    """Queue the notices of these runs, which have ended, for those that are to know."""
    ids = sorted(run_ids)
    if ids:
        insert_deliveries(tx, [_notice(row) for row in tx.rows(_WANTED, {"ids": ids})])


def _notice(row: Any) -> DeliveryStart:
    run_id, task, status, result, failure, event_id, parent, finished_at, webhook = row
    told = notice_of(
        status,
        finished_at,
        id=run_id,
        task=task,
        result=None if result is None else loads(result),
        failure=None if failure is None else loads(failure),
        event_id=event_id,
        parent=parent,
    )
    is_url = is_address(webhook)
    return DeliveryStart(
        id=new_id("dlv"),
        destination=side_of(webhook) if is_url else webhook,
        body=dumps(told),
        content_type="application/json",
        idempotency_key=f"{run_id}:completion:{finished_at}",
        event_id=event_id,
        run_id=run_id,
        url=webhook if is_url else None,
    )
