"""People who sign in: what is taken and refused, and that their passwords stay their own."""

from typing import Any

import httpx
import pytest

from hub.bootstrap import Hub
from hub.errors import HubError
from hub.model.json import dumps_text
from hub.model.key import Scope
from hub.model.masking import MASK
from hub.model.source import Limit
from hub.model.user import SCOPES, Role
from hub.store.keys import StoredKey
from hub.store.lookup import one
from hub.store.schema import users
from hub.web.access import Access
from hub.web.desk import Desk
from hub.web.guesses import Guesses
from hub.web.passwords import is_right
from tests.web.answers import good, pointers, refused
from tests.web.conftest import KeyOf

PASSWORD = "correct horse battery"
ANN = {"name": "ann", "role": "operator", "password": PASSWORD}


async def kept(hub: Hub, user_id: str) -> str:
    """What the ledger holds of a password."""
    row = await hub.ledger.read(one, users, id=user_id)
    return str((row or {})["password"])


async def test_a_user_is_made_read_changed_and_removed(api: httpx.AsyncClient) -> None:
    made = good(await api.post("/v1/users", json=ANN), 201)
    assert made.keys() == {"id", "name", "role", "issuer", "created_at", "updated_at"}
    assert (made["name"], made["role"]) == ("ann", "operator")
    one_user = f"/v1/users/{made['id']}"
    assert good(await api.get(one_user)) == made
    assert good(await api.get("/v1/users"))["items"] == [made]
    changed = good(await api.patch(one_user, json={"role": "viewer"}))
    assert (changed["name"], changed["role"]) == ("ann", "viewer")
    assert good(await api.patch(one_user, json={"name": "Ann B."}))["role"] == "viewer"
    assert (await api.delete(one_user)).status_code == 204
    for answer in (
        await api.get(one_user),
        await api.patch(one_user, json={"role": "admin"}),
        await api.delete(one_user),
        await api.get("/v1/users/ann"),
    ):
        refused(answer, 404, "user_unknown")


async def test_a_name_is_one_users_alone(api: httpx.AsyncClient) -> None:
    good(await api.post("/v1/users", json=ANN), 201)
    refused(await api.post("/v1/users", json={**ANN, "role": "admin"}), 409, "user_name_taken")
    other = good(await api.post("/v1/users", json={**ANN, "name": "bob"}), 201)
    one_user = f"/v1/users/{other['id']}"
    refused(await api.patch(one_user, json={"name": "ann"}), 409, "user_name_taken")
    assert good(await api.patch(one_user, json={"name": "bob"}))["name"] == "bob"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": ""}, "/name"),
        ({"name": "a\x07"}, "/name"),
        ({"name": "x" * 101}, "/name"),
        ({"role": "root"}, "/role"),
        ({"role": None}, "/role"),
        ({"password": "elevenchars"}, "/password"),
        ({"password": "x" * 201}, "/password"),
        ({"password": "twelve chars\x00"}, "/password"),
        ({"password": 123456789012}, "/password"),
        ({"scopes": ["admin"]}, "/scopes"),
    ],
)
async def test_what_is_wrong_with_a_wish_is_named(
    api: httpx.AsyncClient, change: dict[str, Any], place: str
) -> None:
    problem = refused(await api.post("/v1/users", json={**ANN, **change}), 422, "validation")
    assert pointers(problem)[0][0] == place
    assert good(await api.get("/v1/users"))["items"] == []
    made = good(await api.post("/v1/users", json=ANN), 201)
    problem = refused(await api.patch(f"/v1/users/{made['id']}", json=change), 422, "validation")
    assert pointers(problem)[0][0] == place


@pytest.mark.parametrize("scope", ["read", "write", "run"])
async def test_users_are_for_admins(api: httpx.AsyncClient, key_of: KeyOf, scope: str) -> None:
    made = good(await api.post("/v1/users", json=ANN), 201)
    headers, one_user = await key_of(scope), f"/v1/users/{made['id']}"
    for answer in (
        await api.get("/v1/users", headers=headers),
        await api.post("/v1/users", headers=headers, json=ANN),
        await api.get(one_user, headers=headers),
        await api.patch(one_user, headers=headers, json={"role": "admin"}),
        await api.delete(one_user, headers=headers),
    ):
        refused(answer, 403, "forbidden")


async def test_users_come_in_pages(api: httpx.AsyncClient) -> None:
    for name in ("ann", "bob", "cem"):
        good(await api.post("/v1/users", json={**ANN, "name": name}), 201)
    first = good(await api.get("/v1/users?limit=2"))
    assert [each["name"] for each in first["items"]] == ["cem", "bob"]
    assert [each["name"] for each in good(await api.get(first["next"]))["items"]] == ["ann"]


