import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from hub.bootstrap import Hub
from hub.model.masking import MASK
from hub.store.catalog import Variable
from hub.store.objects import PUT, PutObject
from tests.web.answers import good, pointers, refused


async def test_a_variable_is_set_read_and_removed(api: httpx.AsyncClient, hub: Hub) -> None:
    made = good(await api.put("/v1/variables/SHOP", json={"value": "a"}), 201)
    assert (made["name"], made["value"], made["secret"]) == ("SHOP", "a", False)
    assert hub.catalog.now.variables["SHOP"].value == "a"
    assert good(await api.put("/v1/variables/SHOP", json={"value": "b"}))["value"] == "b"
    assert good(await api.get("/v1/variables"))["items"] == [
        good(await api.get("/v1/variables/SHOP"))
    ]
    assert (await api.delete("/v1/variables/SHOP")).status_code == 204
    refused(await api.get("/v1/variables/SHOP"), 404, "variable_unknown")
    refused(await api.delete("/v1/variables/SHOP"), 404, "variable_unknown")


async def test_a_secret_is_masked_and_kept_when_left_out(api: httpx.AsyncClient, hub: Hub) -> None:
    made = good(await api.put("/v1/variables/KEY", json={"value": "s3", "secret": True}), 201)
    assert made["value"] == MASK
    assert good(await api.get("/v1/variables"))["items"][0]["value"] == MASK
    good(await api.put("/v1/variables/KEY", json={"secret": True}))
    assert hub.catalog.now.variables["KEY"].value == "s3"
    masked = {"value": MASK, "secret": True}
    refused(await api.put("/v1/variables/KEY", json=masked), 400, "mask_given")
    refused(await api.put("/v1/variables/OTHER", json={"value": MASK}), 400, "mask_given")


async def test_a_secret_does_not_become_open_by_leaving_it_out(api: httpx.AsyncClient) -> None:
    good(await api.put("/v1/variables/KEY", json={"value": "s3", "secret": True}), 201)
    for body in ({"secret": False}, {}):
        problem = refused(await api.put("/v1/variables/KEY", json=body), 422, "validation")
        assert pointers(problem) == [("/value", None)]
    assert good(await api.get("/v1/variables/KEY"))["value"] == MASK


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "/value"),
        ({"value": 5}, "/value"),
        ({"value": None}, "/value"),
        ({"value": "a", "secret": "yes"}, "/secret"),
        ({"value": "a", "secret": 1}, "/secret"),
        ({"value": "a", "secrt": True}, "/secrt"),
        ({"value": "a" * 65_537}, "/value"),
        ({"value": "a\0"}, "/value"),
        ([], ""),
    ],
)
async def test_what_is_wrong_is_named(api: httpx.AsyncClient, body: Any, place: str) -> None:
    problem = refused(await api.put("/v1/variables/A", json=body), 422, "validation")
    assert pointers(problem)[0][0] == place


async def test_an_unknown_field_has_a_hint(api: httpx.AsyncClient) -> None:
    response = await api.put("/v1/variables/A", json={"value": "a", "secrt": True})
    assert pointers(response.json()) == [("/secrt", "Did you mean 'secret'?")]


@pytest.mark.parametrize("name", ["1A", "A-B", "%C3%84", "A" * 101, "A%20"])
async def test_a_name_is_letters_digits_and_underscores(api: httpx.AsyncClient, name: str) -> None:
    refused(
        await api.put(f"/v1/variables/{name}", json={"value": ""}), 400, "variable_name_invalid"
    )


async def test_what_a_file_sets_is_not_changed_here(api: httpx.AsyncClient, hub: Hub) -> None:
    body = json.dumps({"value": "a", "secret": False})
    await hub.ledger.write(PUT, PutObject("variable", "FILED", body, "file"))
    refused(await api.put("/v1/variables/FILED", json={"value": ""}), 409, "managed_by_file")
    refused(await api.delete("/v1/variables/FILED"), 409, "managed_by_file")


async def test_what_the_environment_sets_is_shown_and_stays(
    api: httpx.AsyncClient, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"REGION": Variable("eu", secret=False)}
    monkeypatch.setattr(hub.catalog, "now", replace(hub.catalog.now, variables=given))
    shown = good(await api.get("/v1/variables/REGION"))
    assert (shown["value"], shown["managed_by"]) == ("eu", "environment")
    assert good(await api.get("/v1/variables"))["items"] == [shown]
    refused(await api.delete("/v1/variables/REGION"), 409, "managed_by_environment")
