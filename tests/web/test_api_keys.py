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
