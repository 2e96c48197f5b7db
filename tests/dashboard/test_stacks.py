"""The pages of stacks, as a browser without script uses them."""

import html
import re

import pytest

from hub.bootstrap import Hub
from hub.store.stacks import PUT, PutStack
from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor, VisitorOf

PATH = "/dashboard/stacks/shop"
HELLO = """// greets
{ task: "hello", function_stack: [
  { function: "return_response", body: { hello: "{{name ?? 'world'}}" } },
] }
"""
WRONG = HELLO.replace("body:", "bdy:")
EVIL = "<script>alert(1)</script>"


async def put(desk: Desk, text: str = HELLO, name: str = "shop") -> str:
    """Save a stack; gives its version."""
    parts = {"name": name}
    await desk.answer("PUT", "/v1/stacks/{name}", parts, body=text.encode())
    return str((await desk.ask("GET", "/v1/stacks/{name}", parts))["version"])


async def text_of(desk: Desk) -> str:
    return str((await desk.ask("GET", "/v1/stacks/{name}", {"name": "shop"}))["text"])


def area(page: str) -> str:
    """What the text area holds."""
    found = re.search(r'<textarea id="text"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


async def test_the_list_tells_of_each_stack_what_it_holds(visitor: Visitor, desk: Desk) -> None:
    assert "No stack here yet" in await visitor.see("/dashboard/stacks")
    version = await put(desk)
    timed = '{scheduled_task: {name: "night", schedule: "0 3 * * *", function_stack: []}}'
    await put(desk, timed, "timed")
    await desk.ask("POST", "/v1/stacks/{name}/pause", {"name": "timed"})
    page = await visitor.see("/dashboard/stacks")
    for each in (f'href="{PATH}"', version, "hello", "0 3 * * *", "paused"):
        assert each in page


@pytest.mark.parametrize(("notation", "begins"), [("JSON5", "// "), ("YAML", "# ")])
async def test_a_stack_is_made_with_a_task_that_runs(
    visitor: Visitor, desk: Desk, notation: str, begins: str
) -> None:
    page = await visitor.do("/dashboard/stacks", name="shop", notation=notation)
    assert area(page).startswith(begins)
    assert "No problems. It holds 1 task." in page
    assert (await text_of(desk)) == area(page)


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("shop", 409, "There is a stack"),
        (EVIL, 400, "is no name for a stack"),
        ("", 400, "is no name for a stack"),
    ],
)
async def test_a_name_that_cannot_be_is_refused_and_kept(
    visitor: Visitor, desk: Desk, name: str, status: int, said: str
) -> None:
    await put(desk)
    page = (await visitor.send("/dashboard/stacks", status, name=name)).text
    assert said in page
    assert EVIL not in page
    assert f'value="{html.escape(name)}"' in page


async def test_a_text_is_saved_and_its_version_told(visitor: Visitor, desk: Desk) -> None:
    before = await put(desk)
    page = await visitor.do(PATH, text=HELLO.replace("world", EVIL), version=before)
    after = await put(desk, await text_of(desk))
    assert after != before
    assert f"Saved as version {after}" in page
    assert area(page) == HELLO.replace("world", EVIL)
    assert EVIL not in page


async def test_a_change_of_comments_alone_is_saved_too(visitor: Visitor, desk: Desk) -> None:
    version = await put(desk)
    page = await visitor.do(PATH, text=f"// more\n{HELLO}", version=version)
    assert f"it is still version {version}" in page
    assert await text_of(desk) == f"// more\n{HELLO}"


async def test_what_is_wrong_is_refused_at_its_place_and_stays_typed(
    visitor: Visitor, desk: Desk
) -> None:
    version = await put(desk)
    page = (await visitor.send(PATH, 422, text=WRONG, version=version)).text
    assert area(page) == WRONG
    assert 'data-line="3"' in page
    assert "bdy" in page
    assert await text_of(desk) == HELLO