async def test_no_password_nor_what_is_kept_of_it_is_ever_told(
    api: httpx.AsyncClient, hub: Hub, capfd: pytest.CaptureFixture[str]
) -> None:
    fresh = "another long password"
    told = [await api.post("/v1/users", json=ANN)]
    user_id = good(told[0], 201)["id"]
    one_user = f"/v1/users/{user_id}"
    first = await kept(hub, user_id)
    told.append(await api.patch(one_user, json={"password": fresh}))
    second = await kept(hub, user_id)
    assert first != second
    assert await is_right(second, fresh)
    told.append(await api.post("/v1/users", json=ANN))  # refused: the name is taken
    told.append(await api.patch(one_user, json={"password": "short pass", "name": 5}))
    paths = (one_user, "/v1/users", "/v1/audit", "/v1/export")
    told += [await api.get(path) for path in paths]
    written = capfd.readouterr()
    everything = "".join([*(each.text for each in told), written.out, written.err])
    for secret in (PASSWORD, fresh, "short pass", first, second, "argon2"):
        assert secret not in everything


async def test_the_audit_says_what_became_of_a_user(api: httpx.AsyncClient) -> None:
    user_id = good(await api.post("/v1/users", json=ANN), 201)["id"]
    good(await api.patch(f"/v1/users/{user_id}", json={"role": "admin"}))
    good(await api.patch(f"/v1/users/{user_id}", json={"password": "another long password"}))
    assert (await api.delete(f"/v1/users/{user_id}")).status_code == 204
    rows = good(await api.get(f"/v1/audit?kind=user&name={user_id}"))["items"]
    gone, password, role, made = (each["changes"] for each in rows)
    shown = {"name": "ann", "role": "operator", "password": MASK}
    assert made == [{"at": "", "after": shown}]
    assert role == [{"at": "/role", "before": "operator", "after": "admin"}]
    assert password == [{"at": "/password", "before": MASK, "after": MASK}]
    assert gone == [{"at": "", "before": {**shown, "role": "admin"}}]


async def test_what_a_signed_in_user_does_is_audited_as_theirs(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    made = good(await api.post("/v1/users", json=ANN), 201)
    ann = Desk(hub, Access(hub.ledger), StoredKey(made["id"], "ann", SCOPES[Role.OPERATOR]))
    await ann.ask("PUT", "/v1/variables/{name}", {"name": "COLOUR"}, body={"value": "red"})
    (row,) = good(await api.get("/v1/audit?kind=variable"))["items"]
    assert row["by"] == {"kind": "user", "id": made["id"], "name": "ann"}
    mine = good(await api.get(f"/v1/audit?key={made['id']}"))["items"]
    assert mine == [row]
    assert PASSWORD not in dumps_text([row])


async def test_only_keys_keep_the_last_way_in(api: httpx.AsyncClient) -> None:
    made = good(await api.post("/v1/users", json={**ANN, "role": "admin"}), 201)
    assert (await api.delete(f"/v1/users/{made['id']}")).status_code == 204
    good(await api.post("/v1/users", json={**ANN, "role": "admin"}), 201)
    (last,) = good(await api.get("/v1/keys"))["items"]
    refused(await api.delete(f"/v1/keys/{last['id']}"), 409, "last_admin_key")


async def test_one_changes_ones_own_password_with_the_present_one(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    user_id = good(await api.post("/v1/users", json=ANN), 201)["id"]
    access = Access(hub.ledger)
    ann = Desk(hub, access, StoredKey(user_id, "ann", SCOPES[Role.VIEWER]))
    assert (await ann.ask("GET", "/v1/account")) == {
        "kind": "user",
        "id": user_id,
        "name": "ann",
        "scopes": ["read"],
        "issuer": None,
    }
    wish = {"present": PASSWORD, "password": "another long password"}
    await ann.ask("POST", "/v1/account/password", body=wish)
    assert await is_right(await kept(hub, user_id), "another long password")
    for kind in ("user", "account"):
        rows = good(await api.get(f"/v1/audit?kind={kind}&key={user_id}"))["items"]
        assert [each["changes"] for each in rows] == [
            [{"at": "/password", "before": MASK, "after": MASK}]
        ][: kind == "user"]


async def test_a_wrong_present_password_changes_nothing_and_is_a_guess(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    user_id = good(await api.post("/v1/users", json=ANN), 201)["id"]
    before = await kept(hub, user_id)
    access = Access(hub.ledger, guesses=Guesses(Limit(requests=2, per_s=86_400)))
    ann = Desk(hub, access, StoredKey(user_id, "ann", frozenset({Scope.READ})))
    wish = {"present": "wrong", "password": "another long password"}
    for code in ("validation", "validation", "too_many_requests"):
        with pytest.raises(HubError) as caught:
            await ann.ask("POST", "/v1/account/password", body=wish)
        assert caught.value.code == code
    assert await kept(hub, user_id) == before


async def test_a_key_has_no_password(api: httpx.AsyncClient) -> None:
    wish = {"present": "x", "password": "another long password"}
    refused(await api.post("/v1/account/password", json=wish), 409, "not_a_user")
    account = good(await api.get("/v1/account"))
    assert (account["kind"], account["name"], account["scopes"]) == ("key", "tester", ["admin"])
