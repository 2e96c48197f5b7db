import json
from typing import Any

import httpx
import pytest

from hub.bootstrap import Hub
from hub.model.masking import MASK
from hub.signature import new_secret, parse_secret
from hub.store.lookup import one
from hub.store.objects import PUT, PutObject
from hub.store.schema import objects
from tests.web.answers import good, pointers, refused

OPEN: dict[str, Any] = {"connector": "n8n", "verify": {"mode": "none"}}
TOKEN: dict[str, Any] = {
    "connector": "n8n",
    "verify": {"mode": "header", "header": "x-token", "secrets": ["one-secret"]},
}


async def stored(hub: Hub, slug: str) -> Any:
    row = await hub.ledger.read(one, objects, kind="source", slug=slug)
    assert row is not None
    return json.loads(row["body"])


async def test_a_source_is_created_then_replaced(api: httpx.AsyncClient, hub: Hub) -> None:
    made = good(await api.put("/v1/sources/shop", json=OPEN), 201)
    assert made["slug"] == "shop"
    assert made["url"] == "http://hub.test/in/shop"
    assert made["warnings"] == []
    assert hub.catalog.now.sources["shop"].connector == "n8n"
    again = good(await api.put("/v1/sources/shop", json={**OPEN, "connector": "make"}))
    assert again["connector"] == "make"
    assert good(await api.get("/v1/sources/shop"))["connector"] == "make"


async def test_secrets_are_masked_and_kept_when_left_out(api: httpx.AsyncClient, hub: Hub) -> None:
    made = good(await api.put("/v1/sources/shop", json=TOKEN), 201)
    assert made["verify"]["secrets"] == [MASK]
    assert good(await api.get("/v1/sources/shop"))["verify"]["secrets"] == [MASK]
    without = {"verify": {"mode": "header", "header": "x-other"}}
    good(await api.put("/v1/sources/shop", json=without))
    assert (await stored(hub, "shop"))["verify"] == {
        "mode": "header",
        "header": "x-other",
        "secrets": ["one-secret"],
    }


async def test_a_mask_is_never_taken_for_a_secret(api: httpx.AsyncClient, hub: Hub) -> None:
    good(await api.put("/v1/sources/shop", json=TOKEN), 201)
    masked = {"verify": {**TOKEN["verify"], "secrets": [MASK]}}
    refused(await api.put("/v1/sources/shop", json=masked), 400, "mask_given")
    refused(await api.patch("/v1/sources/shop", json=masked), 400, "mask_given")
    assert (await stored(hub, "shop"))["verify"]["secrets"] == ["one-secret"]


