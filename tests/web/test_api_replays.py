"""Many deliveries at once, one rendered anew or edited, and what is cancelled."""

from typing import Any

import httpx
import pytest

from hub.bootstrap import Hub
from hub.model.delivery import DeliveryStart, DeliveryStatus
from hub.model.ids import new_id
from hub.model.masking import MASK
from hub.model.time import from_iso, to_iso
from hub.store.deliveries import START_DELIVERY
from hub.store.due import claim_any
from hub.store.lookup import one
from hub.store.schema import deliveries
from tests.web.answers import good, pointers, refused
from tests.web.conftest import KeyOf
from tests.web.work import LEASE_US, attempt, deliver, record

S = 1_000_000


async def send(hub: Hub, destination: str = "till", **more: Any) -> str:
    """Queue a delivery."""
    given = {"id": new_id("dlv"), "destination": destination, "body": b'{"n":1}', **more}
    start = DeliveryStart(**{"content_type": "text/a", "idempotency_key": "key", **given})
    await hub.ledger.write(START_DELIVERY, start)
    return start.id


async def dead(hub: Hub, *destinations: str, **more: Any) -> list[str]:
    return [await send(hub, each, failure="It is broken.", **more) for each in destinations]


async def stored(hub: Hub, delivery_id: str) -> dict[str, Any]:
    row = await hub.ledger.read(one, deliveries, id=delivery_id)
    assert row is not None
    return row


async def status(hub: Hub, *ids: str) -> list[str]:
    return [(await stored(hub, each))["status"] for each in ids]


async def shop(api: httpx.AsyncClient, **more: Any) -> None:
    await api.put("/v1/sources/shop", json={"verify": {"mode": "none"}})
    body = {"connector": "standard", "url": "https://till.example/x", **more}
    assert (await api.put("/v1/destinations/till", json=body)).status_code in (200, 201)


async def test_dead_letters_are_sent_again_together(api: httpx.AsyncClient, hub: Hub) -> None:
    ids = await dead(hub, "till", "till", "desk")
    wish = {"filter": {"destination": "till"}, "rate_per_s": 2, "dry_run": True}
    plan = good(await api.post("/v1/replays", json=wish))
    made = [to_iso((await stored(hub, each))["created_at"]) for each in ids]
    assert plan == {
        "dry_run": True,
        "count": 2,
        "left": 0,
        "oldest": made[0],
        "newest": made[1],
        "by_destination": {"till": 2},
        "takes_s": 1.0,
    }
    assert await status(hub, *ids) == ["dead"] * 3
    told = good(await api.post("/v1/replays", json={**wish, "dry_run": False}), 202)
    assert told == {"count": 2, "left": 0, "takes_s": 1.0}
    assert await status(hub, *ids) == ["pending", "pending", "dead"]
    first, second = [await stored(hub, each) for each in ids[:2]]
    assert second["due_at"] - first["due_at"] == S // 2
    whole = good(await api.post("/v1/replays", json={}), 202)
    assert whole == {"count": 1, "left": 0, "takes_s": 0.05}
    nothing = good(await api.post("/v1/replays", json={"dry_run": True}))
    assert (nothing["count"], nothing["oldest"], nothing["newest"]) == (0, None, None)
    assert (nothing["by_destination"], nothing["takes_s"]) == ({}, 0.0)


