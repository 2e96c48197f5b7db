"""The pages of runs and tasks: what they show, and what their forms do."""

import html
import re
from typing import Any

import pytest
from markupsafe import escape

from hub.bootstrap import Hub
from hub.model.ids import new_id
from hub.model.json import dumps_text
from hub.model.run import Ending, Failure, RunAttempt, RunStart, RunStatus
from hub.model.segment import Segment
from hub.stack.journal import Entry, encode
from hub.store.runs import START
from hub.store.segments import COMMIT
from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor, VisitorOf
from tests.web.work import claim, finish

HOSTILE = "<script>alert(1)</script>"
SHOP = """
{ task: "sell", description: "Sells <b>things</b>.",
  input: { type: "object", required: ["n"], properties: { n: { type: "integer", minimum: 0 } } },
  function_stack: [
    { function: "create_variable", name: "x", value: "{{n + 1}}", description: "One <i>more</i>" },
    { function: "throw_error", message: "It broke." },
  ] }
{ task: "other", function_stack: [{ function: "return_response", body: "{{input}}" }] }
"""
WRONG: list[tuple[dict[str, str], int, str]] = [
    ({"input": f'{{"n": {HOSTILE}'}, 400, "not valid JSON"),
    ({"input": '{"n": -1}'}, 422, "less than the minimum"),
    ({"input": "[1]"}, 422, "/input"),
    ({"input": '{"n": 1}', "delay_s": "soon"}, 400, "number of seconds"),
    ({"input": '{"n": 1}', "delay_s": "-5"}, 422, "/delay_s"),
    ({"input": '{"n": 1}', "delay_s": "nan"}, 400, "number of seconds"),
    ({"input": '{"n": 1}', "lane": "fast"}, 422, "/lane"),
]
BROKEN = Failure("broken", f"It broke: {HOSTILE}", "1")


@pytest.fixture(autouse=True)
async def shop(desk: Desk) -> str:
    """The version of the stack with the tasks."""
    await _upload(desk, SHOP)
    task = await desk.ask("GET", "/v1/tasks/{name:path}", {"name": "shop/sell"})
    return str(task["version"])


async def _upload(desk: Desk, text: str) -> None:
    path, parts = "/v1/stacks/{name}", {"name": "shop"}
    await desk.answer("PUT", path, parts, body=text.encode(), content_type="text/plain")


async def _start(hub: Hub, given: Any = None, **more: Any) -> str:
    text = dumps_text({"n": 1} if given is None else given)
    start = RunStart(new_id("run"), "shop/sell", text, **more)
    return str(await hub.ledger.write(START, start))


async def _ended(hub: Hub, ending: Ending, *entries: Entry, **more: Any) -> str:
    run_id = await _start(hub, **more)
    (run,) = await claim(hub)
    await finish(hub, run, ending, entries)
    return run_id


def _done(version: str, result: Any = None) -> Ending:
    return Ending(RunStatus.SUCCEEDED, version, dumps_text(result))


async def test_runs_are_listed_and_filtered(hub: Hub, shop: str, visitor: Visitor) -> None:
    assert "No run yet" in await visitor.see("/dashboard/runs")
    done = await _ended(hub, _done(shop))
    failed = await _ended(hub, Ending(RunStatus.FAILED, shop, None, BROKEN))
    child = await _start(hub, parent=done)
    page = await visitor.see("/dashboard/runs")
    assert all(each in page for each in (done, failed, child))
    assert HOSTILE not in page
    assert str(escape(HOSTILE)) in page
    page = await visitor.see("/dashboard/runs?status=failed")
    assert failed in page
    assert done not in page
    page = await visitor.see(f"/dashboard/runs?parent={done}")
    assert child in page
    assert failed not in page
    assert "No run is like this" in await visitor.see("/dashboard/runs?task=shop/other")
    assert "No run is like this" in await visitor.see("/dashboard/runs?event_id=nothing")


async def test_a_filter_that_is_wrong_is_named_and_kept(visitor: Visitor) -> None:
    page = await visitor.see(f"/dashboard/runs?status=fine&task={HOSTILE}", 400)
    assert 'role="alert"' in page
    assert f'value="{escape(HOSTILE)!s}"' in page
    await visitor.see("/dashboard/runs?cursor=nothing", 400)


