"""What the commands show and change, beside a hub that runs and without one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.commands.asking import open_desk
from hub.errors import NotFoundError
from tests.cli.typed import Typed
from tests.databases import prepare
from tests.program import Driven, embedded_hub
from tests.sink import open_sink

SHOP = """
{ task: "sell", function_stack: [
  { function: "deliver", destination: "till", payload: { n: "{{input.n}}" } },
] }
{ task: "fail", function_stack: [{ function: "throw_error", message: "No luck.", code: "luck" }] }
{ scheduled_task: { name: "night", schedule: "0 3 * * *", function_stack: [] } }
"""
OPEN = {"connector": "standard", "verify": {"mode": "none"}, "task": "sell"}


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    """Commands of a hub that does not run, with an empty database."""
    prepare(None, tmp_path)
    return Typed(tmp_path, HUB_PORT="0")


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Driven]:
    """A hub with a shop whose till is a sink."""
    async with embedded_hub(tmp_path) as driven, open_sink() as sink:
        await driven.put("/v1/destinations/till", {"connector": "make", "url": sink.url})
        await driven.put("/v1/stacks/shop", SHOP)
        await driven.put("/v1/sources/web", OPEN)
        yield driven


async def off(call: Any, *arguments: Any) -> Any:
    """A command has a loop of its own, so it runs in a thread."""
    return await asyncio.to_thread(call, *arguments)


async def test_an_event_is_followed_to_its_delivery(hub: Driven, tmp_path: Path) -> None:
    typed = Typed(tmp_path)
    event = (await hub.api.post("/in/web", json={"n": 7})).json()["event_id"]
    await hub.until(f"/v1/events/{event}", fate="delivered")
    [shown] = await off(typed.lines, "event list --source web")
    assert shown == {**(await hub.get("/v1/events"))["items"][0]}
    told = await off(typed.json, f"event show {event}")
    assert told == await hub.get(f"/v1/events/{event}")
    [run] = await off(typed.lines, f"runs list --event {event}")
    assert (run["task"], run["status"]) == ("shop/sell", "succeeded")
    steps = (await off(typed.json, f"runs show {run['id']}"))["steps"]
    assert [each["function"] for each in steps] == ["deliver"]
    text = await off(typed, f"runs show {run['id']}")
    assert "status:      succeeded\n" in text
    assert text.splitlines()[-1].split()[:3] == ["0", "deliver", "succeeded"]
    [delivery] = await off(typed.lines, f"delivery list --run {run['id']}")
    assert (delivery["status"], delivery["attempts_made"]) == ("delivered", 1)
    [attempt] = (await off(typed.json, f"delivery show {delivery['id']}"))["attempts"]
    assert attempt["status_code"] == 200
    head, line = (await off(typed, "delivery list")).splitlines()
    assert head.split() == ["id", "destination", "status", "attempts", "created_at", "reason"]
    assert line.split()[:4] == [delivery["id"], "till", "delivered", "1"]


async def test_what_is_held_is_shown_with_its_reason(hub: Driven, tmp_path: Path) -> None:
    typed = Typed(tmp_path)
    said = await off(typed, "destination pause till --reason holiday")
    assert said == "till is paused.\n"
    await hub.until("/v1/destinations/till", state="paused")
    event = (await hub.api.post("/in/web", json={"n": 1})).json()["event_id"]
    await hub.until(f"/v1/events/{event}", fate="held")
    [held] = await off(typed.lines, "delivery list --status held")
    assert held["reason"] == "Its destination is paused: holiday"
    told = await off(typed.json, f"delivery cancel {held['id']} --reason sold-out")
    assert (told["status"], told["reason"]) == ("cancelled", "sold-out")
    again = await off(typed, f"delivery cancel {held['id']}", 2)
    assert again.startswith("hub: ")
    assert await off(typed, "destination resume till") == "till goes on.\n"
    assert (await off(typed.json, "destination show till"))["state"] == "active"


async def test_breakers_are_tripped_and_reset(hub: Driven, tmp_path: Path) -> None:
    typed = Typed(tmp_path)
    assert await off(typed, "breaker trip till --for 60") == "The breaker of till is open.\n"
    [shown] = await off(typed.lines, "breaker list")
    assert (shown["destination"], shown["by_hand"]) == ("till", True)
    assert (await off(typed.json, "status"))["breakers"] == [
        {"destination": "till", "state": "open"}
    ]
    assert (await off(typed.json, "breaker reset till"))["state"] == "closed"
    assert (await off(typed.json, "breaker show till"))["state"] == "closed"
    assert await off(typed.lines, "breaker list") == []


async def test_a_run_is_retried_and_cancelled(hub: Driven, tmp_path: Path) -> None:
    typed = Typed(tmp_path)
    made = (await hub.api.post("/v1/tasks/shop/fail/runs", json={})).json()["id"]
    await hub.until(f"/v1/runs/{made}", status="failed")
    assert "No luck." in await off(typed, "runs list --status failed")
    assert await off(typed, f"runs retry {made}") == f"{made} is queued again.\n"
    await hub.until(f"/v1/runs/{made}", status="failed")
    anew = (await off(typed.json, f"runs retry {made} --beginning"))["id"]
    assert (await hub.until(f"/v1/runs/{anew}", status="failed"))["retry_of"] == made
    assert "has ended already" in await off(typed, f"runs cancel {made}", 2)
    late = {"input": {}, "delay_s": 3600}
    waits = (await hub.api.post("/v1/tasks/shop/sell/runs", json=late)).json()["id"]
    assert (await off(typed.json, f"runs cancel {waits}"))["status"] == "cancelled"


async def test_all_is_paused_and_resumed(hub: Driven, tmp_path: Path) -> None:
    typed = Typed(tmp_path)
    assert "Everything is paused" in await off(typed, "pause")
    assert await off(typed, "lane pause low") == "Lane low is paused.\n"
    assert await off(typed, "stack pause shop") == "shop is paused.\n"
    told = await off(typed.json, "status")
    assert told["paused"] == {"all": True, "lanes": ["low"], "stacks": ["shop"]}
    shown = await off(typed, "status")
    assert "paused        everything, lane low, stack shop\n" in shown
    assert "lane low      paused\n" in shown
    for words in ("resume", "lane resume low", "stack resume shop"):
        await off(typed, words)
    await hub.until("/v1/pause", all=False, lanes=[], stacks=[])
    assert "lane" in await off(typed, "lane pause middle", 2)


async def test_schedules(hub: Driven, tmp_path: Path) -> None:
    typed = Typed(tmp_path)
    [shown] = await off(typed.lines, "schedule list")
    assert (shown["name"], shown["cron"]) == ("shop/night", "0 3 * * *")
    assert (await off(typed.json, "schedule pause night"))["paused"] is True
    assert (await off(typed.json, "schedule resume shop/night"))["paused"] is False
    run = (await off(typed.json, "schedule run night"))["id"]
    assert (await hub.until(f"/v1/runs/{run}", status="succeeded"))["task"] == "shop/night"
    assert "'day'" in await off(typed, "schedule show day", 2)


async def test_the_status_of_a_hub_that_works(hub: Driven, tmp_path: Path) -> None:
    typed = Typed(tmp_path)
    event = (await hub.api.post("/in/web", json={"n": 1})).json()["event_id"]
    await hub.until(f"/v1/events/{event}", fate="delivered")
    told = await off(typed.json, "status")
    assert told["events"] == {"recorded": 1}
    assert told["runs"] == {"succeeded": 1}
    assert told["deliveries"] == {"delivered": 1}
    assert told["dead_letters"] == 0
    assert told["lanes"]["normal"]["due"] == 0
    text = await off(typed, "status")
    assert text.startswith("came          1 recorded   (in the last hour, events)\n")
    while "worker        works\n" not in text:  # it may not have beaten yet
        await asyncio.sleep(0.05)
        text = await off(typed, "status")


def test_the_status_of_a_hub_that_does_not_run(typed: Typed) -> None:
    told = typed.json("status")
    assert (told["worker"], told["breakers"], told["events"]) == (None, None, {})
    assert "worker        not known: Redis does not answer\n" in typed("status")


def test_stacks_are_listed_shown_and_removed(typed: Typed, tmp_path: Path) -> None:
    file = tmp_path / "shop.json5"
    file.write_text(SHOP)
    told = typed.json(f"apply {file}")
    assert told == {"new": ["shop"], "unchanged": [], "removed": [], "refused": []}
    assert typed(f"apply {file}").endswith("0 new, 1 unchanged, 0 removed, 0 refused.\n")
    [shown] = typed.lines("stack list")
    assert shown["tasks"] == ["shop/sell", "shop/fail", "shop/night"]
    assert "shop/sell, shop/fail" in typed("stack list")
    assert typed("stack show shop --text") == SHOP
    assert typed.json("stack show shop")["text"] == SHOP
    assert "set by a file" in typed("stack remove shop", 2)
    assert "'shopp'" in typed("stack show shopp", 2)


def test_variables_are_set_listed_and_removed(typed: Typed) -> None:
    assert typed("variable set URL https://a.example") == "URL is set.\n"
    assert typed("variable set KEY - --secret", given="s3cret\n") == "KEY is set.\n"
    told = {each["name"]: each["value"] for each in typed.lines("variable list")}
    assert told["URL"] == "https://a.example"
    assert "s3cret" not in str(told)
    assert typed.json("variable remove URL") == {"done": "URL is removed."}
    assert [each["name"] for each in typed.lines("variable list")] == ["KEY"]
    assert "letters, digits" in typed("variable set 1X y", 2)


async def test_what_people_set_is_listed_shown_and_removed(hub: Driven, tmp_path: Path) -> None:
    typed = Typed(tmp_path, HUB_PORT=hub.base.rpartition(":")[2])
    await hub.put("/v1/subscriptions/all", {"source": "web", "destination": "till"})
    listed = await off(typed, "source list")
    assert listed.splitlines()[1].split()[:3] == ["web", "standard", "none"]
    assert await off(typed.json, "source show web") == await hub.get("/v1/sources/web")
    listed = await off(typed, "destination list")
    assert listed.splitlines()[1].split()[:3] == ["till", "make", "active"]
    assert [each["slug"] for each in await off(typed.lines, "subscription list")] == ["all"]
    assert (await off(typed.json, "subscription show all"))["destination"] == "till"
    for name in ("subscription all", "source web", "destination till", "stack shop"):
        noun, slug = name.split()
        assert await off(typed, f"{noun} remove {slug}") == f"{slug} is removed.\n"
        assert await off(typed.lines, f"{noun} list") == []
        assert (await off(typed, f"{noun} show {slug}", 2)).startswith("hub: ")


def test_what_a_file_gave_is_removed_there(typed: Typed, tmp_path: Path) -> None:
    file = tmp_path / "web.json5"
    file.write_text('{ source: { slug: "web", verify: { mode: "none" } } }')
    typed(f"apply {file}")
    assert "set by a file" in typed("source remove web", 2)


async def test_a_destination_and_a_source_are_tried(hub: Driven, tmp_path: Path) -> None:
    typed = Typed(tmp_path, HUB_OUTBOUND_ALLOW="127.0.0.0/8")
    told = await off(typed.json, "destination test till")
    assert (told["outcome"], told["answer"]["status"]) == ("delivered", 200)
    dry = await off(typed.json, "destination test till --dry-run")
    assert dry["answer"] is None
    told = await off(typed.json, f"source test web --url {hub.base}")
    assert told["answer"]["status"] == 202
    assert told["request"]["url"] == f"{hub.base}/in/web"


@pytest.mark.parametrize(
    ("line", "code", "status"),
    [
        ("runs show run_1", "run_unknown", 404),
        ("event show evt_1", "event_unknown", 404),
        ("event list --fate lost", "query_invalid", 400),
        ("event list --since yesterday", "query_invalid", 400),
        ("delivery list --status gone", "query_invalid", 400),
        ("source test web", "source_unknown", 404),
        ("table show people", "table_unknown", 404),
        ("replay evt_1 --rate 2", "options_invalid", 400),
    ],
)
def test_errors_are_problems_for_programs_and_sentences_for_people(
    typed: Typed, line: str, code: str, status: int
) -> None:
    problem = typed.json(line, 2)
    assert (problem["code"], problem["status"]) == (code, status)
    said = typed(line, 2)
    assert said == f"hub: {problem['message']}\n"


def test_without_a_database_nothing_is_made(tmp_path: Path) -> None:
    typed = Typed(tmp_path / "none")
    for line in ("source list", "status", "variable set A b"):
        assert typed.json(line, 2)["code"] == "store_missing"
    assert not (tmp_path / "none").exists()


def test_limits_of_lists(typed: Typed) -> None:
    assert "Usage" in typed("event list --limit 0", 2)
    for n in range(12):
        typed(f"variable set V{n} x")
    assert len(typed.lines("variable list --limit 5")) == 5


async def test_a_list_goes_over_pages(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path) as hub:
        for n in range(503):
            await hub.put(f"/v1/variables/V{n}", {"value": "x"})
        assert hub.hub is not None
        async with open_desk(hub.hub.settings) as desk:
            assert len(await desk.listed("/v1/variables", 502)) == 502
            assert len(await desk.listed("/v1/variables", 9000)) == 503
            with pytest.raises(NotFoundError):
                await desk.ask("GET", "/v1/variables/{name}", {"name": "W"})


def test_version(typed: Typed) -> None:
    told = typed.json("version")
    assert typed("version").startswith(f"hub {told['hub']}, Python {told['python']}, ")


def test_what_is_said_as_json_is_so_everywhere(typed: Typed, tmp_path: Path) -> None:
    file = tmp_path / "t.json5"
    file.write_text("{task:'t',function_stack:[]}")
    assert typed.json(f"fmt --check {file}", 1) == {"changed": [str(file)]}
    assert typed.json(f"fmt {file}") == {"changed": [str(file)]}
    assert typed.json(f"fmt {file}") == {"changed": []}
    assert typed.json("migrate") == {"migrated": True}
    assert {"name": "n8n", "verify": None} in typed.lines("connector list")
    rows = tmp_path / "people.csv"
    rows.write_text("n\n1\n2\n")
    assert typed.json(f"table import people {rows}") == {"table": "people", "added": 2}
    assert typed.lines("table list") == [
        {"table": "people", "records": 2, "columns": [], "declared_by": None}
    ]
    declared = tmp_path / "spec.json5"
    declared.write_text("{ columns: { n: { type: 'integer' } } }")
    told = typed.json(f"table declare sums {declared}")
    assert told == {"table": "sums", "changed": True, "columns": ["n"]}
