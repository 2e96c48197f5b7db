from typing import Any

import httpx
import pytest

from hub.bootstrap import Hub
from hub.model.json import loads
from hub.model.masking import MASK
from hub.store.lookup import one
from hub.store.schema import objects
from tests.issuers import EC, RSA, SECRET, pem
from tests.web.answers import good, pointers, refused
from tests.web.conftest import KeyOf

PATH = "/v1/issuers/signin"
MAY = [{"channels": ["user_{sub}_*"]}]
SHARED: dict[str, Any] = {"issuer": "https://a.example", "secrets": [SECRET], "may": MAY}
PUBLISHED: dict[str, Any] = {
    "issuer": "https://a.example",
    "audience": "shop",
    "jwks_url": "https://a.example/.well-known/jwks.json",
    "may": MAY,
}


async def stored(hub: Hub) -> Any:
    row = await hub.ledger.read(one, objects, kind="issuer", slug="signin")
    assert row is not None
    return loads(row["body"])


async def test_an_issuer_is_created_read_listed_changed_and_removed(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    made = good(await api.put(PATH, json=PUBLISHED), 201)
    assert made["warnings"] == []
    assert made["member"] == "sub"
    assert made["may"] == [{"channels": ["user_{sub}_*"], "can": ["subscribe"]}]
    changed = good(await api.patch(PATH, json={"member": "user.id"}))
    assert changed["member"] == "user.id"
    assert good(await api.get(PATH))["slug"] == "signin"
    assert [each["slug"] for each in good(await api.get("/v1/issuers"))["items"]] == ["signin"]
    assert hub.catalog.now.issuers["signin"].member == "user.id"
    assert (await api.delete(PATH)).status_code == 204
    assert hub.catalog.now.issuers == {}
    refused(await api.get(PATH), 404, "issuer_unknown")


async def test_secrets_are_never_shown_and_stay_where_they_are_left_out(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    made = await api.put(PATH, json=SHARED)
    assert good(made, 201)["secrets"] == [MASK]
    for answer in (made, await api.get(PATH), await api.get("/v1/issuers")):
        assert SECRET not in answer.text
    without = {name: value for name, value in SHARED.items() if name != "secrets"}
    good(await api.put(PATH, json={**without, "audience": "shop"}))
    good(await api.patch(PATH, json={"member": "id"}))
    assert (await stored(hub))["secrets"] == [SECRET]
    for send in (api.put, api.patch):
        refused(await send(PATH, json={**SHARED, "secrets": [MASK]}), 400, "mask_given")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_an_issuer_s_keys_may_come_to_stand_elsewhere(
    api: httpx.AsyncClient, hub: Hub, method: str
) -> None:
    """What was given before does not stand in the way, and does not stay."""
    good(await api.put(PATH, json=SHARED), 201)
    good(await api.request(method, PATH, json=PUBLISHED))
    assert "secrets" not in await stored(hub)
    good(await api.request(method, PATH, json={**SHARED, "secrets": [SECRET, SECRET[::-1]]}))
    assert (await stored(hub))["secrets"] == [SECRET, SECRET[::-1]]
    assert "jwks_url" not in await stored(hub)
    body = {"issuer": "https://a.example", "public_keys": [pem(EC)], "may": MAY}
    good(await api.request(method, PATH, json=body))
    assert "secrets" not in await stored(hub)
    refused(await api.request(method, PATH, json={**PUBLISHED, **SHARED}), 422, "validation")
    assert (await stored(hub))["public_keys"] == [pem(EC)]


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"secrets": ["short"]}, "/secrets/0"),
        ({"secrets": [SECRET, "x" * 31]}, "/secrets/1"),
        ({"public_keys": ["no key"], "secrets": []}, "/public_keys/0"),
        ({"public_keys": [pem(RSA), SECRET], "secrets": []}, "/public_keys/1"),
        ({"jwks_url": "ftp://a.example/keys", "secrets": []}, "/jwks_url"),
        ({"jwks_url": "https://a:b@a.example/keys", "secrets": []}, "/jwks_url"),
        ({"may": []}, "/may"),
        ({"may": [{"channels": ["user {sub}"]}]}, "/may/0/channels/0"),
        ({"may": [{"channels": ["a"], "can": ["shout"]}]}, "/may/0/can/0"),
        ({"secrets": []}, "/secrets"),
        ({"public_keys": [pem(RSA)]}, "/secrets"),
        ({"issuer": None, "jwks_url": "https://a.example", "secrets": []}, "/jwks_url"),
        ({"jwks_url": 7, "secrets": []}, "/jwks_url"),
        ({"member": "*"}, "/member"),
        ({"issuer": "hub"}, "/issuer"),
    ],
)
async def test_what_cannot_be_used_is_refused_at_its_place(
    api: httpx.AsyncClient, more: dict[str, Any], pointer: str
) -> None:
    answer = await api.put(PATH, json={**SHARED, **more})
    assert pointers(refused(answer, 422, "validation"))[0][0] == pointer
    assert SECRET not in answer.text


async def test_only_an_admin_has_keys_fetched_from_a_private_address(
    api: httpx.AsyncClient, key_of: KeyOf
) -> None:
    body = {**PUBLISHED, "allow_private": True}
    writer = await key_of("write")
    refused(await api.put(PATH, json=body, headers=writer), 403, "forbidden")
    good(await api.put(PATH, json=body), 201)
    refused(await api.patch(PATH, json={"member": "id"}, headers=writer), 403, "forbidden")
    reader = await key_of("read")
    good(await api.get(PATH, headers=reader))
    refused(await api.put(PATH, json=PUBLISHED, headers=reader), 403, "forbidden")


async def test_what_its_owner_should_know_is_told(api: httpx.AsyncClient) -> None:
    body = {**PUBLISHED, "jwks_url": "http://a.example/keys", "audience": None}
    unencrypted, everybody = good(await api.put(PATH, json=body), 201)["warnings"]
    assert "unencrypted" in unencrypted
    assert "'audience'" in everybody
    assert good(await api.put(PATH, json=SHARED))["warnings"] == []
