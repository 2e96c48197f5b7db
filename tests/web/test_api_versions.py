import httpx
import pytest

from tests.web.answers import good, refused
from tests.web.conftest import KeyOf

TEXT = "{{task: 'sell', function_stack: [{{function: 'create_variable', name: 'x', value: {}}}]}}"


async def _put(api: httpx.AsyncClient, *values: int) -> list[str]:
    """Versions of ``shop``, the oldest first."""
    made = [await api.put("/v1/stacks/shop", content=TEXT.format(each)) for each in values]
    return [each.json()["version"] for each in made]


async def test_versions_tell_which_is_in_use_and_who_made_them(api: httpx.AsyncClient) -> None:
    one, two = await _put(api, 1, 2)
    await _put(api, 1)
    items = good(await api.get("/v1/stacks/shop/versions"))["items"]
    assert [(each["version"], each["in_use"]) for each in items] == [(two, False), (one, True)]
    assert {each["by"]["name"] for each in items} == {"tester"}


async def test_whoever_may_not_read_the_audit_sees_no_names(
    api: httpx.AsyncClient, key_of: KeyOf
) -> None:
    await _put(api, 1)
    answer = await api.get("/v1/stacks/shop/versions", headers=await key_of("read"))
    assert [each["by"] for each in good(answer)["items"]] == [None]
    weak = await api.get("/v1/stacks/shop/versions", headers=await key_of("publish"))
    refused(weak, 403, "forbidden")


async def test_versions_come_page_by_page(api: httpx.AsyncClient) -> None:
    made = await _put(api, 1, 2, 3)
    page = good(await api.get("/v1/stacks/shop/versions?limit=2"))
    rest = good(await api.get(page["next"]))
    found = [each["version"] for each in [*page["items"], *rest["items"]]]
    assert found == made[::-1]
    assert rest["next"] is None


@pytest.mark.parametrize("cursor", ["bm9uZQ", "NQ", "IngiIA", "!"])
async def test_a_cursor_of_elsewhere_is_refused(api: httpx.AsyncClient, cursor: str) -> None:
    await _put(api, 1)
    answer = await api.get(f"/v1/stacks/shop/versions?cursor={cursor}")
    refused(answer, 400, "cursor_invalid")


async def test_a_version_is_read_as_it_was_uploaded(api: httpx.AsyncClient) -> None:
    one, _ = await _put(api, 1, 2)
    path = f"/v1/stacks/shop/versions/{one}"
    shown = good(await api.get(path))
    assert (shown["text"], shown["in_use"]) == (TEXT.format(1), False)
    assert (await api.get(f"{path}?format=text")).text == TEXT.format(1)


async def test_what_there_is_not_is_refused(api: httpx.AsyncClient) -> None:
    refused(await api.get("/v1/stacks/shop/versions"), 404, "stack_unknown")
    await _put(api, 1)
    refused(await api.get("/v1/stacks/shop/versions/none"), 404, "stack_version_unknown")


async def test_versions_of_a_stack_that_is_removed_are_still_there(api: httpx.AsyncClient) -> None:
    (one,) = await _put(api, 1)
    await api.delete("/v1/stacks/shop")
    items = good(await api.get("/v1/stacks/shop/versions"))["items"]
    assert [(each["version"], each["in_use"]) for each in items] == [(one, False)]
    assert items[0]["by"]["name"] == "tester", "that it was removed is no version"


async def test_other_comments_are_kept_under_the_same_version(api: httpx.AsyncClient) -> None:
    (one,) = await _put(api, 1)
    text = f"// sells\n{TEXT.format(1)}"
    assert good(await api.put("/v1/stacks/shop", content=text))["version"] == one
    assert good(await api.get("/v1/stacks/shop"))["text"] == text


async def test_the_language_tells_its_steps_and_functions(api: httpx.AsyncClient) -> None:
    language = good(await api.get("/v1/language"))
    steps = language["schema"]["$defs"]["Step"]["properties"]["function"]["anyOf"][0]["enum"]
    assert {"add_record", "try_catch"} <= set(steps)
    (upper,) = [each for each in language["functions"] if each["name"] == "uppercase"]
    assert upper["signature"] == "uppercase(text)"
    assert upper["summary"]
