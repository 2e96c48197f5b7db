import httpx

from hub.bootstrap import Hub
from hub.model.delivery import DeliveryStatus
from tests.web.answers import good, refused
from tests.web.conftest import KeyOf
from tests.web.work import attempt, deliver, record


async def test_a_delivery_is_shown_with_its_attempts(api: httpx.AsyncClient, hub: Hub) -> None:
    delivery_id = await deliver(hub)
    waiting = good(await api.get(f"/v1/deliveries/{delivery_id}"))
    assert (waiting["status"], waiting["attempts"], waiting["reason"]) == ("pending", [], None)
    assert (waiting["body"], waiting["body_encoding"]) != (None, None)
    assert waiting["next_attempt_at"] is not None
    await attempt(hub, DeliveryStatus.RETRYING)
    await attempt(hub, DeliveryStatus.DEAD)
    dead = good(await api.get(f"/v1/deliveries/{delivery_id}"))
    assert (dead["status"], dead["reason"], dead["next_attempt_at"]) == ("dead", "because", None)
    first, second = dead["attempts"]
    assert (first["n"], second["n"]) == (1, 2)
    assert second == {
        "id": second["id"],
        "n": 2,
        "started_at": second["started_at"],
        "duration_ms": 5,
        "status_code": 200,
        "outcome": "dead",
        "message": "Said.",
        "response_body": "body",
    }


async def test_deliveries_are_listed_by_what_they_are(api: httpx.AsyncClient, hub: Hub) -> None:
    event_id = await record(hub)
    first = await deliver(hub, event_id=event_id)
    await attempt(hub, DeliveryStatus.DELIVERED)
    second = await deliver(hub)
    run_id = good(await api.get(f"/v1/deliveries/{second}"))["run_id"]

    async def ids(query: str) -> list[str]:
        return [item["id"] for item in good(await api.get(f"/v1/deliveries?{query}"))["items"]]

    assert await ids("") == [second, first]
    assert await ids("destination=till") == [second, first]
    assert await ids("destination=mint") == []
    assert await ids("status=delivered") == [first]
    assert await ids(f"event_id={event_id}") == [first]
    assert await ids(f"run_id={run_id}&status=pending") == [second]
    refused(await api.get("/v1/deliveries?status=lost"), 400, "query_invalid")
    page = good(await api.get("/v1/deliveries?limit=1"))
    assert [item["id"] for item in good(await api.get(page["next"]))["items"]] == [first]


async def test_an_ended_delivery_is_sent_again(api: httpx.AsyncClient, hub: Hub) -> None:
    delivery_id = await deliver(hub)
    await attempt(hub, DeliveryStatus.DEAD)
    told = good(await api.post(f"/v1/deliveries/{delivery_id}/replay"), 202)
    assert told["status"] == "pending"
    again = good(await api.get(told["url"]))
    assert (again["status"], again["reason"], len(again["attempts"])) == ("pending", None, 1)


async def test_a_delivery_under_way_is_not_sent_twice(api: httpx.AsyncClient, hub: Hub) -> None:
    delivery_id = await deliver(hub)
    response = await api.post(f"/v1/deliveries/{delivery_id}/replay")
    refused(response, 409, "delivery_under_way")


async def test_a_reader_does_not_replay(api: httpx.AsyncClient, hub: Hub, key_of: KeyOf) -> None:
    path = f"/v1/deliveries/{await deliver(hub)}/replay"
    refused(await api.post(path, headers=await key_of("read")), 403, "forbidden")


async def test_an_unknown_delivery_is_404(api: httpx.AsyncClient) -> None:
    for path in ("dlv_" + "0" * 32, "x"):
        refused(await api.get(f"/v1/deliveries/{path}"), 404, "delivery_unknown")
        refused(await api.post(f"/v1/deliveries/{path}/replay"), 404, "delivery_unknown")