async def test_a_limit_takes_the_oldest_and_tells_how_many_are_left(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    ids = await dead(hub, *["till"] * 5)
    plan = good(await api.post("/v1/replays", json={"limit": 2, "dry_run": True}))
    assert (plan["count"], plan["left"], plan["by_destination"]) == (2, 3, {"till": 2})
    told = good(await api.post("/v1/replays", json={"limit": 2}), 202)
    assert (told["count"], told["left"]) == (2, 3)
    assert await status(hub, *ids) == ["pending"] * 2 + ["dead"] * 3


async def test_other_endings_are_replayed_where_they_are_named(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    event_id = await record(hub)
    delivered = await deliver(hub, event_id=event_id)
    run_id = (await stored(hub, delivered))["run_id"]
    await attempt(hub, DeliveryStatus.DELIVERED)
    gone = await send(hub)
    good(await api.post(f"/v1/deliveries/{gone}/cancel"))

    async def count(**given: Any) -> int:
        wish = {"filter": given, "dry_run": True}
        number: int = good(await api.post("/v1/replays", json=wish))["count"]
        return number

    assert await count() == 0
    assert await count(status="cancelled") == 1
    assert await count(status="delivered", run_id=run_id, event_id=event_id) == 1
    assert await count(status="delivered", run_id="run_" + "0" * 32) == 0
    assert await count(status="delivered", event_id=None, since="2020-01-01") == 1
    assert await count(status="delivered", until="2020-01-01T00:00:00+01:00") == 0
    assert await count(status="delivered", until="9999-12-31T23:59:59Z") == 1
    told = good(await api.post("/v1/replays", json={"filter": {"status": "cancelled"}}), 202)
    assert told["count"] == 1
    assert await status(hub, delivered, gone) == ["delivered", "pending"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"filter": {"status": "pending"}}, "/filter/status"),
        ({"filter": {"status": None}}, "/filter/status"),
        ({"filter": {"state": "dead"}}, "/filter/state"),
        ({"filter": {"destination": ""}}, "/filter/destination"),
        ({"filter": {"destination": "a\x00b"}}, "/filter/destination"),
        ({"filter": {"destination": 7}}, "/filter/destination"),
        ({"filter": {"destination": ["till"]}}, "/filter/destination"),
        ({"filter": {"event_id": "1"}}, "/filter/event_id"),
        ({"filter": {"event_id": "run_" + "0" * 32}}, "/filter/event_id"),
        ({"filter": {"run_id": "run_" + "0" * 32 + "\n"}}, "/filter/run_id"),
        ({"filter": {"since": "yesterday"}}, "/filter/since"),
        ({"filter": {"since": ""}}, "/filter/since"),
        ({"filter": {"since": 1700000000}}, "/filter/since"),
        ({"filter": {"until": "2026-02-30"}}, "/filter/until"),
        ({"filter": {"since": "2026-02-02", "until": "2026-02-01"}}, "/filter"),
        ({"filter": []}, "/filter"),
        ({"filter": None}, "/filter"),
        ({"filter": "dead"}, "/filter"),
        ({"rate_per_s": 0}, "/rate_per_s"),
        ({"rate_per_s": -1}, "/rate_per_s"),
        ({"rate_per_s": 1e-9}, "/rate_per_s"),
        ({"rate_per_s": 1e9}, "/rate_per_s"),
        ({"rate_per_s": "20"}, "/rate_per_s"),
        ({"rate_per_s": True}, "/rate_per_s"),
        ({"limit": 0}, "/limit"),
        ({"limit": 1.5}, "/limit"),
        ({"limit": 100_001}, "/limit"),
        ({"dry_run": "yes"}, "/dry_run"),
        ({"dry_run": 1}, "/dry_run"),
        ({"dryrun": True}, "/dryrun"),
        ([], ""),
    ],
)
async def test_a_replay_that_is_not_meant_so_is_refused(
    api: httpx.AsyncClient, hub: Hub, body: Any, pointer: str
) -> None:
    (letter,) = await dead(hub, "till")
    problem = refused(await api.post("/v1/replays", json=body), 422, "validation")
    assert [each for each, _ in pointers(problem)] == [pointer]
    assert await status(hub, letter) == ["dead"]


async def test_a_replay_of_nothing_said_at_all_is_refused(
    api: httpx.AsyncClient, hub: Hub, key_of: KeyOf
) -> None:
    (letter,) = await dead(hub, "till")
    refused(await api.post("/v1/replays"), 400, "json_broken")
    refused(await api.post("/v1/replays", content='{"rate_per_s": NaN}'), 400, "json_broken")
    for path in ("/v1/replays", "/v1/deliveries/cancel", f"/v1/deliveries/{letter}/cancel"):
        refused(await api.post(path, json={}, headers=await key_of("read")), 403, "forbidden")
    assert await status(hub, letter) == ["dead"]


