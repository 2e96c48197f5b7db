"""An event or a run is made again by the stacks as they are; what would differ is seen before."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.program import Driven, Program
from tests.sink import Answer, Sink

STACK = """
{ task: "sell", source: "shop", function_stack: [
  { function: "add_record", table: "sales", data: { n: "{{n}}", price: PRICE } },
  { function: "external_api_request", url: "{{env.TAX_URL}}/rate", as: "tax" },
  { function: "create_variable", name: "due", value: "{{tax.body.rate * sales.price}}" },
  MORE
  { function: "return_response", body: { due: "{{due}}" } },
] }
"""
TELL = '{ function: "realtime_publish", channel: "sold", event: "sold", data: "{{due}}" },'
NEW = '{ function: "external_api_request", url: "https://else.example/x", data: { n: "{{n}}" } },'


def stack(price: str = "100", more: str = "") -> str:
    return STACK.replace("PRICE", price).replace("MORE", more)


@pytest.fixture
async def shop(hub: Driven, make: Sink) -> None:
    make.answer = lambda n, request: Answer(
        body='{"rate": 0.2}', headers=(("content-type", "application/json"),)
    )
    base = make.url.removesuffix("/hook")
    await hub.put("/v1/variables/TAX_URL", {"value": base, "secret": True})
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})


pytestmark = pytest.mark.usefixtures("shop")


async def sold(hub: Driven, n: int = 1) -> tuple[str, str | None]:
    """An event and the run that it started."""
    told = (await hub.api.post("/in/shop", json={"n": n})).json()
    if "run_id" in told:
        await hub.until(f"/v1/runs/{told['run_id']}", status="succeeded")
    return told["event_id"], told.get("run_id")


async def replay(hub: Driven, event_id: str, **wish: Any) -> dict[str, Any]:
    answer = await hub.api.post(f"/v1/events/{event_id}/replay", json=wish)
    assert answer.status_code == (200 if wish.get("dry_run") else 202), answer.text
    told: dict[str, Any] = answer.json()
    return told


async def sales(hub: Driven) -> list[Any]:
    items = (await hub.get("/v1/tables/sales/records"))["items"]
    return sorted(each["fields"]["price"] for each in items)


async def test_an_event_is_replayed_by_the_stack_as_it_is(hub: Driven, make: Sink) -> None:
    await hub.put("/v1/stacks/shop", stack())
    event_id, first = await sold(hub)
    await hub.put("/v1/stacks/shop", stack("150"))
    told = await replay(hub, event_id)
    [run_id] = told["runs"]
    run = await hub.until(f"/v1/runs/{run_id}", status="succeeded")
    assert (run["result"], run["retry_of"]) == ({"due": 30.0}, first)
    assert await sales(hub) == [100, 150]
    event = await hub.get(f"/v1/events/{event_id}")
    assert event["runs"] == [first, run_id]
    assert len(make.requests) == 2


async def test_what_nothing_ran_for_is_replayed_once_something_does(hub: Driven) -> None:
    event_id, run_id = await sold(hub)
    assert run_id is None
    refused = await hub.api.post(f"/v1/events/{event_id}/replay")
    assert (refused.status_code, refused.json()["code"]) == (409, "event_unmatched")
    await hub.put("/v1/stacks/shop", stack())
    told = await replay(hub, event_id)
    await hub.until(f"/v1/runs/{told['runs'][0]}", status="succeeded")
    await hub.until(f"/v1/events/{event_id}", fate="delivered")


async def test_a_preview_shows_what_would_differ_and_changes_nothing(
    hub: Driven, make: Sink
) -> None:
    await hub.put("/v1/stacks/shop", stack())
    event_id, first = await sold(hub)
    await hub.put("/v1/stacks/shop", stack("150", TELL + NEW))
    told = await replay(hub, event_id, dry_run=True)
    [preview] = told["previews"]
    assert (preview["task"], preview["same"]) == ("shop/sell", False)
    assert preview["recorded"]["id"] == first
    assert preview["recorded"]["result"] == preview["then"]["result"] == {"due": 20.0}
    assert preview["now"]["result"] == {"due": 30.0}
    assert preview["versions"]["then"] != preview["versions"]["now"]
    differ: dict[str, list[dict[str, Any]]] = {}
    for each in preview["differences"]:
        differ.setdefault(each["kind"], []).append(each)
    [record] = differ["record"]
    assert (record["then"]["price"], record["now"]["price"]) == (100, 150)
    [message] = differ["message"]
    assert (message["then"], message["now"]["channel"]) == (None, "sold")
    [request] = differ["request"]  # the one to the tax office is as it was
    assert (request["then"], request["now"]["body"]) == (None, {"n": 1})
    assert preview["assumed"] == ["https://else.example/x"]
    assert {each["now"]["path"] for each in differ["step"] if each["now"]} >= {"3", "4"}
    assert make.url.removesuffix("/hook") not in str(preview)  # the secret
    assert "{{env.TAX_URL}}/rate" in str(preview["timeline"])
    assert await sales(hub) == [100]
    assert len(make.requests) == 1
    assert (await hub.get(f"/v1/events/{event_id}"))["runs"] == [first]


async def test_the_same_version_does_the_same(hub: Driven) -> None:
    more = '{ function: "create_variable", name: "u", value: "{{generate_uuid()}}" },'
    await hub.put("/v1/stacks/shop", stack(more=more))
    event_id, _ = await sold(hub)
    comment = "// nothing that counts\n"
    for text in (stack(more=more), comment + stack(more=more)):
        await hub.put("/v1/stacks/shop", text)
        [preview] = (await replay(hub, event_id, dry_run=True))["previews"]
        assert (preview["same"], preview["differences"]) == (True, [])
        assert preview["now"]["status"] == "succeeded"


async def test_a_run_that_failed_is_tried_against_the_mended_stack_first(
    hub: Driven, make: Sink
) -> None:
    await hub.put("/v1/stacks/shop", stack(price='"{{n / 0}}"'))
    told = (await hub.api.post("/in/shop", json={"n": 1})).json()
    url = f"/v1/runs/{told['run_id']}"
    await hub.until(url, status="failed")
    await hub.put("/v1/stacks/shop", stack())
    shown = await hub.api.post(f"{url}/retry", json={"from": "beginning", "dry_run": True})
    preview = shown.json()
    assert (preview["then"]["status"], preview["now"]["status"]) == ("failed", "succeeded")
    assert preview["recorded"]["failure"]["code"] == preview["then"]["failure"]["code"]
    [kind] = [each["kind"] for each in preview["differences"] if each["kind"] == "run"]
    assert kind == "run"
    assert await sales(hub) == []
    assert make.requests == []
    bad = await hub.api.post(f"{url}/retry", json={"dry_run": True})
    assert bad.status_code == 422
    assert "'from': 'beginning'" in bad.text


async def test_one_task_may_be_chosen(hub: Driven) -> None:
    other = '{ task: "count", function_stack: [{ function: "return_response", body: "{{n}}" }] }'
    await hub.put("/v1/stacks/shop", stack())
    await hub.put("/v1/stacks/other", other)
    event_id, _ = await sold(hub, 7)
    told = await replay(hub, event_id, task="count")
    run = await hub.until(f"/v1/runs/{told['runs'][0]}", status="succeeded")
    assert (run["task"], run["result"], run["retry_of"]) == ("other/count", 7, None)
    answer = await hub.api.post(f"/v1/events/{event_id}/replay", json={"task": "nothing"})
    assert (answer.status_code, answer.json()["code"]) == (404, "task_unknown")


async def test_what_is_not_whole_is_not_replayed(hub: Driven) -> None:
    await hub.put("/v1/stacks/shop", stack())
    setting = {"verify": {"mode": "none"}, "dedup": {"by": "hash"}}
    await hub.put("/v1/sources/shop", setting)
    first, _ = await sold(hub)
    await hub.api.post("/in/shop", json={"n": 1})
    await hub.api.post("/in/shop", content="{", headers={"content-type": "application/json"})
    events = (await hub.get("/v1/events"))["items"]
    codes = {}
    for each in events:
        answer = await hub.api.post(f"/v1/events/{each['id']}/replay", json={"dry_run": True})
        codes[each["fate"]] = answer.json().get("code"), answer.json().get("message", "")
    assert codes["delivered"][0] is None
    assert codes["duplicate"][0] == "event_duplicate"
    assert first in codes["duplicate"][1]
    assert codes["rejected"][0] == "event_rejected"
    unknown = await hub.api.post("/v1/events/evt_" + "0" * 32 + "/replay")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "event_unknown")


async def test_the_command_shows_a_preview_and_replays(
    hub: Driven, tmp_path: Path, database_url: str | None
) -> None:
    await hub.put("/v1/stacks/shop", stack())
    event_id, first = await sold(hub)
    await hub.put("/v1/stacks/shop", stack("150"))
    environment = {"HUB_DATA": str(tmp_path), "HUB_DATABASE_URL": database_url}

    async def command(*arguments: str) -> tuple[int | None, str]:
        program = Program(["replay", *arguments], environment, tmp_path / "said.log")
        (tmp_path / "said.log").write_text("")
        await program.start()
        assert program.process is not None
        async with asyncio.timeout(20):
            return await program.process.wait(), program.said()

    code, said = await command(event_id, "--dry-run")
    assert code == 0, said
    assert said.startswith("shop/sell: differs\n")
    assert 'now       succeeded {"due":30.0}' in said
    assert '+ record   {"table":"sales"' in said
    assert await sales(hub) == [100]
    code, said = await command(first or "", "--json")
    [run_id] = json.loads(said)["runs"]
    run = await hub.until(f"/v1/runs/{run_id}", status="succeeded")
    assert (run["retry_of"], run["result"]) == (first, {"due": 30.0})
    code, said = await command("evt_1")
    assert (code, said) == (2, "hub: There is no event 'evt_1'.\n")
