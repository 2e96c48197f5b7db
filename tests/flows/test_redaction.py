"""A source's redacted fields are nowhere: not in the event, not in its run, not in its delivery."""

from tests.program import Driven
from tests.sink import Sink

STACK = """
{ task: "pay", source: "till", function_stack: [
  { function: "deliver", destination: "make", payload: "{{input}}" },
] }
"""


async def test_a_card_number_is_never_recorded(hub: Driven, make: Sink) -> None:
    await hub.put(
        "/v1/sources/till",
        {
            "connector": "standard",
            "verify": {"mode": "header", "header": "x-key", "secrets": ["long-enough"]},
            "dedup": {"by": "hash"},
            "redact": ["body:card.number", "header:x-national-id"],
        },
    )
    await hub.put("/v1/stacks/till", STACK)
    sent = {"card": {"number": "4111", "name": "Ada"}, "total": 7}
    headers = {"x-key": "long-enough", "x-national-id": "1815"}
    first = (await hub.api.post("/in/till", json=sent, headers=headers)).json()
    other = {"card": {"number": "4222", "name": "Ada"}, "total": 7}
    second = await hub.api.post("/in/till", json=other, headers=headers)
    again = await hub.api.post("/in/till", json=sent, headers=headers)
    assert second.status_code == 202  # by what was sent it is another one
    assert (again.status_code, again.json()["event_id"]) == (200, first["event_id"])
    refused = await hub.api.post("/in/till", json=sent)
    assert refused.status_code == 401
    arrived = await make.wait_for(2)
    assert arrived[0].json["card"] == {"number": "••••••••", "name": "Ada"}
    for event in (await hub.get("/v1/events"))["items"]:
        whole = await hub.api.get(f"/v1/events/{event['id']}")
        assert "4111" not in whole.text
        assert "1815" not in whole.text
    run = await hub.api.get(f"/v1/runs/{first['run_id']}")
    assert "4111" not in run.text
    assert run.json()["input"]["total"] == 7