async def test_a_waiting_delivery_is_cancelled_for_a_reason(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    first, second = [await send(hub, ordering_key="till:a") for _ in range(2)]
    shown = good(await api.post(f"/v1/deliveries/{first}/cancel", json={"reason": "A mistake."}))
    assert (shown["status"], shown["reason"]) == ("cancelled", "A mistake.")
    assert shown["finished_at"] is not None
    assert shown["next_attempt_at"] is None
    (claimed,) = await claim_any(hub.ledger, "wrk_1", 10, LEASE_US)
    assert claimed.id == second
    refused(await api.post(f"/v1/deliveries/{first}/cancel"), 409, "delivery_ended")
    refused(await api.post(f"/v1/deliveries/{second}/cancel"), 409, "delivery_under_way")
    assert await status(hub, first, second) == ["cancelled", "delivering"]
    good(await api.post(f"/v1/deliveries/{first}/replay"), 202)
    assert await status(hub, first) == ["pending"]


@pytest.mark.parametrize("ending", [DeliveryStatus.DEAD, DeliveryStatus.DELIVERED])
async def test_what_has_ended_is_not_cancelled(
    api: httpx.AsyncClient, hub: Hub, ending: DeliveryStatus
) -> None:
    delivery_id = await send(hub)
    await attempt(hub, ending)
    problem = refused(await api.post(f"/v1/deliveries/{delivery_id}/cancel"), 409, "delivery_ended")
    assert ending.value in problem["message"]


@pytest.mark.parametrize("reason", ["", "x" * 1001, 7, None, "a\x00b"])
async def test_a_reason_is_a_short_text(api: httpx.AsyncClient, hub: Hub, reason: Any) -> None:
    delivery_id = await send(hub)
    path = f"/v1/deliveries/{delivery_id}/cancel"
    problem = refused(await api.post(path, json={"reason": reason}), 422, "validation")
    assert pointers(problem) == [("/reason", None)]
    assert await status(hub, delivery_id) == ["pending"]


async def test_what_waits_for_a_destination_is_cancelled(api: httpx.AsyncClient, hub: Hub) -> None:
    ids = [await send(hub, each) for each in ("till", "till", "desk")]
    (letter,) = await dead(hub, "till")
    wish = {"filter": {"destination": "till"}, "dry_run": True}
    plan = good(await api.post("/v1/deliveries/cancel", json=wish))
    assert (plan["count"], plan["by_destination"]) == (2, {"till": 2})
    assert (plan["dry_run"], plan["left"]) == (True, 0)
    assert await status(hub, *ids) == ["pending"] * 3
    wish = {"filter": {"destination": "till"}, "reason": "The till is gone."}
    told = good(await api.post("/v1/deliveries/cancel", json=wish))
    assert told == {"count": 2, "left": 0}
    assert await status(hub, *ids, letter) == ["cancelled", "cancelled", "pending", "dead"]
    assert (await stored(hub, ids[0]))["reason"] == "The till is gone."
    assert good(await api.post("/v1/deliveries/cancel", json=wish)) == {"count": 0, "left": 0}
    wish = {"filter": {"since": "2020-01-01", "until": "2999-01-01"}}
    assert good(await api.post("/v1/deliveries/cancel", json=wish))["count"] == 1


@pytest.mark.parametrize(
    "body", [None, {}, {"filter": {}}, {"dry_run": True}, {"filter": {"destination": None}}]
)
async def test_everything_is_not_cancelled_by_a_slip(
    api: httpx.AsyncClient, hub: Hub, body: Any
) -> None:
    delivery_id = await send(hub)
    answer = await api.post("/v1/deliveries/cancel", **({"json": body} if body is not None else {}))
    problem = refused(answer, 422, "validation")
    assert "destination" in problem["message"]
    assert await status(hub, delivery_id) == ["pending"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"filter": {"status": "dead"}}, "/filter/status"),
        ({"filter": {"destination": "till", "rate": 1}}, "/filter/rate"),
        ({"filter": {"destination": "till"}, "rate_per_s": 1}, "/rate_per_s"),
        ({"filter": {"since": "now"}}, "/filter/since"),
        ({"filter": {"destination": "till"}, "reason": ""}, "/reason"),
    ],
)
async def test_a_cancellation_that_is_not_meant_so_is_refused(
    api: httpx.AsyncClient, hub: Hub, body: Any, pointer: str
) -> None:
    delivery_id = await send(hub)
    problem = refused(await api.post("/v1/deliveries/cancel", json=body), 422, "validation")
    assert [each for each, _ in pointers(problem)] == [pointer]
    assert await status(hub, delivery_id) == ["pending"]


