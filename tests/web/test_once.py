"""``Idempotency-Key``: a request that is sent again is not done again, on either database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from sqlalchemy import null, update

from hub.bootstrap import Hub, open_hub
from hub.model.json import dumps_text
from hub.settings import Settings
from hub.store.errand import Actor, Claim, Errand, running
from hub.store.idempotency import CLAIM, RELEASE, Wish
from hub.store.ledger import Write
from hub.store.lookup import where
from hub.store.objects import PUT, PutObject
from hub.store.retention import DROP_AGED, DropAged, ledger_now
from hub.store.schema import idempotency
from hub.store.tx import Tx
from hub.valkey import EmbeddedValkey
from hub.web.routes import build_routes
from tests.databases import prepare
from tests.web.answers import good, refused
from tests.web.conftest import ROOT, KeyOf

RECORDS = "/v1/tables/orders/records"
KEY = {"idempotency-key": "2d5c8b6e"}


@pytest_asyncio.fixture
async def hub(
    database_url: str | None, tmp_path: Path, valkey: EmbeddedValkey, redis: Redis
) -> AsyncIterator[Hub]:
    """A hub on either database."""
    prepare(database_url, tmp_path)
    settings = Settings(data=tmp_path, database_url=database_url)
    async with open_hub(settings, valkey.url) as opened:
        yield opened


async def count(api: httpx.AsyncClient) -> int:
    return len(good(await api.get(RECORDS))["items"])


async def put_off(hub: Hub, **values: Any) -> None:
    """Have every claim be as if time had gone by."""

    def apply(tx: Tx, items: Any) -> list[int]:
        return [tx.run(update(idempotency).values(**values)) for _ in items]

    await hub.ledger.write(Write("put_off", 1000, apply), None)


async def pruned(hub: Hub) -> int:
    """How many expired keys go now."""
    drop = DropAged("idempotency", await hub.ledger.read(ledger_now), 100)
    return (await hub.ledger.write(DROP_AGED, drop)).rows


async def test_the_same_request_has_one_effect_and_the_same_answer(
    api: httpx.AsyncClient,
) -> None:
    first = await api.post(RECORDS, json={"n": 1}, headers=KEY)
    again = await api.post(RECORDS, json={"n": 1}, headers=KEY)
    assert good(first, 201) == good(again, 201)
    assert "idempotency-replayed" not in first.headers
    replayed = dict(again.headers)
    assert replayed.pop("idempotency-replayed") == "true"
    assert replayed == dict(first.headers)
    assert await count(api) == 1
    good(await api.post(RECORDS, json={"n": 1}, headers={"idempotency-key": "another"}), 201)
    assert await count(api) == 2
    assert len(good(await api.get("/v1/audit"))["items"]) == 2


async def test_a_hundred_at_once_have_one_effect(api: httpx.AsyncClient) -> None:
    async def send() -> httpx.Response:
        while True:
            response = await api.post(RECORDS, json={"n": 1}, headers=KEY)
            if response.status_code != 409:
                return response
            refused(response, 409, "idempotency_key_in_use")
            assert int(response.headers["retry-after"]) >= 1
            await asyncio.sleep(0.05)

    answers = await asyncio.gather(*(send() for _ in range(100)))
    assert {(each.status_code, each.text) for each in answers} == {(201, answers[0].text)}
    assert sum("idempotency-replayed" not in each.headers for each in answers) == 1
    assert await count(api) == 1


async def test_another_request_under_the_same_key_is_refused(api: httpx.AsyncClient) -> None:
    good(await api.post(RECORDS, json={"n": 1}, headers=KEY), 201)
    for path, body in ((RECORDS, {"n": 2}), ("/v1/tables/others/records", {"n": 1})):
        response = await api.post(path, json=body, headers=KEY)
        refused(response, 422, "idempotency_key_reused")
    response = await api.post(
        RECORDS, content="n\n1\n", headers={**KEY, "content-type": "text/csv"}
    )
    refused(response, 422, "idempotency_key_reused")
    refused(await api.delete(f"{RECORDS}/1", headers=KEY), 422, "idempotency_key_reused")
    assert await count(api) == 1


async def test_a_key_belongs_to_whoever_sends_it(api: httpx.AsyncClient, key_of: KeyOf) -> None:
    good(await api.post(RECORDS, json={"n": 1}, headers=KEY), 201)
    other = await api.post(RECORDS, json={"n": 1}, headers={**KEY, **await key_of("write")})
    assert "idempotency-replayed" not in other.headers
    assert await count(api) == 2


async def test_puts_patches_and_deletes_may_have_a_key_too(api: httpx.AsyncClient) -> None:
    for method, body in (("put", {"value": "1"}), ("delete", None)):
        key = {"idempotency-key": method}
        first = await api.request(method, "/v1/variables/A", json=body, headers=key)
        again = await api.request(method, "/v1/variables/A", json=body, headers=key)
        assert first.status_code in (201, 204)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["idempotency-replayed"] == "true"
    read = await api.get("/v1/variables", headers=KEY)
    assert "idempotency-replayed" not in read.headers


async def test_a_refusal_is_given_again_and_a_failure_is_not(
    hub: Hub, api: httpx.AsyncClient
) -> None:
    first = await api.post("/v1/keys", json={"name": ""}, headers=KEY)
    again = await api.post("/v1/keys", json={"name": ""}, headers=KEY)
    assert refused(first, 422, "validation") == refused(again, 422, "validation")
    assert again.headers["idempotency-replayed"] == "true"

    broken = {"idempotency-key": "broken"}
    redis, hub.gates._redis = hub.gates._redis, None
    good(await api.put("/v1/destinations/till", json={"url": "https://a.example/"}), 201)
    trip = "/v1/destinations/till/breaker/trip"
    assert (await api.post(trip, headers=broken)).status_code == 500
    hub.gates._redis = redis
    mended = await api.post(trip, headers=broken)
    good(mended)
    assert "idempotency-replayed" not in mended.headers


async def test_a_key_that_is_shown_once_is_shown_again_to_its_maker_alone(
    hub: Hub, api: httpx.AsyncClient
) -> None:
    wish = {"name": "n8n", "scopes": ["read"]}
    made = good(await api.post("/v1/keys", json=wish, headers=KEY), 201)
    assert good(await api.post("/v1/keys", json=wish, headers=KEY), 201) == made
    (row,) = await hub.ledger.read(where, idempotency)
    assert row["answer"].startswith("enc:v1:")
    assert made["key"] not in dumps_text([str(value) for value in row.values()])


@pytest.mark.parametrize("key", ["", " ", '""', "x" * 256, "a b", "a\tb", "a\x7f", "\xfcber"])
async def test_a_key_that_is_none_is_refused(api: httpx.AsyncClient, key: str) -> None:
    sent = {"idempotency-key": key.encode("latin-1")}
    refused(await api.post(RECORDS, json={}, headers=sent), 400, "idempotency_key_invalid")
    assert await count(api) == 0


async def test_two_keys_at_once_are_refused_and_the_longest_one_is_taken(
    api: httpx.AsyncClient,
) -> None:
    both = [("idempotency-key", "a"), ("idempotency-key", "b"), *api.headers.items()]
    refused(await api.post(RECORDS, json={}, headers=both), 400, "idempotency_key_invalid")
    good(await api.post(RECORDS, json={}, headers={"idempotency-key": "x" * 255}), 201)


async def test_a_body_may_be_large_and_come_in_parts(api: httpx.AsyncClient) -> None:
    lines = b"".join(b'{"n": %d, "text": "%s"}\n' % (n, b"x" * 1000) for n in range(6000))

    async def parts() -> AsyncIterator[bytes]:
        for at in range(0, len(lines), 100_000):
            yield lines[at : at + 100_000]

    sent = {**KEY, "content-type": "application/x-ndjson"}
    for replayed in (None, "true"):
        response = await api.post("/v1/tables/orders/import", content=parts(), headers=sent)
        assert good(response, 201) == {"count": 6000}
        assert response.headers.get("idempotency-replayed") == replayed


async def test_what_was_begun_and_not_answered_is_not_done_again(
    hub: Hub, api: httpx.AsyncClient
) -> None:
    good(await api.post(RECORDS, json={"n": 1}, headers=KEY), 201)
    await put_off(hub, answer=null())  # the process was killed behind its commit
    response = await api.post(RECORDS, json={"n": 1}, headers=KEY)
    refused(response, 409, "idempotency_key_in_use")
    assert 1 < int(response.headers["retry-after"]) <= 60
    await put_off(hub, lease_until=0)
    response = await api.post(RECORDS, json={"n": 1}, headers=KEY)
    refused(response, 409, "idempotency_outcome_lost")
    assert await count(api) == 1


async def test_what_was_claimed_and_not_begun_is_taken_over_after_its_lease(
    hub: Hub, api: httpx.AsyncClient
) -> None:
    good(await api.post(RECORDS, json={"n": 1}, headers=KEY), 201)
    await put_off(hub, answer=null(), begun=False)  # killed in front of it
    refused(await api.post(RECORDS, json={"n": 1}, headers=KEY), 409, "idempotency_key_in_use")
    await put_off(hub, lease_until=0)
    taken_over = await api.post(RECORDS, json={"n": 1}, headers=KEY)
    assert "idempotency-replayed" not in taken_over.headers


async def test_who_has_lost_its_claim_can_do_nothing_more(hub: Hub) -> None:
    slow, quick = Claim("key_a", "k", "req_1"), Claim("key_a", "k", "req_2")
    put = PutObject("variable", "A", '{"value":"1","secret":false}')

    async def act(claim: Claim) -> None:
        errand = Errand(hub.ledger, Actor("key", "key_a", "a"), "PUT", claim=claim)
        with running(errand):
            await hub.ledger.write(PUT, put)

    assert (await hub.ledger.write(CLAIM, Wish(slow, "x"))).is_ == "mine"
    await put_off(hub, lease_until=0)
    assert (await hub.ledger.write(CLAIM, Wish(quick, "x"))).is_ == "mine"
    with pytest.raises(Exception, match="under way"):
        await act(slow)
    await hub.catalog.refresh()
    assert "A" not in hub.catalog.now.variables
    await act(quick)
    assert not await hub.ledger.write(RELEASE, quick)  # something of it is committed
    assert (await hub.ledger.write(CLAIM, Wish(slow, "x"))).is_ == "lost"


async def test_after_a_day_a_key_is_free_again(hub: Hub, api: httpx.AsyncClient) -> None:
    good(await api.post(RECORDS, json={"n": 1}, headers=KEY), 201)
    assert await pruned(hub) == 0
    await put_off(hub, expires_at=0)
    good(await api.post(RECORDS, json={"n": 2}, headers=KEY), 201)
    await put_off(hub, expires_at=0)
    assert await pruned(hub) == 1
    assert await count(api) == 2


async def test_two_servers_are_as_one(hub: Hub, api: httpx.AsyncClient) -> None:
    transport = httpx.ASGITransport(build_routes(hub))
    async with httpx.AsyncClient(transport=transport, base_url=ROOT, headers=api.headers) as other:
        first, second = await asyncio.gather(
            *(each.post(RECORDS, json={"n": 1}, headers=KEY) for each in (api, other))
        )
        assert sorted([first.status_code, second.status_code]) in ([201, 201], [201, 409])
        again = await other.post(RECORDS, json={"n": 1}, headers=KEY)
        assert again.headers["idempotency-replayed"] == "true"
    assert await count(api) == 1