async def test_a_text_made_from_an_older_version_is_saved_only_on_purpose(
    visitor: Visitor, desk: Desk
) -> None:
    before = await put(desk)
    theirs = HELLO.replace("world", "theirs")
    now = await put(desk, theirs)
    mine = HELLO.replace("world", "mine")
    page = (await visitor.send(PATH, 409, text=mine, version=before)).text
    assert await text_of(desk) == theirs
    assert area(page) == mine
    assert f'name="version" value="{now}"' in page
    await visitor.do(PATH, text=mine, version=now)
    assert await text_of(desk) == mine


async def test_a_text_is_checked_whole_or_as_a_part(visitor: Visitor, desk: Desk) -> None:
    await put(desk)
    page = (await visitor.send(f"{PATH}/check", 200, text=WRONG)).text
    assert area(page) == WRONG
    assert "<h1>" in page
    headers = {"hx-request": "true", "x-csrf-token": visitor.csrf}
    part = await visitor.client.post(f"{PATH}/check", data={"text": WRONG}, headers=headers)
    assert part.status_code == 200
    assert part.text.startswith('<div id="found"')
    assert 'data-line="3"' in part.text
    assert await text_of(desk) == HELLO


async def test_a_text_is_simulated_as_it_stands_and_not_kept(visitor: Visitor, desk: Desk) -> None:
    await put(desk)
    text = HELLO.replace("hello:", "bye:")
    fields = {"text": text, "task": "shop/hello", "input": f'{{"name": "{EVIL}"}}'}
    page = (await visitor.send(f"{PATH}/simulate", 200, **fields)).text
    assert "run of <strong>shop/hello</strong>" in page
    assert "&#34;bye&#34;: &#34;&lt;script&gt;" in page
    assert EVIL not in page
    assert area(page) == text
    assert await text_of(desk) == HELLO


async def test_a_simulation_shows_what_leaves_and_what_time_brings(
    visitor: Visitor, desk: Desk
) -> None:
    await put(desk)
    text = """{scheduled_task: {name: "tick", schedule: "0 * * * *", function_stack: [
      {function: "external_api_request", url: "{{env.URL}}/x", data: {a: 1}, as: "got"},
      {function: "add_record", table: "ticks", data: {n: "{{got.body.n}}"}},
    ]}}"""
    fields = {
        "task": "",
        "variables": '{"URL": "https://api.example.com"}',
        "answers": '{"https://api.example.com": {"status": 200, "body": {"n": 7}}}',
        "tables": '{"ticks": [{"n": 1}]}',
        "span_s": "7200",
    }
    page = (await visitor.send(f"{PATH}/simulate", 200, text=text, **fields)).text
    assert "schedule</span> of shop/tick fires" in page
    assert "POST https://api.example.com/x" in page
    assert "Table ticks: 3 records" in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"input": "{"}, "The input cannot be read"),
        ({"input": "[]"}, "must be a JSON object"),
        ({"answers": "1"}, "What is answered must be"),
        ({"span_s": "long"}, "must be a number of seconds"),
        ({"span_s": "nan"}, "span_s"),
        ({"span_s": "-1"}, "span_s"),
        ({"task": "shop/none"}, "There is no task"),
        ({"text": WRONG}, "bdy"),
    ],
)
async def test_a_simulation_that_cannot_be_says_why(
    visitor: Visitor, desk: Desk, fields: dict[str, str], said: str
) -> None:
    await put(desk)
    given = {"text": HELLO, "task": "shop/hello", **fields}
    page = (await visitor.send(f"{PATH}/simulate", 200, **given)).text
    outcome = page[page.index('id="outcome"') :]
    assert said in html.unescape(outcome)
    assert area(page) == given["text"]


async def test_what_is_saved_is_run_and_the_run_is_named(visitor: Visitor, desk: Desk) -> None:
    await put(desk)
    fields = {"task": "shop/hello", "input": '{"name": "ada"}', "text": "typed"}
    page = (await visitor.send(f"{PATH}/run", 200, **fields)).text
    (run,) = (await desk.ask("GET", "/v1/runs"))["items"]
    assert f'href="/dashboard/runs/{run["id"]}"' in page
    assert area(page) == "typed"
    page = (await visitor.send(f"{PATH}/run", 200, task="")).text
    assert "Choose the task" in page


