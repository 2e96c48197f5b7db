"""The way from nothing to a first event."""

import html
import re
import shlex

import pytest

from hub.bootstrap import Hub
from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor, VisitorOf


@pytest.mark.parametrize(
    ("tool", "connector"),
    [("n8n", "n8n"), ("make", "make"), ("weweb", "weweb"), ("xano", "xano"), ("other", "standard")],
)
async def test_a_tool_gets_an_address_and_a_secret_of_its_own(
    hub: Hub, desk: Desk, visitor: Visitor, tool: str, connector: str
) -> None:
    answer = await visitor.send("/dashboard/first-event", 200, tool=tool)
    source = await desk.ask("GET", "/v1/sources/{slug}", {"slug": tool})
    assert source["connector"] == connector
    assert source["verify"]["mode"] == "header"
    line = shlex.split(html.unescape(re.findall(r"<pre[^>]*>(curl .*?)</pre>", answer.text)[0]))
    assert line[1] == f"http://hub.test/in/{tool}"
    name, _, secret = line[5].partition(": ")
    assert name == "X-Api-Key"
    kept = hub.catalog.now.sources[tool].verify.secrets  # type: ignore[union-attr]
    assert kept == (secret,)
    assert secret not in str(source), "it is shown this once"


async def test_a_second_one_gets_another_name(desk: Desk, visitor: Visitor) -> None:
    for _ in range(3):
        await visitor.send("/dashboard/first-event", 200, tool="n8n")
    listed = await desk.ask("GET", "/v1/sources")
    assert [each["slug"] for each in listed["items"]] == ["n8n", "n8n-2", "n8n-3"]


async def test_other_words_make_nothing(desk: Desk, visitor: Visitor) -> None:
    answer = await visitor.send("/dashboard/first-event", 400, tool="<script>")
    assert "Choose which tool sends" in answer.text
    await visitor.send("/dashboard/first-event", 400)
    assert (await desk.ask("GET", "/v1/sources"))["items"] == []


async def test_whoever_only_looks_makes_no_source(visitor_of: VisitorOf) -> None:
    viewer = await visitor_of("read")
    await viewer.see("/dashboard/first-event", 403)
    await viewer.send("/dashboard/first-event", 403, tool="n8n")
