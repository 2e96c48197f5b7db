"""The editor of stacks, as somebody works in it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeAlias

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.program import ADMIN_KEY, Driven

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]
HELLO = """// greets
{
  task: "hello",
  function_stack: [
    { function: "return_response", body: { hello: "{{name ?? 'world'}}" } },
  ],
}
"""
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
PLACE = """(marked) => {
  const { frames, isKey } = StackLanguage.placeIn(marked.replace("|", ""), marked.indexOf("|"));
  const top = frames.at(-1);
  const kinds = frames.map((each) => each.kind).join("/");
  const where = `${isKey ? "key" : `value of ${top.key}`} in ${kinds}`;
  return `${top.values.function}: ${where}`;
}"""
Opened: TypeAlias = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="session")
async def opened(browser: Browser, hub: Driven) -> AsyncIterator[Opened]:
    """Opens the editor of a new stack; nothing on its page may be refused by its own policy."""
    complaints: list[str] = []

    @asynccontextmanager
    async def signed_in(**options: Any) -> AsyncIterator[Page]:
        async with await browser.new_context(**options) as context:
            page = await context.new_page()
            page.on("console", lambda told: complaints.append(told.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.goto(f"{hub.base}/login?next=/dashboard/stacks")
            await page.get_by_label("API key").fill(ADMIN_KEY)
            await page.get_by_role("button", name="Sign in with the key").click()
            yield page

    async with AsyncExitStack() as windows:

        async def open_one(name: str, text: str = HELLO, **options: Any) -> Page:
            answer = await hub.api.put(f"/v1/stacks/{name}", content=text)
            assert answer.is_success, answer.text
            page = await windows.enter_async_context(signed_in(**options))
            await page.goto(f"{hub.base}/dashboard/stacks/{name}")
            return page

        yield open_one
    # htmx says there too what was refused
    assert [each for each in complaints if "422" not in each and "htmx:" not in each] == []


async def test_a_mistake_is_seen_at_its_line_mended_saved_and_run(
    opened: Opened, hub: Driven
) -> None:
    page = await opened("mended")
    text = page.get_by_role("textbox", name="Text of the stack")
    await expect(page.locator("#found")).to_contain_text("No problems")
    await text.click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type('{ task: "late", function_stack: [\n')
    await page.keyboard.type('{ function: "return_response", bdy: 1 },')
    await expect(page.locator("#found")).to_contain_text("1 error")
    await expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    await expect(page.locator("#found li")).to_contain_text("Did you mean 'body'?")

    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator("#refusal")).to_contain_text("cannot be loaded")
    await expect(text).to_contain_text("bdy")

    await text.press("Control+Home")
    await page.locator("#found a").click()
    for _ in "bdy":
        await page.keyboard.press("Delete")
    await page.keyboard.type("body")
    await page.keyboard.press("Escape")
    await expect(page.locator("#found")).to_contain_text("It holds 2 tasks")
    await expect(page.locator(".cm-lint-marker-error")).to_have_count(0)
    await page.keyboard.press("Control+s")
    await expect(page.locator("#said")).to_contain_text("Saved as version")
    await expect(page.locator("#refusal")).to_be_empty()

    await page.get_by_label("Task").select_option("mended/late")
    await page.get_by_role("button", name="Run what is saved").click()
    link = page.locator("#outcome").get_by_role("link")
    run_id = str(await link.get_attribute("href")).rpartition("/")[2]
    run = (await hub.api.get(f"/v1/runs/{run_id}")).json()
    assert run["task"] == "mended/late", "only what was saved last has it"
    await expect(text).to_contain_text("late")


async def test_a_text_is_simulated_before_it_is_saved(opened: Opened, hub: Driven) -> None:
    page = await opened("tried", HELLO.replace("world", "nobody"))
    await page.get_by_label("Input, a JSON object").fill('{"name": "ada"}')
    await page.get_by_role("button", name="Simulate the text").click()
    await expect(page.locator("#outcome pre")).to_contain_text('"hello": "ada"')
    await page.get_by_label("Input, a JSON object").fill("{")
    await page.get_by_role("button", name="Simulate the text").click()
    await expect(page.locator("#outcome")).to_contain_text("The input cannot be read")


async def test_functions_fields_and_expressions_are_completed(opened: Opened) -> None:
    page = await opened("completed")
    await page.get_by_role("textbox", name="Text of the stack").click()
    await page.keyboard.press("Control+End")
    offers = page.locator(".cm-tooltip-autocomplete")
    await page.keyboard.type('{ task: "b", function_stack: [{ function: "add_rec')
    await _take(page, "add_record")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.type(", tab")
    await expect(offers).not_to_contain_text("group_by")
    await _take(page, "table")
    await page.keyboard.type('"x", data: { n: "{{upperc')
    await _take(page, "uppercase")
    line = page.locator(".cm-line").last
    await expect(line).to_contain_text(
        'function: "add_record", table: "x", data: { n: "{{uppercase('
    )


async def test_yaml_is_completed_by_its_indentation(opened: Opened) -> None:
    page = await opened("indented", "task: a\nfunction_stack:\n  - function: break\n")
    await page.get_by_role("textbox", name="Text of the stack").click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("  - function: delete_rec")
    await _take(page, "delete_record")
    await page.keyboard.type("\ntabl")
    await _take(page, "table")
    await page.keyboard.type("x")
    last = page.locator(".cm-line").last
    await expect(last).to_have_text("    table: x")


async def _take(page: Page, label: str) -> None:
    """Take a completion that is offered."""
    offer = page.get_by_role("option", name=label).first
    await expect(offer).to_be_visible()
    await offer.click()


async def test_a_place_is_known_in_either_notation(opened: Opened) -> None:
    page = await opened("placed")
    places = {
        "{ a: [{ function: 'x', |": "x: key in map/list/map",
        '{ a: [{ function: "x|': "x: value of function in map/list/map",
        "{ a: { b: |, c: 1 } }": "undefined: value of b in map/map",
        "// {{\n{ 'a': \"{\", |": "undefined: key in map",
        "a:\n  - function: x\n    |": "x: key in map/list/map",
        "a:\n- function: x\n|": "undefined: key in map",
        "a:\n  - function: |\n    b: 1": "undefined: value of function in map/list/map",
        "a: 1\n---\nfunction: z\nb: |": "z: value of b in map",
    }
    for text, shown in places.items():
        assert await page.evaluate(PLACE, text) == shown


async def test_the_keyboard_leaves_the_text(opened: Opened) -> None:
    page = await opened("left")
    text = page.get_by_role("textbox", name="Text of the stack")
    await text.click()
    await page.keyboard.press("Tab")
    await expect(text).to_be_focused()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Tab")
    await expect(text).not_to_be_focused()


async def test_without_script_the_text_is_checked_and_saved(opened: Opened, hub: Driven) -> None:
    page = await opened("plain", java_script_enabled=False)
    text = page.get_by_label("Text, as JSON5 or YAML")
    await text.fill(HELLO.replace("body", "bdy"))
    await page.get_by_role("button", name="Check").click()
    await expect(page.locator("#found")).to_contain_text("line 5")
    await text.fill(HELLO.replace("world", "all"))
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator("#said")).to_contain_text("Saved as version")
    saved = await hub.api.get("/v1/stacks/plain?format=text")
    assert saved.text == HELLO.replace("world", "all")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_whoever_sees_or_reads_otherwise_can_use_it_on_a_phone(
    opened: Opened, scheme: str
) -> None:
    phone = {"width": 400, "height": 800}
    text = HELLO.replace("body", "bdy")
    page = await opened("seen", color_scheme=scheme, viewport=phone, bypass_csp=True)  # for axe
    await page.get_by_role("textbox", name="Text of the stack").click()
    await page.keyboard.press("Control+A")
    await page.keyboard.insert_text(text)
    await expect(page.locator("#found")).to_contain_text("1 error")
    await page.get_by_role("button", name="Simulate the text").click()
    await expect(page.locator("#outcome .problem")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = await Axe().run(page, options=RULES)
    assert found.response["violations"] == []
