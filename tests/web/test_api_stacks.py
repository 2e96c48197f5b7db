import httpx
import pytest

from hub.bootstrap import Hub
from hub.store.stacks import PUT, PutStack
from tests.web.answers import good, refused

SHOP = """// sells things
{task: 'sell', source: 'shop', function_stack: [
  {function: 'create_variable', name: 'x', value: 1},
]}
"""


async def test_a_stack_is_uploaded_as_it_stands(api: httpx.AsyncClient, hub: Hub) -> None:
    made = good(await api.put("/v1/stacks/shop", content=SHOP), 201)
    assert made == {
        "name": "shop",
        "version": made["version"],
        "tasks": ["shop/sell"],
        "endpoints": [],
        "schedules": [],
        "problems": [],
    }
    assert hub.catalog.now.stacks["shop"].version == made["version"]
    shown = good(await api.get("/v1/stacks/shop"))
    assert (shown["text"], shown["tasks"], shown["managed_by"]) == (SHOP, ["shop/sell"], "api")
    as_text = await api.get("/v1/stacks/shop?format=text")
    assert (as_text.text, as_text.headers["content-type"]) == (SHOP, "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "application/json5", "text/yaml", None]
)
async def test_any_kind_of_text_is_taken(api: httpx.AsyncClient, kind: str | None) -> None:
    headers = {"content-type": kind} if kind else {}
    good(await api.put("/v1/stacks/shop", content=SHOP.encode(), headers=headers), 201)


async def test_the_same_text_is_the_same_version(api: httpx.AsyncClient) -> None:
    first = good(await api.put("/v1/stacks/shop", content=SHOP), 201)
    again = good(await api.put("/v1/stacks/shop", content=SHOP))
    other = good(await api.put("/v1/stacks/shop", content=SHOP.replace("1", "2")))
    assert first["version"] == again["version"] != other["version"]


async def test_every_problem_stands_at_its_place(api: httpx.AsyncClient) -> None:
    slip = '{"function": "create_variable", "nam": "a", "value": 1}'
    text = f'{{"task": "sell", "function_stack": [\n  {slip},\n  {{"x": 1}}]}}'
    body = refused(await api.put("/v1/stacks/shop", content=text), 422, "stack_invalid")
    _, first, second = body["problems"]
    assert first["line"] == 2
    assert first["pointer"].startswith("/function_stack/0")
    assert first["hint"] == "Did you mean 'name'?"
    assert second["line"] == 3
    assert second["pointer"].startswith("/function_stack/1")
    refused(await api.get("/v1/stacks/shop"), 404, "stack_unknown")


async def test_a_broken_document_is_refused(api: httpx.AsyncClient) -> None:
    body = refused(await api.put("/v1/stacks/shop", content="{"), 422, "document_broken")
    assert body["problems"][0]["line"] == 1


async def test_bytes_that_are_no_text_are_refused(api: httpx.AsyncClient) -> None:
    refused(await api.put("/v1/stacks/shop", content=b"\xff\xfe{}"), 400, "text_broken")


async def test_a_bad_upload_leaves_the_stack_as_it_was(api: httpx.AsyncClient) -> None:
    good(await api.put("/v1/stacks/shop", content=SHOP), 201)
    refused(await api.put("/v1/stacks/shop", content="[]"), 422, "stack_invalid")
    assert good(await api.get("/v1/stacks/shop"))["text"] == SHOP


@pytest.mark.parametrize("name", [".x", "-x", "a%20b", "%C3%A9", "a" * 101])
async def test_a_stacks_name_is_plain(api: httpx.AsyncClient, name: str) -> None:
    refused(await api.put(f"/v1/stacks/{name}", content=SHOP), 400, "stack_name_invalid")


async def test_stacks_are_listed_and_removed(api: httpx.AsyncClient, hub: Hub) -> None:
    for name in ("b", "a"):
        good(await api.put(f"/v1/stacks/{name}", content=SHOP), 201)
    items = good(await api.get("/v1/stacks"))["items"]
    assert [(item["name"], item["tasks"]) for item in items] == [
        ("a", ["a/sell"]),
        ("b", ["b/sell"]),
    ]
    assert "text" not in items[0]
    assert (await api.delete("/v1/stacks/a")).status_code == 204
    refused(await api.delete("/v1/stacks/a"), 404, "stack_unknown")
    assert list(hub.catalog.now.stacks) == ["b"]


async def test_a_stack_that_a_file_sets_is_not_changed_here(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    await hub.ledger.write(PUT, PutStack("filed", "v1", SHOP, "file"))
    refused(await api.put("/v1/stacks/filed", content=SHOP), 409, "managed_by_file")
    refused(await api.delete("/v1/stacks/filed"), 409, "managed_by_file")


async def test_a_stack_that_cannot_be_loaded_any_more_says_why(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    await hub.ledger.write(PUT, PutStack("old", "v1", '{"x": {"gone": 1}}'))
    shown = good(await api.get("/v1/stacks/old"))
    assert (shown["version"], shown["tasks"]) == ("v1", [])
    assert shown["problems"][0]["pointer"] == "/x"


async def test_an_unknown_form_is_refused(api: httpx.AsyncClient) -> None:
    refused(await api.get("/v1/stacks/x?format=yaml"), 400, "query_invalid")
