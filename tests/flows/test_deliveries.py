"""A destination that is slow, full, starting or broken costs time, not events."""

import json

from tests.program import STACKS, Driven
from tests.sink import Answer, Sink

STACK = """
{ task: "pass_on", source: "shop", function_stack: [
  { function: "deliver", destination: "make", payload: { order: "{{order}}" } },
] }
"""
N8N_ANSWERS = STACKS.parent / "connectors/n8n/samples/answers.json"


async def send(hub: Driven) -> str:
    """Send an order; gives the id of its delivery."""
    await hub.put("/v1/stacks/orders", STACK)
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
    accepted = (await hub.api.post("/in/shop", json={"order": 1})).json()
    await hub.until(f"/v1/runs/{accepted['run_id']}", status="succeeded")
    (delivery,) = (await hub.get(f"/v1/deliveries?run_id={accepted['run_id']}"))["items"]
    found: str = delivery["id"]
    return found


async def test_a_refusal_is_tried_again_with_the_same_key(hub: Driven, make: Sink) -> None:
    make.answer = lambda n, request: Answer(503, "busy") if n < 2 else Answer()
    delivery = await hub.until(f"/v1/deliveries/{await send(hub)}", status="delivered")
    assert [each["outcome"] for each in delivery["attempts"]] == ["retry", "retry", "delivered"]
    assert [each["status_code"] for each in delivery["attempts"]] == [503, 503, 200]
    requests = make.requests
    assert len({request.key for request in requests}) == 1
    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert {request.body for request in requests} == {b'{"order":1}'}


async def test_a_delivery_that_is_never_taken_ends_as_a_dead_letter_and_can_be_replayed(
    hub: Driven, make: Sink
) -> None:
    make.answer = lambda n, request: Answer(500, "broken")
    path = f"/v1/deliveries/{await send(hub)}"
    dead = await hub.until(path, status="dead")
    assert len(dead["attempts"]) == 4
    assert "4 attempts" in dead["reason"]
    make.answer = lambda n, request: Answer()
    assert (await hub.api.post(f"{path}/replay")).status_code in (200, 202)
    alive = await hub.until(path, status="delivered")
    assert len(alive["attempts"]) == 5
    assert len({request.key for request in make.requests}) == 1


async def test_a_full_queue_at_make_uses_up_no_attempt(hub: Driven, make: Sink) -> None:
    full = Answer(400, "Queue is full", (("retry-after", "0"),))
    make.answer = lambda n, request: full if n < 1 else Answer()
    delivery_id = await send(hub)
    waiting = await hub.until(f"/v1/deliveries/{delivery_id}", status="retrying")
    assert waiting["attempts"][0]["outcome"] == "back_pressure"
    assert "full" in waiting["reason"]


async def test_a_make_scenario_that_is_gone_is_not_tried_again(hub: Driven, make: Sink) -> None:
    make.answer = lambda n, request: Answer(410, "Gone")
    held = await hub.until(f"/v1/deliveries/{await send(hub)}", status="held")
    assert [each["outcome"] for each in held["attempts"]] == ["gone"]
    assert "turn the scenario on" in held["reason"]


async def test_an_n8n_that_is_starting_up_has_not_taken_anything(hub: Driven, make: Sink) -> None:
    answers = json.loads(N8N_ANSWERS.read_text())
    (starting,) = [each for each in answers if each["case"] == "starting"]
    recorded = Answer(
        starting["response"]["status"],
        starting["response"]["body"],
        tuple((name.lower(), value) for name, value in starting["response"]["headers"]),
    )
    make.answer = lambda n, request: recorded
    await hub.put("/v1/destinations/make", {"connector": "n8n", "url": make.url})
    waiting = await hub.until(f"/v1/deliveries/{await send(hub)}", status="retrying")
    assert waiting["attempts"][0]["status_code"] == 200
    assert waiting["attempts"][0]["outcome"] == "back_pressure"


async def test_a_signed_delivery_verifies_with_the_official_library(
    hub: Driven, make: Sink
) -> None:
    from standardwebhooks import Webhook

    secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    await hub.put(
        "/v1/destinations/make",
        {"connector": "standard", "url": make.url, "sign": {"secrets": [secret]}},
    )
    await send(hub)
    (request,) = await make.wait_for(1)
    assert Webhook(secret).verify(request.body, request.headers) == {"order": 1}


async def test_nothing_leaves_for_a_private_address_unless_allowed(hub: Driven, make: Sink) -> None:
    await hub.put("/v1/destinations/make", {"url": "http://10.0.0.1/hook"})
    dead = await hub.until(f"/v1/deliveries/{await send(hub)}", status="dead")
    assert dead["attempts"][0]["outcome"] == "refused"
    assert "10.0.0.1" in dead["reason"]
