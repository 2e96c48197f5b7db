"""Keys in the ledger: when they were used, and that somebody can always make others."""

import asyncio
from pathlib import Path

import pytest

from hub.errors import ConflictError
from hub.model.ids import new_id
from hub.model.time import now_us
from hub.store.keys import CHANGE, DROP, PUT, USE, ChangedKey, NewKey, count_keys
from hub.store.ledger import Ledger, open_ledger
from hub.store.lookup import one
from hub.store.schema import keys


async def put(ledger: Ledger, *scopes: str, expires_at: int | None = None) -> str:
    key_id = new_id("key")
    await ledger.write(PUT, NewKey(key_id, "k", "hub_abcd", key_id, scopes, expires_at))
    return key_id


async def used_at(ledger: Ledger, key_id: str) -> int | None:
    row = await ledger.read(one, keys, id=key_id)
    assert row is not None
    return row["last_used_at"]  # type: ignore[no-any-return]


async def test_the_last_use_of_many_keys_is_one_write_and_never_goes_back(ledger: Ledger) -> None:
    first, second = await put(ledger, "read"), await put(ledger, "run")
    assert await used_at(ledger, first) is None
    await ledger.write(USE, {first: 5, second: 7, "key_of_nobody": 9})
    await ledger.write(USE, {first: 3, second: 8})
    assert (await used_at(ledger, first), await used_at(ledger, second)) == (5, 8)


async def test_a_key_that_has_expired_is_no_other_admin(ledger: Ledger) -> None:
    last = await put(ledger, "admin")
    await put(ledger, "admin", expires_at=now_us() - 1)
    await put(ledger, "write")
    with pytest.raises(ConflictError) as refusal:
        await ledger.write(DROP, last)
    assert refusal.value.code == "last_admin_key"


async def test_one_that_ends_may_be_changed_while_there_is_another(ledger: Ledger) -> None:
    later = now_us() + 3_600_000_000
    first = await put(ledger, "admin", expires_at=later)
    second = await put(ledger, "admin", expires_at=later)
    assert await ledger.write(CHANGE, ChangedKey(first, "k", ("read",), later))
    with pytest.raises(ConflictError):
        await ledger.write(DROP, second)
    assert await ledger.write(CHANGE, ChangedKey(second, "k", ("admin",), None))
    assert not await ledger.write(CHANGE, ChangedKey("key_none", "k", ("read",), None))


async def test_two_that_revoke_each_other_at_once_leave_one(
    ledger: Ledger, database_url: str | None, tmp_path: Path
) -> None:
    other = await open_ledger(database_url, tmp_path)
    try:
        first, second = await put(ledger, "admin"), await put(ledger, "admin")
        done = await asyncio.gather(
            ledger.write(DROP, first), other.write(DROP, second), return_exceptions=True
        )
    finally:
        await other.close()
    assert sorted(type(each) is bool for each in done) == [False, True]
    assert await ledger.read(count_keys) == 1
