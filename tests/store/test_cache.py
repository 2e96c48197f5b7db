"""Values that stacks keep end with their time."""

from collections.abc import Sequence

from hub.model.segment import Cached
from hub.store.cache import get_cached, put_cached
from hub.store.ledger import Ledger, Write
from hub.store.retention import DROP_AGED, DropAged, ledger_now
from hub.store.tx import Tx


def _put(tx: Tx, values: Sequence[Cached]) -> list[None]:
    put_cached(tx, values)
    return [None] * len(values)


PUT: Write[Cached, None] = Write("put_cached", 1, _put)


async def test_a_value_ends_with_its_time(ledger: Ledger) -> None:
    await ledger.write(PUT, Cached("old", "1", 0))
    await ledger.write(PUT, Cached("new", "1", 60_000_000))
    await ledger.write(PUT, Cached("new", "[2]", 60_000_000))
    assert await ledger.read(get_cached, "old") is None
    assert await ledger.read(get_cached, "new") == "[2]"
    gone = await ledger.write(DROP_AGED, DropAged("cache", await ledger.read(ledger_now), 10))
    assert gone.counts == {"cache": 1}
