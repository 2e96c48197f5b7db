"""A source may ask for one of the hub's API keys: each sender has its own, and can lose it."""

import json
from typing import Any

import httpx
import pytest

from hub.web.guesses import WRONG
from tests.program import Driven

OPEN_TO_KEYS = {"verify": {"mode": "key"}}


@pytest.fixture
def database_url() -> None:
    """SQLite: who may send does not depend on the database."""


async def key(hub: Driven, *scopes: str) -> dict[str, Any]:
    answer = await hub.api.post("/v1/keys", json={"name": "shop", "scopes": scopes})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def send(hub: Driven, text: str | None, body: str = '{"n":1}') -> httpx.Response:
    headers = {"authorization": "" if text is None else f"Bearer {text}"}
    return await hub.api.post("/in/shop", content=body, headers=headers)


async def test_a_key_for_ingest_may_send_until_it_is_revoked(hub: Driven) -> None:
    await hub.put("/v1/sources/shop", OPEN_TO_KEYS)
    made = await key(hub, "ingest")
    taken = await send(hub, made["key"])
    assert taken.status_code == 202, taken.text
    event = json.dumps(await hub.get(f"/v1/events/{taken.json()['event_id']}"))
    assert made["key"] not in event
    assert (await hub.api.delete(f"/v1/keys/{made['id']}")).status_code == 204
    late = await send(hub, made["key"])
    assert (late.status_code, late.json()["code"]) == (401, "token_wrong")


async def test_whoever_has_no_such_key_is_told_what_to_send_and_the_rest_is_kept(
    hub: Driven,
) -> None:
    await hub.put("/v1/sources/shop", OPEN_TO_KEYS)
    others = await key(hub, "read", "write", "run", "publish")
    refused = {
        "missing": (await send(hub, None), "token_missing", "'ingest'"),
        "unknown": (await send(hub, "hub_nobody"), "token_wrong", "revoked"),
        "others": (await send(hub, others["key"]), "token_wrong", "'ingest'"),
    }
    for answer, code, says in refused.values():
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert says in answer.json()["message"]
    kept = (await hub.get("/v1/events?source=shop"))["items"]
    assert [each["fate"] for each in kept] == ["rejected"] * len(refused)
    assert others["key"] not in json.dumps(kept)


async def test_an_admin_s_key_may_send_as_well(hub: Driven) -> None:
    await hub.put("/v1/sources/shop", OPEN_TO_KEYS)
    admin = hub.api.headers["authorization"].removeprefix("Bearer ")
    assert (await send(hub, admin)).status_code == 202


async def test_whoever_guesses_is_looked_at_no_more_and_who_is_known_goes_on(hub: Driven) -> None:
    await hub.put("/v1/sources/shop", OPEN_TO_KEYS)
    made = await key(hub, "ingest")
    assert (await send(hub, made["key"])).status_code == 202
    answers = [await send(hub, f"hub_guess-{n}") for n in range(WRONG.requests + 5)]
    assert {each.status_code for each in answers[: WRONG.requests]} == {401}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    kept = (await hub.get("/v1/events?source=shop&fate=rejected&limit=500"))["items"]
    assert len(kept) == sum(each.status_code == 401 for each in answers)
    assert (await send(hub, made["key"], '{"n":2}')).status_code == 202


async def test_it_has_no_secret_to_rotate_and_no_proof_to_try_it_with(hub: Driven) -> None:
    await hub.put("/v1/sources/shop", OPEN_TO_KEYS)
    rotated = await hub.api.post("/v1/sources/shop/rotate", json={})
    assert (rotated.status_code, rotated.json()["code"]) == (409, "secret_none")
    tried = await hub.api.post("/v1/sources/shop/test", json={})
    assert (tried.status_code, tried.json()["code"]) == (400, "proof_impossible")
    assert "'ingest'" in tried.json()["message"]
