"""Secrets are sealed in the ledger, opened when they are read, and nothing else is touched."""

import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InvalidError, StoreError
from hub.model.destination import DestinationState
from hub.store.catalog import Catalog
from hub.store.destinations import SET_STATE, SetState
from hub.store.ledger import Ledger, open_ledger
from hub.store.lookup import one
from hub.store.objects import PUT, PUT_ONCE, RESEAL, SIGNING, Kind, PutObject, all_objects
from hub.store.schema import objects
from hub.store.sealing import PREFIX, Keyring
from tests.databases import prepare

OLD, NEW = b"o" * 32, b"n" * 32
TILL = {
    "url": "https://till.example/",
    "auth": {"mode": "basic", "user": "ada", "password": "s3cret-password"},
    "headers": {"X-Api-Key": "s3cret-header", "X-Team": "blue"},
    "sign": {"secrets": ["whsec_" + "c2" * 16, "whsec_" + "c3" * 16]},
    "retired": {"secrets": ["whsec_" + "c4" * 16], "until": "2030-01-01T00:00:00Z"},
    "tls": {"client_cert": "public", "client_key": "s3cret-key"},
}
SHOP = {"verify": {"mode": "header", "header": "X-Key", "secrets": ["s3cret-token"]}}
SIGNIN = {"secrets": ["s3cret-of-an-issuer"], "may": [{"channels": ["user_{sub}"]}]}
PUTS: tuple[tuple[Kind, str, dict[str, Any]], ...] = (
    ("destination", "till", TILL),
    ("source", "shop", SHOP),
    ("issuer", "signin", SIGNIN),
    ("variable", "HIDDEN", {"value": "s3cret-value", "secret": True}),
    ("variable", "OPEN", {"value": "shown", "secret": False}),
    (*SIGNING, {"secrets": ["whsec_" + "c5" * 16]}),
    ("channel", "news", {"public": True}),
)
Open: TypeAlias = Callable[..., Coroutine[Any, Any, Ledger]]


@pytest.fixture
async def opened(database_url: str | None, tmp_path: Path) -> Any:
    """Opens the same ledger with other keys."""
    prepare(database_url, tmp_path)
    ledgers = []

    async def open_with(*keys: bytes) -> Ledger:
        ledgers.append(await open_ledger(database_url, tmp_path, keyring=Keyring(keys)))
        return ledgers[-1]

    yield open_with
    for each in ledgers:
        await each.close()


async def fill(ledger: Ledger) -> None:
    for kind, slug, body in PUTS:
        write = PUT_ONCE if kind == "signing" else PUT
        await ledger.write(write, PutObject(kind, slug, json.dumps(body)))


async def kept(ledger: Ledger, kind: str, slug: str) -> Any:
    """A body as it stands in the table."""
    row = await ledger.read(one, objects, kind=kind, slug=slug)
    assert row is not None
    return json.loads(row["body"])


async def all_kept(ledger: Ledger) -> str:
    return json.dumps([await kept(ledger, kind, slug) for kind, slug, _ in PUTS])


async def read(ledger: Ledger) -> list[Any]:
    """Bodies as the hub reads them, in the order of PUTS."""
    found = {(r["kind"], r["slug"]): json.loads(r["body"]) for r in await ledger.read(all_objects)}
    return [found[kind, slug] for kind, slug, _ in PUTS]


async def test_with_a_key_no_secret_stands_in_the_table_and_all_are_read(opened: Open) -> None:
    ledger = await opened(NEW)
    await fill(ledger)
    text = await all_kept(ledger)
    assert "s3cret" not in text
    assert "whsec_" not in text
    till = await kept(ledger, "destination", "till")
    assert till["url"] == TILL["url"]
    assert till["headers"]["X-Team"] == "blue"
    assert [each.startswith(PREFIX) for each in till["sign"]["secrets"]] == [True, True]
    assert (await kept(ledger, "variable", "OPEN"))["value"] == "shown"
    assert await read(ledger) == [body for _, _, body in PUTS]


