"""What a source makes of a request: its type, whether it is wanted, and how many events it is."""

import asyncio
import json
from typing import Any

import pytest

from tests.program import Driven

KEEP = """{ task: "keep", source: "shop", function_stack: [
  { function: "add_record", table: "kept",
    data: { n: "{{n ?? body}}", type: "{{event.type}}" } } ] }"""


async def source(hub: Driven, **setting: Any) -> None:
    await hub.put("/v1/stacks/shop", KEEP)
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}, **setting})


async def send(hub: Driven, body: Any, status: int = 202, **headers: str) -> dict[str, Any]:
    answer = await hub.api.post("/in/shop?via=web", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def kept(hub: Driven, count: int) -> list[tuple[Any, Any]]:
    """Numbers and types of the events that a task has run for."""
    async with asyncio.timeout(10):
        while len(items := (await hub.get("/v1/tables/kept/records"))["items"]) < count:
            await asyncio.sleep(0.02)
    assert len(items) == count
    return sorted((each["fields"]["n"], each["fields"]["type"]) for each in items)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("order.paid", "order.paid"),
        ("{{kind}}.{{headers['x-step']}}", "order.done"),
        ("{{uppercase(body.kind)}}", "ORDER"),
        ("{{query}}", "via=web"),
        ("{{nothing}}", None),
        ("{{kind / 0}}", "other"),
    ],
)
async def test_the_type_is_what_the_source_says(
    hub: Driven, expression: str, expected: str | None
) -> None:
    await source(hub, event_type=expression)
    await send(hub, {"n": 1, "kind": "order", "type": "other"}, **{"X-Step": "done"})
    assert await kept(hub, 1) == [(1, expected)]


async def test_what_the_filter_does_not_let_pass_is_recorded_and_starts_nothing(
    hub: Driven,
) -> None:
    await source(hub, filter="{{n > 1 && event_type == 'paid'}}")
    told = [await send(hub, {"n": n, "type": kind}) for n, kind in ((1, "paid"), (2, "paid"))]
    await send(hub, {"n": 3, "type": "sent"})
    assert await kept(hub, 1) == [(2, "paid")]
    assert ["run_id" in each for each in told] == [False, True]
    event = await hub.get(f"/v1/events/{told[0]['event_id']}")
    assert (event["fate"], event["reason"]) == (
        "unmatched",
        "The source's filter does not let it pass.",
    )
    replayed = await hub.api.post(f"/v1/events/{told[0]['event_id']}/replay")
    assert replayed.status_code == 202  # a person may want it all the same
    assert await kept(hub, 2) == [(1, "paid"), (2, "paid")]


async def test_a_filter_that_cannot_be_computed_says_so_and_loses_nothing(hub: Driven) -> None:
    await source(hub, filter="{{n / 0 > 1}}")
    told = await send(hub, {"n": 1})
    event = await hub.get(f"/v1/events/{told['event_id']}")
    assert event["fate"] == "unmatched"
    assert "cannot be computed" in event["reason"]
    assert event["body"] == {"n": 1}


async def test_a_list_becomes_an_event_for_each_item(hub: Driven) -> None:
    await source(hub, batch="each")
    told = await send(hub, [{"n": 1, "type": "a"}, {"n": 2, "event": "b"}, 3])
    assert len(told["event_ids"]) == 3
    assert told["event_ids"][0] == told["event_id"]
    assert await kept(hub, 3) == [(1, "a"), (2, "b"), (3, None)]
    bodies = [(await hub.get(f"/v1/events/{each}"))["body"] for each in told["event_ids"]]
    assert bodies == [{"n": 1, "type": "a"}, {"n": 2, "event": "b"}, 3]


async def test_without_that_a_list_is_one_event(hub: Driven) -> None:
    await source(hub)
    told = await send(hub, [1, 2])
    assert "event_ids" not in told
    assert await kept(hub, 1) == [([1, 2], None)]


@pytest.mark.parametrize("body", [[], {"n": 1}])
async def test_what_is_no_list_with_items_is_one_event(hub: Driven, body: Any) -> None:
    await source(hub, batch="each")
    told = await send(hub, body)
    assert "event_ids" not in told
    assert len(await kept(hub, 1)) == 1


@pytest.mark.parametrize(
    ("setting", "headers"),
    [
        ({}, {"idempotency-key": "once"}),
        ({"dedup": {"by": "header:x-id"}}, {"x-id": "once"}),
        ({"dedup": {"by": "body:n"}}, {}),
        ({"dedup": {"by": "hash"}}, {}),
    ],
)
async def test_each_item_is_taken_once(
    hub: Driven, setting: dict[str, Any], headers: dict[str, str]
) -> None:
    await source(hub, batch="each", **setting)
    first = await send(hub, [{"n": 1}, {"n": 2}], **headers)
    again = await send(hub, [{"n": 1}, {"n": 2}], 200, **headers)
    assert (again["status"], again["event_ids"]) == ("duplicate", first["event_ids"])
    longer = await send(hub, [{"n": 1}, {"n": 2}, {"n": 3}], **headers)
    assert longer["event_ids"][:2] == first["event_ids"]
    assert await kept(hub, 3) == [(1, None), (2, None), (3, None)]


async def test_the_same_item_twice_in_one_list_is_one(hub: Driven) -> None:
    await source(hub, batch="each", dedup={"by": "body:n"})
    told = await send(hub, [{"n": 1}, {"n": 1}, {"n": 2}])
    assert told["event_ids"][0] == told["event_ids"][1] != told["event_ids"][2]
    assert await kept(hub, 2) == [(1, None), (2, None)]


async def test_a_list_that_is_too_long_is_refused_whole(hub: Driven) -> None:
    await source(hub, batch="each")
    answer = await hub.api.post("/in/shop", json=[{"n": 1}] * 1001)
    assert (answer.status_code, answer.json()["code"]) == (400, "batch_too_long")
    assert {each["fate"] for each in (await hub.get("/v1/events"))["items"]} == {"rejected"}


@pytest.mark.parametrize("name", ["limit", "limit_per_address"])
async def test_what_is_too_much_is_told_when_to_come_again(hub: Driven, name: str) -> None:
    await source(hub, **{name: {"requests": 3, "per_s": 600}})
    answers = [await hub.api.post("/in/shop", json={"n": n}) for n in range(5)]
    assert [each.status_code for each in answers] == [202, 202, 202, 429, 429]
    assert answers[3].json()["code"] == "too_many_requests"
    assert 190 <= int(answers[3].headers["retry-after"]) <= 200
    assert len((await hub.get("/v1/events"))["items"]) == 3  # a flood is not kept
    assert len(await kept(hub, 3)) == 3


@pytest.mark.parametrize(
    ("setting", "pointer", "says"),
    [
        ({"filter": "{{n >}}"}, "/filter", "expression"),
        ({"filter": "n > 1"}, "/filter", '"{{n > 1}}"'),
        ({"event_type": "{{nope(1)}}"}, "/event_type", "nope"),
        ({"batch": "all"}, "/batch", "each"),
        ({"limit": {"requests": 0, "per_s": 1}}, "/limit/requests", "1"),
    ],
)
async def test_a_setting_that_cannot_be_meant_is_refused_at_its_place(
    hub: Driven, setting: dict[str, Any], pointer: str, says: str
) -> None:
    answer = await hub.api.put("/v1/sources/shop", json={"verify": {"mode": "none"}, **setting})
    assert answer.status_code == 422, answer.text
    [problem] = answer.json()["problems"]
    assert problem["pointer"] == pointer
    assert says in json.dumps(answer.json(), ensure_ascii=False).replace('\\"', '"')