async def test_a_delivery_is_edited_and_sent_as_another_one(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    event_id = await record(hub)
    (old,) = await dead(hub, "till", event_id=event_id, ordering_key="till:a")
    for body in ({"n": 2}, None, "text", [1], 12345678901234567890123, ""):
        answer = await api.post(f"/v1/deliveries/{old}/replay", json={"body": body})
        told = good(answer, 202)
        assert (told["edited_from"], told["status"]) == (old, "pending")
        assert answer.headers["location"] == told["url"]
        new = await stored(hub, told["id"])
        assert new["id"] != old
        assert new["idempotency_key"] == f"key:edited:{new['id']}"
        assert new["content_type"] == "application/json"
        assert httpx.Response(200, content=bytes(new["body"])).json() == body
        assert (new["event_id"], new["destination"]) == (event_id, "till")
        assert (new["ordering_key"], new["reason"], new["attempts"]) == ("till:a", None, 0)
        assert good(await api.get(told["url"]))["status"] in ("pending", "held")
    assert await status(hub, old) == ["dead"]
    assert (await stored(hub, old))["reason"] == "It is broken."


async def test_one_that_waits_is_edited_and_one_under_way_is_not(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    waiting = await send(hub)
    path, wish = f"/v1/deliveries/{waiting}/replay", {"body": {"n": 2}}
    good(await api.post(path, json=wish), 202)
    assert await status(hub, waiting) == ["pending"]
    await claim_any(hub.ledger, "wrk_1", 10, LEASE_US)
    refused(await api.post(path, json=wish), 409, "delivery_under_way")
    refused(await api.post(path), 409, "delivery_under_way")
    refused(await api.post(path, json={"render": True}), 409, "delivery_under_way")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"render": True, "body": 1}, ""),
        ({"render": True, "body": None}, ""),
        ({"render": "yes"}, "/render"),
        ({"rendered": True}, "/rendered"),
        ({"reason": "x"}, "/reason"),
        ([], ""),
    ],
)
async def test_a_wish_that_is_none_is_refused(
    api: httpx.AsyncClient, hub: Hub, body: Any, pointer: str
) -> None:
    (old,) = await dead(hub, "till")
    answer = await api.post(f"/v1/deliveries/{old}/replay", json=body)
    assert [each for each, _ in pointers(refused(answer, 422, "validation"))] == [pointer]
    assert await status(hub, old) == ["dead"]


async def test_a_mask_is_not_sent(api: httpx.AsyncClient, hub: Hub) -> None:
    (old,) = await dead(hub, "till")
    path = f"/v1/deliveries/{old}/replay"
    refused(await api.post(path, json={"body": {"deep": [MASK]}}), 400, "mask_given")
    assert len(good(await api.get("/v1/deliveries"))["items"]) == 1
    (bare,) = await dead(hub, "till", body=f'"{MASK}"'.encode())
    good(await api.post(f"/v1/deliveries/{bare}/replay", json={"body": [MASK]}), 202)