async def test_a_run_shows_each_step_and_where_it_failed(
    hub: Hub, shop: str, visitor: Visitor
) -> None:
    entries = (
        Entry("0", "create_variable", 1_000_000, 500_000, {"x": HOSTILE}, note="a note"),
        Entry("0", "create_variable", 2_000_000, 1_000_000, {"x": "second"}),
    )
    run_id = await _ended(hub, Ending(RunStatus.FAILED, shop, None, BROKEN), *entries)
    page = await visitor.see(f"/dashboard/runs/{run_id}")
    assert HOSTILE not in page
    assert page.count(str(escape(HOSTILE))) >= 2, "in the failure and in the output"
    assert "One &lt;i&gt;more&lt;/i&gt;" in page
    assert "a note" in page
    for anchor in ("step-0-0", "step-0-1", "step-1-0"):
        assert f'<details id="{anchor}">' in page
    assert '<a href="#step-1-0"><code>1</code></a>' in page
    assert "data-live" not in page, "it has ended"
    assert "Go on where it failed" in page
    assert "/cancel" not in page


async def test_a_run_that_goes_on_is_followed(hub: Hub, desk: Desk, visitor: Visitor) -> None:
    run_id = await _start(hub)
    await desk.ask("POST", "/v1/lanes/{name}/pause", {"name": "normal"})
    page = await visitor.see(f"/dashboard/runs/{run_id}")
    assert f'data-live="runs.{run_id}"' in page
    assert "No step is done yet" in page
    assert "the lane normal" in page, "what keeps it from beginning"
    (run,) = await claim(hub)
    progress = dumps_text({"done": 3, "total": 4, "message": HOSTILE})
    await hub.ledger.write(COMMIT, Segment(run.id, run.fence, 0, progress=progress))
    page = await visitor.see(f"/dashboard/runs/{run_id}")
    assert '<progress max="4" value="3"' in page
    assert str(escape(HOSTILE)) in page


async def test_progress_that_is_no_part_of_a_whole_is_told_in_words(
    hub: Hub, visitor: Visitor
) -> None:
    run_id = await _start(hub)
    (run,) = await claim(hub)
    totals: list[Any] = [None, 0, "4", True]
    for n, total in enumerate(totals):
        progress = dumps_text({"done": 3, "total": total, "message": None})
        await hub.ledger.write(COMMIT, Segment(run.id, run.fence, n, progress=progress))
        page = await visitor.see(f"/dashboard/runs/{run_id}")
        assert "<progress" not in page
        assert "3 done" in page


async def test_what_is_large_comes_piece_by_piece(hub: Hub, shop: str, visitor: Visitor) -> None:
    large = "a" * 100_000 + "END"
    entry = Entry("0", "create_variable", 1_000_000, 1, {"x": large})
    run_id = await _ended(hub, _done(shop, large), entry, given={"large": large})
    page = await visitor.see(f"/dashboard/runs/{run_id}")
    assert len(page) < 50_000
    links = sorted(set(re.findall(r'hx-get="(/dashboard/runs/\w+/piece[^"]+)"', page)))
    given = [link for link in links if "of=input%3A0" in link]
    assert len(given) == 1, "what the step was given, for who asks"
    links = [link for link in links if link not in given]
    assert len(links) == 3, "of the input, the result and the output"
    for link in links:
        first = await visitor.see(html.unescape(link))
        assert "END" not in first
        (more,) = set(re.findall(r'hx-get="([^"]+)"', first))
        answer = await visitor.client.get(html.unescape(more), headers={"hx-request": "true"})
        assert "END" in answer.text
        assert "<main" not in answer.text, "it is put into the page"


async def test_a_step_tells_what_it_was_given(hub: Hub, shop: str, visitor: Visitor) -> None:
    started = 1_000_000
    entries = [
        Entry("0", "create_variable", started, 1, journaled=False),
        Entry("1", "throw_error", started, 1, journaled=False),
        Entry("9", "add_record", started, 1, {"id": 1}),
    ]
    run_id = await _ended(hub, _done(shop, 1), *entries, given={"n": 41})
    page = await visitor.see(f"/dashboard/runs/{run_id}")
    links = [html.unescape(each) for each in re.findall(r'hx-get="([^"]+of=input%3A[^"]+)"', page)]
    assert len(set(links)) == 3
    first, second, third = dict.fromkeys(links)
    part = await visitor.see(first)
    assert "The input of step 0" in part
    assert str(escape('"value": 42')) in part
    assert "It broke." in await visitor.see(second)
    assert "It cannot be told" in await visitor.see(third), "its stack has no such step"


