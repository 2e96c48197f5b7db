"""Time that passes at once for a hub: what it has put off comes nearer."""

import asyncio

from sqlalchemy import text

from hub.store.schedules import schedules_now
from tests.program import Driven

_US = 1_000_000
_NEARER = (
    "UPDATE runs SET due_at = due_at - :us WHERE status IN ('queued', 'waiting')",
    "UPDATE schedules SET next_at = next_at - :us",
)


async def pass_s(hub: Driven, seconds: float) -> None:
    """Have waiting runs and schedules so much less to wait for."""
    assert hub.hub is not None
    for line in _NEARER:
        said = text(line)
        given = {"us": round(seconds * _US)}
        await hub.hub.ledger.engine.transact(lambda tx, said=said, given=given: tx.run(said, given))


async def armed(hub: Driven) -> int:
    """Wait until the clock knows the schedules; gives the database's time in µs."""
    assert hub.hub is not None
    async with asyncio.timeout(10):
        while True:
            now, rows = await hub.hub.ledger.read(schedules_now)
            if rows:
                return now
            await asyncio.sleep(0.05)


async def due_a_minute_ago(hub: Driven) -> int:
    """Put the next time of the only schedule to the minute before this one; gives it."""
    assert hub.hub is not None
    now = await armed(hub)
    due_at = now // (60 * _US) * (60 * _US) - 60 * _US
    late = text("UPDATE schedules SET next_at = :at")
    await hub.hub.ledger.engine.transact(lambda tx: tx.run(late, {"at": due_at}))
    return due_at
