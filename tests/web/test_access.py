import httpx
import pytest

from hub.bootstrap import Hub
from hub.errors import AccessError, StoreError
from hub.model.key import Scope
from hub.model.time import now_us
from hub.store.keys import DROP
from hub.store.lookup import where
from hub.store.schema import keys
from hub.web.access import Access, allows
from tests.web.answers import good, refused
from tests.web.conftest import KeyOf


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer hub_nobody"},
        {"authorization": "Basic aHViOmh1Yg=="},
        {"authorization": "hub_nobody"},
        {"authorization": "Bearer " + "x" * 5000},
        {"authorization": "Bearer h\xfcb"},
    ],
)
async def test_without_a_valid_key_nothing_is_told(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    sent = {name: value.encode("latin-1") for name, value in headers.items()}
    response = await api.get("/v1/sources", headers=sent)
    refused(response, 401, "unauthorized")
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_in_the_url_is_not_a_key(api: httpx.AsyncClient) -> None:
    key = api.headers["authorization"].removeprefix("Bearer ")
    del api.headers["authorization"]
    refused(await api.get("/v1/sources", params={"token": key}), 401, "unauthorized")


async def test_the_word_bearer_may_be_written_as_people_like(api: httpx.AsyncClient) -> None:
    key = api.headers["authorization"].removeprefix("Bearer ")
    good(await api.get("/v1/sources", headers={"authorization": f"bearer  {key}"}))


async def test_a_key_without_the_scope_is_told_which_one(
    api: httpx.AsyncClient, key_of: KeyOf
) -> None:
    reader = await key_of("read")
    good(await api.get("/v1/sources", headers=reader))
    body = refused(
        await api.put("/v1/channels/a", json={}, headers=reader),
        403,
        "forbidden",
    )
    assert "'write'" in body["message"]
    assert body["scope"] == "write"


async def test_a_key_is_checked_before_the_body(api: httpx.AsyncClient) -> None:
    response = await api.put("/v1/sources/a", content=b"{", headers={"authorization": "Bearer x"})
    refused(response, 401, "unauthorized")


async def test_only_an_admin_sees_keys(api: httpx.AsyncClient, key_of: KeyOf) -> None:
    every_other = await key_of("write", "read", "ingest", "run", "publish")
    refused(await api.get("/v1/keys", headers=every_other), 403, "forbidden")


async def test_an_expired_key_is_unknown(api: httpx.AsyncClient, key_of: KeyOf) -> None:
    old = await key_of("admin", expires_at=now_us() - 1)
    refused(await api.get("/v1/sources", headers=old), 401, "unauthorized")


async def test_a_key_is_read_once_in_a_while(hub: Hub, key_of: KeyOf) -> None:
    access = Access(hub.ledger)
    header = (await key_of("read"))["authorization"]
    key = await access.find(header)
    await hub.ledger.write(DROP, key.id)
    assert await access.find(header) == key
    access.forget()
    with pytest.raises(AccessError):
        await access.find(header)


async def test_what_is_remembered_ends(hub: Hub, key_of: KeyOf) -> None:
    access = Access(hub.ledger, remember_s=0)
    header = (await key_of("read"))["authorization"]
    key = await access.find(header)
    await hub.ledger.write(DROP, key.id)
    with pytest.raises(AccessError):
        await access.find(header)


async def test_no_more_keys_are_remembered_than_said(hub: Hub, key_of: KeyOf) -> None:
    access = Access(hub.ledger, most=2)
    headers = [(await key_of("read"))["authorization"] for _ in range(3)]
    keys = [await access.find(header) for header in headers]
    for key in keys:
        await hub.ledger.write(DROP, key.id)
    with pytest.raises(AccessError):
        await access.find(headers[0])
    assert await access.find(headers[2]) == keys[2]


def test_scopes_cover_what_they_say() -> None:
    assert all(allows(["admin"], scope) for scope in Scope)
    assert allows(["write"], Scope.READ)
    assert not allows(["read"], Scope.WRITE)
    assert not allows(["write"], Scope.RUN)
    assert not allows(["write"], Scope.ADMIN)
    assert not allows([], Scope.READ)


async def test_the_use_of_keys_is_gathered_and_written_at_once(hub: Hub, key_of: KeyOf) -> None:
    access = Access(hub.ledger)
    headers = [(await key_of("read"))["authorization"] for _ in range(3)]
    before = hub.ledger.committed_items
    for _ in range(10):
        for header in headers[:2]:
            await access.find(header)
    assert hub.ledger.committed_items == before
    began = now_us()
    await access.tell_used()
    await access.tell_used()  # there is nothing new to tell
    assert hub.ledger.committed_items == before + 1
    used = [row["last_used_at"] for row in await hub.ledger.read(where, keys)]
    assert used[2] is None
    assert all(began - 60_000_000 < at <= began for at in used[:2])


async def test_what_could_not_be_told_is_told_with_the_next(hub: Hub, key_of: KeyOf) -> None:
    access = Access(hub.ledger)
    await access.find((await key_of("read"))["authorization"])
    engine = hub.ledger.engine
    hub.ledger.engine = _Gone()  # type: ignore[assignment]  # it has what is used of one
    with pytest.raises(StoreError):
        await access.tell_used()
    hub.ledger.engine = engine
    await access.tell_used()
    (row,) = await hub.ledger.read(where, keys)
    assert row["last_used_at"] is not None


class _Gone:
    async def transact(self, work: object, *, single: bool = False) -> None:
        raise StoreError("The database is gone.")