async def test_without_a_key_they_stay_as_they_are_and_a_sealed_one_cannot_be_feigned(
    opened: Open,
) -> None:
    ledger = await opened()
    await fill(ledger)
    assert await kept(ledger, "destination", "till") == TILL
    feigned = {"value": f"{PREFIX}00000000:AAAA", "secret": True}
    with pytest.raises(InvalidError, match="cannot begin with"):
        await ledger.write(PUT, PutObject("variable", "X", json.dumps(feigned)))
    open_one = {**feigned, "secret": False}  # that is nobody's secret
    await ledger.write(PUT, PutObject("variable", "X", json.dumps(open_one)))
    assert await read(ledger) == [body for _, _, body in PUTS]


async def test_the_catalog_says_which_object_it_cannot_read_and_what_to_set(opened: Open) -> None:
    await fill(await opened(OLD))
    for keys in ((), (NEW,)):
        with pytest.raises(StoreError) as caught:
            await Catalog(await opened(*keys), {}).refresh()
        assert caught.value.code == "secret_unreadable"
        assert "of the destination 'till'" in caught.value.message
        assert "4 more" in caught.value.message
        assert "HUB_SECRET_KEY=NEW,OLD" in caught.value.message
    catalog = Catalog(await opened(NEW, OLD), {})
    await catalog.refresh()
    assert catalog.now.variables["HIDDEN"].value == "s3cret-value"


@pytest.mark.parametrize("before", [(), (OLD,), (OLD, NEW)])
async def test_sealing_anew_uses_the_first_key_for_everything(
    opened: Open, before: tuple[bytes, ...]
) -> None:
    await fill(await opened(*before))
    both = await opened(NEW, OLD)
    assert await both.write(RESEAL, None) == 5
    assert await both.write(RESEAL, None) == 0
    only_new = await opened(NEW)
    assert await read(only_new) == [body for _, _, body in PUTS]
    assert "s3cret" not in await all_kept(only_new)


async def test_what_cannot_be_read_keeps_everything_from_being_sealed_anew(opened: Open) -> None:
    await fill(await opened(OLD))
    before = await all_kept(await opened(OLD))
    with pytest.raises(StoreError):
        await (await opened(NEW)).write(RESEAL, None)
    assert await all_kept(await opened(OLD)) == before


async def test_a_sealed_secret_counts_at_its_own_place_only(opened: Open) -> None:
    ledger = await opened(NEW)
    await fill(ledger)
    raw = (await kept(ledger, "destination", "till"))["auth"]["password"]
    ring = Keyring([NEW])
    assert ring.open(raw, "destination/till/auth/password") == "s3cret-password"
    for place in ("destination/other/auth/password", "source/till/auth/password", ""):
        with pytest.raises(StoreError, match="another place"):
            ring.open(raw, place)


async def test_a_pause_leaves_what_is_sealed_sealed(opened: Open) -> None:
    ledger = await opened(NEW)
    await fill(ledger)
    before = await kept(ledger, "destination", "till")
    await ledger.write(SET_STATE, SetState("till", DestinationState.PAUSED, "tired"))
    after = await kept(ledger, "destination", "till")
    assert after == {**before, "state": "paused", "state_reason": "tired"}
    assert (await read(ledger))[0]["auth"] == TILL["auth"]


@given(text=st.text().filter(lambda text: not text.startswith(PREFIX)), place=st.text())
def test_what_is_sealed_is_opened_and_never_looks_alike_twice(text: str, place: str) -> None:
    text, place = (each.encode("utf-8", "replace").decode() for each in (text, place))
    ring = Keyring([NEW, OLD])
    first, second = ring.seal(text, place), ring.seal(text, place)
    assert first != second
    assert ring.open(first, place) == text == Keyring([OLD, NEW]).open(second, place)


@pytest.mark.parametrize("change", ["", "AAAA", "!", "é"])
def test_a_changed_text_is_not_opened(change: str) -> None:
    ring = Keyring([NEW])
    sealed = ring.seal("text", "here")
    head = sealed[: sealed.rindex(":") + 1]
    with pytest.raises(StoreError) as caught:
        ring.open(head + change, "here")
    assert caught.value.code == "secret_unreadable"
