"""Versions of stacks, on either database."""

from hub.store.ledger import Ledger
from hub.store.stacks import DROP, PUT, DropStack, PutStack, one_version, versions_page


async def _names(ledger: Ledger, name: str, most: int = 10) -> list[str]:
    return [each.version for each in await ledger.read(versions_page, name, most=most)]


async def test_versions_come_the_newest_first_and_page_by_page(ledger: Ledger) -> None:
    for version in ("v2", "v3", "v1"):
        await ledger.write(PUT, PutStack("shop", version, version))
    await ledger.write(PUT, PutStack("other", "v9", "other"))
    assert await _names(ledger, "shop") == ["v1", "v3", "v2"]
    first = await ledger.read(versions_page, "shop", most=2)
    rest = await ledger.read(versions_page, "shop", most=2, before=first[-1])
    assert [each.version for each in rest] == ["v2"]
    assert await ledger.read(versions_page, "shop", most=2, before=rest[-1]) == []


async def test_the_same_version_keeps_its_place_and_takes_the_new_layout(ledger: Ledger) -> None:
    await ledger.write(PUT, PutStack("shop", "v1", "a"))
    await ledger.write(PUT, PutStack("shop", "v2", "b"))
    before = await ledger.read(one_version, "shop", "v1")
    await ledger.write(PUT, PutStack("shop", "v1", "// a"))
    after = await ledger.read(one_version, "shop", "v1")
    assert before is not None
    assert after is not None
    assert (before.text, after.text) == ("a", "// a")
    assert after.created_at == before.created_at
    assert await _names(ledger, "shop") == ["v2", "v1"]


async def test_versions_stay_when_the_stack_goes(ledger: Ledger) -> None:
    await ledger.write(PUT, PutStack("shop", "v1", "a"))
    await ledger.write(DROP, DropStack("shop"))
    assert await _names(ledger, "shop") == ["v1"]
    assert await ledger.read(one_version, "shop", "v2") is None
