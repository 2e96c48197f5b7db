"""A record as a form: what is sent back is what was changed, and nobody's change is lost."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor

HOSTILE = "</textarea><script>alert(1)</script>"
TABLE = {"table": "deals"}
ONE = {"table": "deals", "id": "1"}
PAGE = "/dashboard/tables/deals/records/1"
SPEC = {
    "columns": {
        "status": {"type": "text", "enum": ["open", "done"]},
        "paid": {"type": "boolean"},
        "total": {"type": "number"},
        "due": {"type": "datetime"},
    }
}


class Form(HTMLParser):
    """The fields of the form that a page has, as a browser sends them."""

    def __init__(self, action: str, page: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self._action = action
        self._is_inside = False
        self._name = ""
        self._text = ""
        self._option: str | None = None
        self._options: list[tuple[str, bool]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = given.get("action") == self._action
        elif tag == "input" and "name" in given:
            self._keep(given["name"], given.get("value", ""))
        elif tag in ("textarea", "select"):
            self._name, self._text, self._options = given["name"], "", []
        elif tag == "option":
            self._option, self._text = given.get("value"), ""
            self._options.append(("", "selected" in given))

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._keep(self._name, self._text.removeprefix("\n"))
        elif tag == "option" and self._options:
            value = self._text if self._option is None else self._option
            self._options[-1] = (value, self._options[-1][1])
        elif tag == "select":
            chosen = [value for value, is_chosen in self._options if is_chosen]
            self._keep(self._name, (chosen or [self._options[0][0]])[0])

    def _keep(self, name: str, value: str) -> None:
        if self._is_inside:
            self.fields.setdefault(name, []).append(value)


async def form(visitor: Visitor) -> dict[str, list[str]]:
    return Form(PAGE, await visitor.see(PAGE)).fields


def typed(fields: dict[str, list[str]], name: str, value: str, kind: str | None = None) -> None:
    at = fields["name"].index(name)
    fields["value"][at] = value
    fields["kind"][at] = kind or fields["kind"][at]


async def save(visitor: Visitor, fields: dict[str, list[str]], status: int = 303) -> str:
    answer = await visitor.client.post(PAGE, data=fields)
    assert answer.status_code == status, answer.text
    return await visitor.see(answer.headers["location"]) if status == 303 else answer.text


async def record(desk: Desk) -> dict[str, Any]:
    told = await desk.ask("GET", "/v1/tables/{table}/records/{id}", ONE)
    return dict(told["fields"])


@pytest.fixture
async def before(desk: Desk) -> dict[str, Any]:
    """A record with a value of each kind."""
    await desk.ask("PUT", "/v1/tables/{table}", TABLE, body=SPEC)
    fields = {
        "status": "open",
        "paid": True,
        "total": 12345678901234567890,
        "text": f"\n a\r\nb\rc {HOSTILE} \u202e",
        "number": "5",
        "none": None,
        "list": [1, {"a": HOSTILE}],
        HOSTILE: "x",
    }
    await desk.ask("POST", "/v1/tables/{table}/records", TABLE, body=fields)
    return await record(desk)


async def test_what_was_not_touched_stays_to_the_letter(
    desk: Desk, visitor: Visitor, before: dict[str, Any]
) -> None:
    fields = await form(visitor)
    assert "Nothing was changed" in await save(visitor, fields)
    assert await record(desk) == before
    page = await visitor.see(PAGE)
    assert HOSTILE not in page


async def test_what_was_changed_is_saved_and_nothing_else(
    desk: Desk, visitor: Visitor, before: dict[str, Any]
) -> None:
    fields = await form(visitor)
    for name, value, kind in (
        ("status", "", None),
        ("paid", "false", None),
        ("total", "1.5", None),
        ("due", "2026-12-01T10:00:00+02:00", None),
        ("number", "6", None),
        ("none", "something", None),
        ("list", "[]", None),
        ("text", "", "nothing"),
        ("", "new", None),
    ):
        typed(fields, name, value, kind)
    fields["name"][-1] = "fresh"
    await desk.ask("PATCH", "/v1/tables/{table}/records/{id}", ONE, body={HOSTILE: "y"})
    page = await save(visitor, fields)
    (said,) = re.findall("Saved: (.*?)[.]", page)
    names = ["status", "paid", "total", "due", "number", "text", "none", "list", "fresh"]
    assert sorted(said.split(", ")) == sorted(names)
    assert await record(desk) == {
        "status": None,
        "paid": False,
        "total": 1.5,
        "due": "2026-12-01T08:00:00.000000Z",
        "number": "6",
        "none": "something",
        "list": [],
        "text": None,
        "fresh": "new",
        HOSTILE: "y",
    }


async def test_a_change_of_somebody_else_is_seen_before_it_is_replaced(
    desk: Desk, visitor: Visitor, before: dict[str, Any]
) -> None:
    fields = await form(visitor)
    typed(fields, "number", "mine")
    await desk.ask("PATCH", "/v1/tables/{table}/records/{id}", ONE, body={"number": "theirs"})
    page = await save(visitor, fields, 409)
    assert "Somebody else has changed number" in page
    assert "<code>theirs</code>" in page
    assert (await record(desk))["number"] == "theirs"
    onward = Form(PAGE, page).fields
    assert "mine" in onward["value"]
    assert "Saved: number." in await save(visitor, onward)
    assert (await record(desk))["number"] == "mine"


@pytest.mark.parametrize(
    ("name", "value", "kind", "status", "said"),
    [
        ("list", "[", None, 400, "JSON"),
        ("total", "many", "text", 422, "must be a number"),
        ("number", "x", "colour", 400, "not whole"),
        ("", "x", None, 400, "Name the new field"),
    ],
)
async def test_what_cannot_be_saved_is_kept_in_the_form(
    desk: Desk,
    visitor: Visitor,
    before: dict[str, Any],
    name: str,
    value: str,
    kind: str | None,
    status: int,
    said: str,
) -> None:
    fields = await form(visitor)
    typed(fields, name, value, kind)
    page = await save(visitor, fields, status)
    assert said in page
    assert f">\n{value}</textarea>" in page or "not whole" in said
    assert await record(desk) == before


async def test_a_field_is_not_named_twice_and_a_form_is_whole(
    visitor: Visitor, before: dict[str, Any]
) -> None:
    fields = await form(visitor)
    fields["name"][-1], fields["value"][-1] = "number", "x"
    assert "two fields" in await save(visitor, fields, 400)
    fields = await form(visitor)
    fields["was"].pop()
    assert "not whole" in await save(visitor, fields, 400)


async def test_a_field_that_is_too_long_is_left_alone(desk: Desk, visitor: Visitor) -> None:
    body = {"long": "x" * 70_000, "short": "a"}
    await desk.ask("POST", "/v1/tables/{table}/records", TABLE, body=body)
    fields = await form(visitor)
    assert fields["name"] == ["short", ""]
    assert "Too long to be edited here" in await visitor.see(PAGE)
    typed(fields, "short", "b")
    await save(visitor, fields)
    assert await record(desk) == {**body, "short": "b"}


async def test_records_are_added_and_removed(desk: Desk, visitor: Visitor) -> None:
    table = "/dashboard/tables/deals"
    assert "The record is added" in await visitor.do(f"{table}/add", record='{"a": "b"}')
    assert "2 records added" in await visitor.do(f"{table}/add", record="[{}, {}]")
    for wrong in ("{", "5", '{"id": 5}', ""):
        refused = await visitor.client.post(
            f"{table}/add", data={"csrf": visitor.csrf, "record": wrong}
        )
        assert refused.status_code in (400, 422)
        assert 'role="alert"' in refused.text
    assert "The record is removed" in await visitor.do(f"{PAGE}/remove")
    assert "There is no record 1" in await visitor.do(f"{PAGE}/remove")
    await visitor.see(PAGE, 404)
    await visitor.see(f"{table}/records/x", 404)
    await desk.ask("PUT", "/v1/tables/{table}", TABLE, body=SPEC)
    assert "&#34;status&#34;: null" in await visitor.see(f"{table}/add")