async def test_a_piece_of_nothing_is_not_found(hub: Hub, visitor: Visitor) -> None:
    url = f"/dashboard/runs/{await _start(hub)}/piece"
    for of in ("output:", "output:0", "input:0@never", "nothing", HOSTILE):
        assert HOSTILE not in await visitor.see(f"{url}?of={of}", 404)
    assert "The input" in await visitor.see(f"{url}?from={'9' * 5000}")


async def test_requests_are_shown_with_their_answers(hub: Hub, shop: str, visitor: Visitor) -> None:
    run_id = await _start(hub)
    (run,) = await claim(hub)
    attempts = [
        RunAttempt(
            *(new_id("att"), run_id, "1", "GET", f"https://shop.example/{n}", 1_000_000, 7),
            *(502, "retry", "Status 502", HOSTILE),
        )
        for n in range(60)
    ]
    segment = Segment(run.id, run.fence, 0, entries=encode([]), attempts=attempts)
    await hub.ledger.write(COMMIT, segment)
    page = await visitor.see(f"/dashboard/runs/{run_id}")
    assert "https://shop.example/19" in page
    assert "https://shop.example/20" not in page
    assert HOSTILE not in page
    page = await visitor.see(f"/dashboard/runs/{run_id}/requests")
    assert "https://shop.example/49" in page
    (more,) = re.findall(r'href="(\?cursor=[^"]+)" rel="next"', page)
    assert "https://shop.example/59" in await visitor.see(
        f"/dashboard/runs/{run_id}/requests{more}"
    )


async def test_steps_beyond_the_first_page_are_reached(
    hub: Hub, shop: str, visitor: Visitor
) -> None:
    entries = [Entry(str(n), "create_variable", 1_000_000 + n, 1, n) for n in range(250)]
    run_id = await _ended(hub, _done(shop), *entries)
    page = await visitor.see(f"/dashboard/runs/{run_id}")
    assert 'id="step-199-0"' in page
    assert 'id="step-200-0"' not in page
    (more,) = re.findall(r'href="(\?cursor=[^"]+)" rel="next"', page)
    page = await visitor.see(f"/dashboard/runs/{run_id}{more}")
    assert 'id="step-249-0"' in page


async def test_a_run_whose_version_nobody_has_is_shown_all_the_same(
    hub: Hub, visitor: Visitor
) -> None:
    run_id = await _ended(hub, _done("0000"), Entry("0", "create_variable", 1_000_000, 1, 1))
    assert 'id="step-0-0"' in await visitor.see(f"/dashboard/runs/{run_id}")


async def test_relatives_of_a_run_are_linked(hub: Hub, shop: str, visitor: Visitor) -> None:
    parent = await _ended(hub, _done(shop))
    child = await _start(hub, parent=parent, retry_of=parent)
    assert f'href="/dashboard/runs/{child}"' in await visitor.see(f"/dashboard/runs/{parent}")
    page = await visitor.see(f"/dashboard/runs/{child}")
    assert page.count(f'href="/dashboard/runs/{parent}"') == 2


async def test_a_run_is_cancelled_and_goes_on(hub: Hub, desk: Desk, visitor: Visitor) -> None:
    run_id = await _start(hub)
    url = f"/dashboard/runs/{run_id}"
    assert "It is cancelled" in await visitor.do(f"{url}/cancel")
    assert "has ended already" in await visitor.do(f"{url}/cancel")
    assert "It goes on" in await visitor.do(f"{url}/retry", **{"from": "failed_step"})
    assert (await desk.ask("GET", "/v1/runs/{id}", {"id": run_id}))["status"] == "queued"
    page = await visitor.do(f"{url}/retry", **{"from": "elsewhere"})
    assert 'class="said bad"' in page


