from typing import Any

import httpx
import pytest

from tests.web.answers import good, pointers, refused


async def test_a_key_is_shown_once_and_works_until_it_is_revoked(api: httpx.AsyncClient) -> None:
    wish = {"name": "n8n", "scopes": ["read", "run", "read"]}
    made = good(await api.post("/v1/keys", json=wish), 201)
    assert made["key"].startswith("hub_")
    assert made["scopes"] == ["read", "run"]
    assert made["prefix"] == made["key"][:8]
    bearer = {"authorization": f"Bearer {made['key']}"}
    good(await api.get("/v1/sources", headers=bearer))
    listed = good(await api.get("/v1/keys"))["items"]
    assert listed[0] == {name: value for name, value in made.items() if name != "key"}
    assert made["key"] not in str(listed)
    assert all("hash" not in each for each in listed)
    assert (await api.delete(f"/v1/keys/{made['id']}")).status_code == 204
    refused(await api.get("/v1/sources", headers=bearer), 401, "unauthorized")
    refused(await api.delete(f"/v1/keys/{made['id']}"), 404, "key_unknown")


async def test_a_key_may_end_by_itself(api: httpx.AsyncClient) -> None:
    wish = {"name": "x", "scopes": ["read"], "expires_at": "2999-01-01T00:00:00Z"}
    made = good(await api.post("/v1/keys", json=wish), 201)
    assert made["expires_at"] == "2999-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": ""}, "/name"),
        ({"name": "a\x00"}, "/name"),
        ({"name": 5}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["root"]}, "/scopes/0"),
        ({"scopes": "admin"}, "/scopes"),
        ({"expires_at": "soon"}, "/expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": 5}, "/expires_at"),
        ({"scope": ["read"]}, "/scope"),
    ],
)
async def test_what_is_wrong_with_a_wish_is_named(
    api: httpx.AsyncClient, change: dict[str, Any], place: str
) -> None:
    wish = {"name": "x", "scopes": ["read"], **change}
    problem = refused(await api.post("/v1/keys", json=wish), 422, "validation")
    assert pointers(problem)[0][0] == place


async def test_keys_come_in_pages(api: httpx.AsyncClient) -> None:
    for name in ("a", "b"):
        good(await api.post("/v1/keys", json={"name": name, "scopes": ["read"]}), 201)
    first = good(await api.get("/v1/keys?limit=2"))
    assert [each["name"] for each in first["items"]] == ["b", "a"]
    assert [each["name"] for each in good(await api.get(first["next"]))["items"]] == ["tester"]


async def test_one_key_is_read_and_changed_field_by_field(api: httpx.AsyncClient) -> None:
    wish = {"name": "n8n", "scopes": ["read"], "expires_at": "2999-01-01T00:00:00Z"}
    made = good(await api.post("/v1/keys", json=wish), 201)
    one = f"/v1/keys/{made['id']}"
    bearer = {"authorization": f"Bearer {made['key']}"}
    refused(await api.post("/v1/pause", headers=bearer), 403, "forbidden")
    changed = good(await api.patch(one, json={"scopes": ["write", "read", "write"]}))
    assert (changed["name"], changed["scopes"]) == ("n8n", ["read", "write"])
    assert changed["expires_at"] == "2999-01-01T00:00:00.000000Z"
    good(await api.post("/v1/pause", headers=bearer))  # it counts at once
    good(await api.delete("/v1/pause", headers=bearer))
    assert good(await api.patch(one, json={"name": "make"}))["scopes"] == ["read", "write"]
    assert good(await api.patch(one, json={"expires_at": None}))["expires_at"] is None
    assert good(await api.patch(one, json={})) == good(await api.get(one))
    assert "key" not in good(await api.get(one))
    gone = "/v1/keys/key_" + "0" * 32
    refused(await api.get(gone), 404, "key_unknown")
    refused(await api.patch(gone, json={}), 404, "key_unknown")
    refused(await api.get("/v1/keys/x"), 404, "key_unknown")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": ""}, "/name"),
        ({"name": None}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["root"]}, "/scopes/0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"key": "hub_mine"}, "/key"),
    ],
)
async def test_what_is_wrong_with_a_change_is_named(
    api: httpx.AsyncClient, change: dict[str, Any], place: str
) -> None:
    made = good(await api.post("/v1/keys", json={"name": "x", "scopes": ["read"]}), 201)
    problem = refused(await api.patch(f"/v1/keys/{made['id']}", json=change), 422, "validation")
    assert pointers(problem)[0][0] == place


async def test_the_last_key_that_makes_keys_cannot_be_lost(api: httpx.AsyncClient) -> None:
    (last,) = good(await api.get("/v1/keys"))["items"]
    one = f"/v1/keys/{last['id']}"
    later = {"expires_at": "2999-01-01T00:00:00Z"}
    for refusal in (
        await api.delete(one),
        await api.patch(one, json={"scopes": ["write"]}),
        await api.patch(one, json=later),
    ):
        assert "hub key new" in refused(refusal, 409, "last_admin_key")["message"]
    good(await api.patch(one, json={"name": "mine", "scopes": ["admin", "run"]}))
    passing = {"name": "guest", "scopes": ["admin"], **later}
    guest = good(await api.post("/v1/keys", json=passing), 201)
    refused(await api.delete(one), 409, "last_admin_key")  # the guest's ends some day
    good(await api.post("/v1/keys", json={"name": "b", "scopes": ["admin"]}), 201)
    assert (await api.delete(f"/v1/keys/{guest['id']}")).status_code == 204
    assert (await api.delete(one)).status_code == 204