async def test_it_is_paused_resumed_removed_and_restored(visitor: Visitor, desk: Desk) -> None:
    version = await put(desk)
    assert "Paused" in await visitor.do(f"{PATH}/pause")
    assert f"{PATH}/resume" in await visitor.see(PATH)
    assert "Resumed" in await visitor.do(f"{PATH}/resume")
    page = await visitor.do(f"{PATH}/remove")
    assert "This stack is removed" in page
    await visitor.see(PATH, 404)
    page = await visitor.do(f"{PATH}/restore", version=version)
    assert f"says again what version {version} says" in page
    assert await text_of(desk) == HELLO


async def test_versions_are_compared_and_an_old_one_restored(visitor: Visitor, desk: Desk) -> None:
    old = await put(desk)
    new = await put(desk, HELLO.replace("world", EVIL))
    page = await visitor.see(f"{PATH}/versions")
    assert re.findall(r'<tr class="(added|removed)">', page) == ["removed", "added"]
    assert EVIL not in page
    page = await visitor.see(f"{PATH}/versions?old={new}&new={old}")
    assert page.index('<tr class="removed">') < page.index("&lt;script&gt;")
    assert "the two texts are the same" in await visitor.see(f"{PATH}/versions?old={old}&new={old}")
    await visitor.do(f"{PATH}/restore", version=old)
    assert await text_of(desk) == HELLO


async def test_versions_that_there_are_not_are_refused(visitor: Visitor, desk: Desk) -> None:
    await visitor.see(f"{PATH}/versions", 404)
    await put(desk)
    page = await visitor.see(f"{PATH}/versions?old={EVIL}", 404)
    assert "There is no stack version" in page
    assert EVIL not in page
    assert "There is no stack version" in await visitor.do(f"{PATH}/restore", version="none")


async def test_a_stack_of_a_file_can_be_tried_and_not_saved(visitor: Visitor, hub: Hub) -> None:
    await hub.ledger.write(PUT, PutStack("shop", "v1", HELLO, "file"))
    await hub.catalog.refresh()
    page = await visitor.see(PATH)
    assert "A file sets this stack" in page
    assert "data-save" not in page
    assert f"{PATH}/simulate" in page
    page = (await visitor.send(PATH, 409, text=WRONG.replace("bdy", "body"), version="v1")).text
    assert 'class="problem"' in page


async def test_whoever_only_reads_sees_no_buttons_and_changes_nothing(
    visitor_of: VisitorOf, desk: Desk
) -> None:
    version = await put(desk)
    reader = await visitor_of("read")
    page = await reader.see(PATH)
    assert "data-save" not in page
    assert "<button formaction" not in page.replace(f'formaction="{PATH}/check"', "")
    assert "readonly" in page
    for each in ("", "/simulate", "/run", "/pause", "/remove", "/restore"):
        await reader.send(f"{PATH}{each}", 403, text=WRONG, version=version)
    await reader.send(f"{PATH}/check", 200, text=WRONG)
    assert "not known" in await reader.see(f"{PATH}/versions")
    assert await text_of(desk) == HELLO


async def test_the_editor_is_told_the_language_and_the_names(
    visitor_of: VisitorOf, desk: Desk
) -> None:
    await put(desk)
    reader = await visitor_of("read")
    told = (await reader.client.get("/dashboard/stack-language")).json()
    assert told["names"]["tasks"] == ["shop/hello"]
    assert {"schema", "functions"} < set(told)


async def test_a_stack_that_there_is_not_has_no_page(visitor: Visitor) -> None:
    assert EVIL not in await visitor.see(f"/dashboard/stacks/{EVIL.replace('/', '%5C')}", 404)
    await visitor.send(PATH, 404, text=HELLO)