async def test_a_missing_signing_secret_is_made_and_shown_once(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    standard = {"verify": {"mode": "standard"}}
    made = good(await api.put("/v1/sources/signed", json=standard), 201)
    (secret,) = made["verify"]["secrets"]
    assert len(parse_secret(secret)) == 32
    assert (await stored(hub, "signed"))["verify"]["secrets"] == [secret]
    again = good(await api.put("/v1/sources/signed", json=standard))
    assert again["verify"]["secrets"] == [MASK]
    assert (await stored(hub, "signed"))["verify"]["secrets"] == [secret]


async def test_a_signing_secret_that_is_given_is_not_shown(api: httpx.AsyncClient) -> None:
    given = {"verify": {"mode": "standard", "secrets": [new_secret()]}}
    made = good(await api.put("/v1/sources/signed", json=given), 201)
    assert made["verify"]["secrets"] == [MASK]


async def test_a_weak_signing_secret_is_refused_at_its_place(api: httpx.AsyncClient) -> None:
    weak = {"verify": {"mode": "standard", "secrets": [new_secret(), "whsec_c2hvcnQ="]}}
    body = refused(await api.put("/v1/sources/signed", json=weak), 422, "validation")
    assert pointers(body) == [("/verify/secrets/1", None)]
    assert "c2hvcnQ" not in json.dumps(body)


async def test_verification_must_be_said(api: httpx.AsyncClient) -> None:
    body = refused(await api.put("/v1/sources/shop", json={}), 422, "validation")
    assert pointers(body) == [("/verify", None)]
    assert "missing" in body["message"]


async def test_another_mode_does_not_inherit_secrets(api: httpx.AsyncClient) -> None:
    good(await api.put("/v1/sources/shop", json=TOKEN), 201)
    good(await api.put("/v1/sources/shop", json=OPEN))
    without = {"verify": {"mode": "header", "header": "x-token"}}
    body = refused(await api.put("/v1/sources/shop", json=without), 422, "validation")
    assert pointers(body) == [("/verify/secrets", None)]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({**OPEN, "conector": "n8n"}, [("/conector", "Did you mean 'connector'?")]),
        ({"verify": {"mode": "none", "secret": "x"}}, [("/verify/secret", None)]),
        (
            {"verify": {**TOKEN["verify"], "heder": "x"}},
            [("/verify/heder", "Did you mean 'header'?")],
        ),
        (
            {"verify": {"mode": "header", "header": "a b", "secrets": ["12345678", "1"]}},
            [("/verify/header", None), ("/verify/secrets/1", None)],
        ),
        ({"verify": {"mode": "heade"}}, [("/verify/mode", "Did you mean 'header'?")]),
        ({"verify": {}}, [("/verify/mode", None)]),
        ({"verify": "none"}, [("/verify", None)]),
        ({**OPEN, "dedup": {"by": "size"}}, [("/dedup/by", None)]),
        ({**OPEN, "dedup": {"by": "hash", "windw_s": 1}}, [("/dedup/windw_s", "window_s")]),
        ({**OPEN, "max_body_bytes": "many"}, [("/max_body_bytes", None)]),
        ({**OPEN, "max_body_bytes": 0}, [("/max_body_bytes", None)]),
        ({**OPEN, "a/b~c": 1}, [("/a~1b~0c", None)]),
        ({**OPEN, "connector": "n9n"}, [("/connector", "Did you mean 'n8n'?")]),
        ([], [("", None)]),
        ("shop", [("", None)]),
    ],
)
async def test_what_is_wrong_is_named_at_its_place(
    api: httpx.AsyncClient, body: Any, found: list[tuple[str, str | None]]
) -> None:
    problem = refused(await api.put("/v1/sources/shop", json=body), 422, "validation")
    for (place, hint), (wanted_place, wanted_hint) in zip(pointers(problem), found, strict=True):
        assert place == wanted_place
        assert (wanted_hint or "") in (hint or "")
    assert all(each["severity"] == "error" for each in problem["problems"])


async def test_an_unknown_connector_names_those_there_are(api: httpx.AsyncClient) -> None:
    body = {**OPEN, "connector": "zapier"}
    problem = refused(await api.put("/v1/sources/shop", json=body), 422, "validation")
    assert "known are airtable," in problem["message"]
    assert ", make, n8n, " in problem["message"]


async def test_a_task_that_is_not_there_yet_is_a_warning(api: httpx.AsyncClient) -> None:
    made = good(await api.put("/v1/sources/shop", json={**OPEN, "task": "sell"}), 201)
    assert "'sell'" in made["warnings"][0]


async def test_a_patch_changes_only_what_it_names(api: httpx.AsyncClient, hub: Hub) -> None:
    good(await api.put("/v1/sources/shop", json={**TOKEN, "dedup": {"by": "hash"}}), 201)
    changed = good(await api.patch("/v1/sources/shop", json={"max_body_bytes": 10}))
    assert (changed["max_body_bytes"], changed["connector"]) == (10, "n8n")
    good(await api.patch("/v1/sources/shop", json={"verify": {"header": "x-new"}, "dedup": None}))
    body = await stored(hub, "shop")
    assert "dedup" not in body
    assert body["verify"] == {"mode": "header", "header": "x-new", "secrets": ["one-secret"]}
    good(await api.patch("/v1/sources/shop", json={"verify": {"mode": "none"}}))
    assert (await stored(hub, "shop"))["verify"] == {"mode": "none"}


async def test_a_patch_is_checked_as_a_whole(api: httpx.AsyncClient) -> None:
    good(await api.put("/v1/sources/shop", json=OPEN), 201)
    body = refused(await api.patch("/v1/sources/shop", json={"verify": None}), 422, "validation")
    assert pointers(body) == [("/verify", None)]
    refused(await api.patch("/v1/sources/shop", json=[1]), 422, "validation")