async def test_a_run_is_run_again_from_its_beginning(
    hub: Hub, desk: Desk, shop: str, visitor: Visitor
) -> None:
    run_id = await _ended(hub, _done(shop))
    answer = await visitor.send(f"/dashboard/runs/{run_id}/retry", 303, **{"from": "beginning"})
    (new,) = (await desk.ask("GET", "/v1/runs", query={"status": "queued"}))["items"]
    assert answer.headers["location"] == f"/dashboard/runs/{new['id']}"
    assert new["retry_of"] == run_id
    page = await visitor.do(f"/dashboard/runs/{run_id}/retry", **{"from": "failed_step"})
    assert "Only a run that has failed" in page


async def test_what_would_change_is_shown_side_by_side(
    hub: Hub, desk: Desk, shop: str, visitor: Visitor
) -> None:
    run_id = await _ended(hub, Ending(RunStatus.FAILED, shop, None, BROKEN))
    url = f"/dashboard/runs/{run_id}/preview"
    same = (await visitor.send(url, 200)).text
    assert "It would come out the same" in same
    await _upload(desk, SHOP.replace("It broke.", f"It {HOSTILE} broke."))
    differs = (await visitor.send(url, 200)).text
    assert "It would come out differently" in differs
    assert "run: failure" in differs
    assert HOSTILE not in differs
    assert str(escape(HOSTILE)) in differs
    await _upload(desk, '{ task: "other", function_stack: [] }')
    assert "is gone" in await visitor.do(url)
    assert len((await desk.ask("GET", "/v1/runs"))["items"]) == 1, "nothing was started"


async def test_an_unknown_run_is_not_found(visitor: Visitor) -> None:
    for run_id in ("run_nothing", "run_" + "0" * 32, "evt_1"):
        for path in ("", "/piece", "/requests"):
            await visitor.see(f"/dashboard/runs/{run_id}{path}", 404)


async def test_whoever_only_looks_changes_nothing(
    hub: Hub, shop: str, visitor_of: VisitorOf
) -> None:
    viewer = await visitor_of("read")
    run_id = await _ended(hub, Ending(RunStatus.FAILED, shop, None, BROKEN))
    page = await viewer.see(f"/dashboard/runs/{run_id}")
    assert "/retry" not in page
    assert "/preview" not in page
    for doing in ("cancel", "retry", "preview"):
        await viewer.send(f"/dashboard/runs/{run_id}/{doing}", 403)
    assert "Start a run" not in await viewer.see("/dashboard/tasks/shop/sell")
    await viewer.send("/dashboard/tasks/shop/sell", 403, input="{}")


async def test_a_task_is_shown_with_its_steps(visitor: Visitor) -> None:
    page = await visitor.see("/dashboard/tasks")
    assert 'href="/dashboard/tasks/shop/sell"' in page
    page = await visitor.see("/dashboard/tasks/shop/sell")
    assert "Sells &lt;b&gt;things&lt;/b&gt;." in page
    assert "One &lt;i&gt;more&lt;/i&gt;" in page
    assert "throw_error" in page
    assert str(escape('{\n  "n": 0\n}')) in page, "an input to begin with"
    await visitor.see("/dashboard/tasks/shop/nothing", 404)


async def test_a_run_is_started_by_hand(desk: Desk, visitor: Visitor) -> None:
    fields = {"input": '{"n": 7}', "lane": "low", "delay_s": "60.5"}
    page = await visitor.do("/dashboard/tasks/shop/sell", **fields)
    assert "A run of shop/sell was started" in page
    (run,) = (await desk.ask("GET", "/v1/runs"))["items"]
    assert (run["input"], run["lane"], run["status"]) == ({"n": 7}, "low", "queued")
    assert run["due_at"] > run["created_at"]
    await visitor.do("/dashboard/tasks/shop/other", input="", lane="", delay_s=" ")
    assert (await desk.ask("GET", "/v1/runs"))["items"][0]["input"] == {}


async def test_an_input_that_is_wrong_is_named_and_kept(desk: Desk, visitor: Visitor) -> None:
    for fields, status, said in WRONG:
        page = (await visitor.send("/dashboard/tasks/shop/sell", status, **fields)).text
        assert 'role="alert"' in page
        assert said in html.unescape(page)
        assert HOSTILE not in page
        for name, value in fields.items():
            assert str(escape(value)) in page or name == "lane"
    assert (await desk.ask("GET", "/v1/runs"))["items"] == []
