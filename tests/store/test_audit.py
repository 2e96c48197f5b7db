"""Errands: what somebody writes has its row in the audit, in the same transaction, or neither."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text

from hub.errors import ConflictError, InvalidError
from hub.model.ids import first_id
from hub.model.json import loads
from hub.model.masking import MASK
from hub.store.audit import FILTERS, _page, audit_page
from hub.store.errand import Actor, Errand, running
from hub.store.ledger import Ledger, Write, open_ledger
from hub.store.objects import DROP, PUT, DropObject, PutObject, one_object
from hub.store.records import REMOVE, Removal
from hub.store.sealing import Keyring
from hub.store.stacks import PUT as PUT_STACK
from hub.store.stacks import PutStack
from hub.store.tx import Tx
from tests.databases import prepare
from tests.store.explain import Explain

FILL = """
INSERT INTO audit (id, at, by_kind, by_id, operation, kind, name)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 4999)
SELECT 'aud_' || (100000 + i), i, 'key', 'key_' || (i % 50), 'PUT', 'kind' || (i % 50),
       'name' || (i % 500) FROM n
"""
ME = Actor("key", "key_1", "me")


def errand(ledger: Ledger, operation: str = "PUT", **more: object) -> Errand:
    return Errand(ledger, ME, operation, **more)  # type: ignore[arg-type]  # named by the tests


def variable(value: str, name: str = "A") -> PutObject:
    return PutObject("variable", name, f'{{"value":"{value}","secret":true}}')


async def names(ledger: Ledger) -> list[str]:
    return [row["name"] for row in await ledger.read(audit_page, most=500)]


async def test_writes_of_many_are_each_told_as_their_own(ledger: Ledger) -> None:
    async def put(n: int) -> None:
        with running(errand(ledger, f"PUT {n}")):
            await ledger.write(PUT, variable(str(n), f"V{n % 5}"))

    await asyncio.gather(
        *(put(n) for n in range(50)), *(ledger.write(PUT, variable("x", "own")) for _ in range(9))
    )
    rows = await ledger.read(audit_page, most=500)
    assert {row["operation"] for row in rows} == {f"PUT {n}" for n in range(50)}
    assert "own" not in {row["name"] for row in rows}
    whole = [row for row in rows if loads(row["changes"])[0]["at"] == ""]
    assert len(whole) == 5  # each was new once


async def test_a_write_that_fails_leaves_no_row_and_its_neighbours_theirs(ledger: Ledger) -> None:
    def refuse(tx: Tx, items: Sequence[str]) -> list[str]:
        if "bad" in items:
            raise InvalidError("It is bad.")
        return list(items)

    refusing: Write[str, str] = Write("refuse", 1000, refuse)

    async def do(item: str) -> None:
        with running(errand(ledger, item, kind="thing", name=item)):
            await ledger.write(refusing, item)

    done = await asyncio.gather(*(do(each) for each in ("a", "bad", "b")), return_exceptions=True)
    assert isinstance(done[1], InvalidError)
    assert sorted(await names(ledger)) == ["a", "b"]


async def test_a_stack_and_the_change_that_is_refused_behind_it(ledger: Ledger) -> None:
    await ledger.write(PUT_STACK, PutStack("one", "v1", "{}", "file"))
    with running(errand(ledger)), pytest.raises(ConflictError):
        await ledger.write(PUT_STACK, PutStack("one", "v2", "{}"))
    assert await names(ledger) == []


async def test_many_writes_of_one_request_are_one_row_unless_they_name_objects(
    ledger: Ledger,
) -> None:
    did: Write[str, str] = Write("did", 1000, lambda tx, items: list(items))
    with running(errand(ledger, kind="table", name="orders")) as mine:
        for _ in range(3):
            await ledger.write(did, "done")
        assert mine.is_noted
        await ledger.write(PUT, variable("1"))
        await ledger.write(PUT, variable("1"))  # nothing differs
        await ledger.write(DROP, DropObject("variable", "A"))
    assert await names(ledger) == ["A", "A", "orders"]


async def test_what_changes_nothing_is_not_told(ledger: Ledger) -> None:
    with running(errand(ledger)) as mine:
        await ledger.write(DROP, DropObject("variable", "A"))
        await ledger.write(REMOVE, Removal("orders", 1))
        assert not mine.is_noted
    assert await names(ledger) == []


async def test_an_errand_ends_with_its_block_and_knows_its_ledger(
    ledger: Ledger, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    prepare(None, tmp_path / "other")
    other = await open_ledger(None, tmp_path / "other")
    gate = asyncio.Event()

    async def later() -> None:
        await gate.wait()
        await ledger.write(PUT, variable("1", "LATE"))

    try:
        with running(errand(ledger)):
            task = asyncio.create_task(later())
            await other.write(PUT, variable("1", "ELSEWHERE"))
            await ledger.write(PUT, variable("1", "HERE"))
        gate.set()
        await task
        assert await names(ledger) == ["HERE"]
        assert await names(other) == []
        with running(Errand(None, Actor("command line"), "hub apply")):
            await other.write(PUT, variable("2", "ELSEWHERE"))
        assert await names(other) == ["ELSEWHERE"]
    finally:
        await other.close()


@pytest_asyncio.fixture
async def sealed(database_url: str | None, tmp_path: Path) -> AsyncIterator[Ledger]:
    prepare(database_url, tmp_path)
    opened = await open_ledger(database_url, tmp_path, keyring=Keyring([b"k" * 32]))
    yield opened
    await opened.close()


async def test_a_sealed_secret_is_compared_by_what_it_is(
    sealed: Ledger, database_url: str | None, tmp_path: Path
) -> None:
    with running(errand(sealed)):
        await sealed.write(PUT, variable("one"))
        await sealed.write(PUT, variable("one"))  # sealed anew, and the same
        await sealed.write(PUT, variable("two"))
    newest, first = await sealed.read(audit_page, most=500)
    assert loads(newest["changes"]) == [{"at": "/value", "before": MASK, "after": MASK}]
    assert loads(first["changes"])[0]["after"]["value"] == MASK
    without = await open_ledger(database_url, tmp_path)
    try:
        with running(errand(without)):
            await without.write(DROP, DropObject("variable", "A"))  # its key need not be there
        assert await without.read(one_object, "variable", "A") is None
        gone = (await without.read(audit_page, most=1))[0]
        assert loads(gone["changes"])[0]["before"]["value"] == MASK
    finally:
        await without.close()


@pytest.mark.parametrize("chosen", [(), ("kind",), ("kind", "name"), ("key",), ("key", "kind")])
async def test_each_way_to_choose_rows_has_an_index(
    ledger: Ledger, chosen: tuple[str, ...]
) -> None:
    def filled(tx: Tx, items: Sequence[None]) -> Sequence[None]:
        tx.run(text(FILL))
        tx.run(text("ANALYZE audit"))
        return items

    await ledger.write(Write("fill", 1000, filled), None)
    bound = {"before": "zzz", "first_id": first_id("aud", 0), "since": 0, "most": 10}
    bound |= {f"of_{name}": "kind7" for name in chosen}

    def explained(tx: Tx) -> str:
        return "\n".join(str(row[-1]) for row in tx.rows(Explain(_page(chosen)), bound))

    told = await ledger.read(explained)
    assert set(chosen) <= FILTERS.keys()
    assert "ix_audit" in told if chosen else "audit" in told
    assert "SCAN audit" not in told
    assert "Seq Scan" not in told