async def test_what_is_not_there_is_404(api: httpx.AsyncClient) -> None:
    refused(await api.get("/v1/sources/none"), 404, "source_unknown")
    refused(await api.delete("/v1/sources/none"), 404, "source_unknown")
    refused(await api.patch("/v1/sources/none", json={}), 404, "source_unknown")


async def test_a_source_is_removed(api: httpx.AsyncClient, hub: Hub) -> None:
    good(await api.put("/v1/sources/shop", json=OPEN), 201)
    response = await api.delete("/v1/sources/shop")
    assert (response.status_code, response.content) == (204, b"")
    assert "shop" not in hub.catalog.now.sources
    good(await api.put("/v1/sources/shop", json=OPEN), 201)


async def test_what_a_file_sets_is_not_changed_here(api: httpx.AsyncClient, hub: Hub) -> None:
    await hub.ledger.write(PUT, PutObject("source", "filed", json.dumps(OPEN), "file"))
    assert good(await api.get("/v1/sources/filed"))["managed_by"] == "file"
    refused(await api.put("/v1/sources/filed", json=OPEN), 409, "managed_by_file")
    refused(await api.patch("/v1/sources/filed", json={}), 409, "managed_by_file")
    refused(await api.delete("/v1/sources/filed"), 409, "managed_by_file")


@pytest.mark.parametrize("slug", ["Shop", "-shop", "shop-", "a" * 64, "a.b", "sh%C3%B6p", "%20"])
async def test_a_slug_is_lower_case_letters_digits_and_hyphens(
    api: httpx.AsyncClient, slug: str
) -> None:
    refused(await api.put(f"/v1/sources/{slug}", json=OPEN), 400, "slug_invalid")


@pytest.mark.parametrize("slug", ["%00", "a%0Ab", "a%7F"])
async def test_a_path_with_control_characters_is_refused(api: httpx.AsyncClient, slug: str) -> None:
    for response in (await api.get(f"/v1/sources/{slug}"), await api.delete(f"/v1/sources/{slug}")):
        refused(response, 400, "path_invalid")


async def test_what_an_older_hub_accepted_is_still_shown(api: httpx.AsyncClient, hub: Hub) -> None:
    old = {"verify": {"mode": "gone", "secrets": ["s"]}, "flavour": "mint"}
    await hub.ledger.write(PUT, PutObject("source", "old", json.dumps(old)))
    api.event_hooks = {}  # it is as that hub documented it
    shown = good(await api.get("/v1/sources/old"))
    assert (shown["flavour"], shown["verify"]["secrets"]) == ("mint", [MASK])


async def test_the_public_url_stands_in_the_address(api: httpx.AsyncClient, hub: Hub) -> None:
    good(await api.put("/v1/sources/shop", json=OPEN), 201)
    outside = good(await api.get("/v1/sources/shop", headers={"host": "hub.example:8443"}))
    assert outside["url"] == "http://hub.example:8443/in/shop"


@pytest.mark.parametrize(
    ("setting", "pointer"),
    [
        ({"respond": "later"}, "/respond"),
        ({"respond": {"status": 500}}, "/respond/status"),
        ({"respond": {"headers": {"Set-Cookie": "a=b"}}}, "/respond/headers"),
        ({"respond": {"headers": {"X": "a\r\nb: c"}}}, "/respond/headers"),
        ({"respond": {"text": "OK"}}, "/respond/text"),
        ({"respond": "result", "batch": "each"}, ""),
        ({"respond": "result", "wait_s": 301}, "/wait_s"),
    ],
)
async def test_an_answer_that_cannot_be_is_refused(
    api: httpx.AsyncClient, setting: dict[str, Any], pointer: str
) -> None:
    answer = await api.put("/v1/sources/shop", json={"verify": {"mode": "none"}, **setting})
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["problems"]] == [pointer], answer.text


async def test_no_text_of_a_setting_holds_what_no_file_can_say(api: httpx.AsyncClient) -> None:
    body = {"verify": {"mode": "none"}, "event_type": "a\0b"}
    problem = refused(await api.put("/v1/sources/shop", json=body), 422, "validation")
    assert problem["problems"][0]["pointer"] == "/event_type"