async def test_a_delivery_is_rendered_again_by_the_transform_as_it_is(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    await shop(api, transform={"wrong": "{{n}}"})
    event_id = await record(hub, b'{"n": 7}', [["content-type", "application/json"]])
    (old,) = await dead(hub, "till", event_id=event_id)
    transform = {"right": "{{n + 1}}", "of": "{{source}}", "type": "{{event_type}}"}
    await shop(api, transform=transform)
    told = good(await api.post(f"/v1/deliveries/{old}/replay", json={"render": True}), 202)
    assert told["id"] == old
    row = await stored(hub, old)
    assert bytes(row["body"]) == b'{"right":8,"of":"shop","type":"order.made"}'
    assert (row["content_type"], row["idempotency_key"]) == ("application/json", "key")
    assert (row["status"], bool(row["replayed"])) == ("pending", True)


async def test_what_cannot_be_rendered_again_says_why(api: httpx.AsyncClient, hub: Hub) -> None:
    await shop(api)
    secret = [["content-type", "application/json"], ["x-token", MASK]]
    event_id = await record(hub, b'{"n": "x"}', secret)

    async def asked(delivery_id: str, status: int, code: str) -> None:
        before = await stored(hub, delivery_id)
        answer = await api.post(f"/v1/deliveries/{delivery_id}/replay", json={"render": True})
        refused(answer, status, code)
        assert await stored(hub, delivery_id) == before

    (of_event,) = await dead(hub, "till", event_id=event_id)
    (of_none,) = await dead(hub, "till")
    (of_run,) = await dead(hub, "till", event_id=event_id, run_id=new_id("run"))
    (elsewhere,) = await dead(hub, "desk", event_id=event_id)
    (forgotten,) = await dead(hub, "till", event_id=new_id("evt"))
    waiting = await send(hub, event_id=event_id)
    await asked(of_none, 409, "delivery_without_event")
    await asked(of_run, 409, "delivery_of_run")
    await asked(of_event, 409, "transform_missing")
    await asked(elsewhere, 409, "transform_missing")
    await asked(waiting, 409, "delivery_under_way")
    await shop(api, ordering={"key": "{{n}}"})
    await asked(of_event, 409, "transform_missing")
    await shop(api, transform={"n": "{{to_int(n)}}"})
    await asked(of_event, 409, "transform_failed")
    await asked(forgotten, 409, "event_gone")
    await shop(api, transform={"t": "{{headers['x-token']}}"})
    await asked(of_event, 409, "transform_masked")
    await api.delete("/v1/sources/shop")
    await asked(of_event, 404, "source_unknown")


async def test_deliveries_are_listed_by_when_they_were_made(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    first, second, third = [await send(hub) for _ in range(3)]
    made = good(await api.get(f"/v1/deliveries/{second}"))["created_at"]

    async def ids(query: str) -> list[str]:
        return [item["id"] for item in good(await api.get(f"/v1/deliveries?{query}"))["items"]]

    assert await ids(f"since={made}") == [third, second]
    assert await ids(f"until={made}") == [first]
    assert await ids(f"since={made}&status=undelivered&destination=till") == [third, second]
    after = to_iso(from_iso(made) + 1)
    assert await ids(f"since={made}&until={after}&status=pending") == [second]
    assert await ids(f"since={after}&until={made}") == []
    assert await ids("since=2020-01-01&until=2020-01-02") == []
    assert await ids("since=0001-01-01T00:00:00%2B14:00") == [third, second, first]
    page = good(await api.get(f"/v1/deliveries?since={made}&limit=1"))
    rest = good(await api.get(page["next"]))
    assert ([item["id"] for item in rest["items"]], rest["next"]) == ([second], None)
    for name in ("since", "until"):
        for wrong in ("yesterday", "", "2026-13-01", "1700000000000", f"{made}&{name}={made}"):
            answer = await api.get(f"/v1/deliveries?{name}={wrong}")
            refused(answer, 400, "query_invalid")


async def test_an_unknown_delivery_is_neither_cancelled_nor_edited(api: httpx.AsyncClient) -> None:
    for name in ("dlv_" + "0" * 32, "x", "cancel"):
        refused(await api.post(f"/v1/deliveries/{name}/cancel"), 404, "delivery_unknown")
        answer = await api.post(f"/v1/deliveries/{name}/replay", json={"body": 1})
        refused(answer, 404, "delivery_unknown")


async def test_deliveries_are_meant_by_their_ids_or_by_why_they_ended(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    first, second, third = await dead(hub, "till", "till", "desk")
    other = await send(hub, failure="Something else.")
    named = {"filter": {"ids": [third, first]}}
    plan = good(await api.post("/v1/replays", json={**named, "dry_run": True}))
    assert plan["by_destination"] == {"desk": 1, "till": 1}
    assert good(await api.post("/v1/replays", json=named), 202)["count"] == 2
    assert await status(hub, first, second, third) == ["pending", "dead", "pending"]
    why = {"filter": {"reason": "It is broken."}}
    assert good(await api.post("/v1/replays", json=why), 202)["count"] == 1
    listed = good(await api.get("/v1/deliveries?status=dead&reason=Something%20else."))
    assert [each["id"] for each in listed["items"]] == [other]
    assert good(await api.post("/v1/deliveries/cancel", json=named))["count"] == 2
    assert await status(hub, first, second, third) == ["cancelled", "pending", "cancelled"]


@pytest.mark.parametrize("ids", [[], ["evt_1"], "dlv_1", ["dlv_" + "0" * 32] * 501])
async def test_ids_that_are_none_are_refused(api: httpx.AsyncClient, ids: Any) -> None:
    for path in ("/v1/replays", "/v1/deliveries/cancel"):
        wish = {"filter": {"ids": ids}, "dry_run": True}
        refused(await api.post(path, json=wish), 422, "validation")


async def test_dead_letters_are_counted_by_destination_and_reason(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    ids = await dead(hub, "till", "desk", "till")
    await send(hub, failure="Something else.")
    await send(hub)
    made = [to_iso((await stored(hub, each))["created_at"]) for each in ids]
    told = good(await api.get("/v1/dead-letters"))
    assert (told["count"], told["more"]) == (4, False)
    assert told["items"][0] == {
        "destination": "till",
        "reason": "It is broken.",
        "count": 2,
        "oldest": made[0],
        "newest": made[2],
    }
    assert [(each["destination"], each["count"]) for each in told["items"][1:]] == [
        ("desk", 1),
        ("till", 1),
    ]
    of_desk = good(await api.get("/v1/dead-letters?destination=desk"))
    assert [each["destination"] for each in of_desk["items"]] == ["desk"]
    later = good(await api.get("/v1/dead-letters?since=2100-01-01T00:00:00Z"))
    assert later == {"items": [], "count": 0, "more": False}
    refused(await api.get("/v1/dead-letters?since=soon"), 400, "query_invalid")


async def test_a_body_of_another_type_is_sent_as_it_was_written(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    delivery_id = await send(hub, url="https://till.example/x", ordering_key="till 1")
    path = f"/v1/deliveries/{delivery_id}"
    assert good(await api.get(path))["url"] == "https://till.example/x"
    wish = {"body": "a=1&b=%20", "content_type": "application/x-www-form-urlencoded"}
    told = good(await api.post(f"{path}/replay", json=wish), 202)
    row = await stored(hub, told["id"])
    assert (row["body"], row["content_type"]) == (b"a=1&b=%20", wish["content_type"])
    assert good(await api.get(told["url"]))["ordering_key"] == "till 1"
    wish = {"body": "text", "content_type": "application/problem+json"}
    told = good(await api.post(f"{path}/replay", json=wish), 202)
    assert (await stored(hub, told["id"]))["body"] == b'"text"'


@pytest.mark.parametrize(
    "wish",
    [
        {"content_type": "text/plain"},
        {"body": {"n": 1}, "content_type": "text/plain"},
        {"body": "text", "content_type": "text"},
        {"body": "text", "content_type": "text/plain\r\nx-evil: 1"},
        {"body": "text", "content_type": "text/" + "x" * 200},
        {"body": MASK, "content_type": "text/plain"},
    ],
)
async def test_a_body_that_does_not_fit_its_type_is_refused(
    api: httpx.AsyncClient, hub: Hub, wish: dict[str, Any]
) -> None:
    path = f"/v1/deliveries/{await send(hub)}/replay"
    is_masked = wish.get("body") == MASK
    code = "mask_given" if is_masked else "validation"
    refused(await api.post(path, json=wish), 400 if is_masked else 422, code)
