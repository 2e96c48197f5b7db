"""Pages of tables: browsing, filters as forms, many at once, declarations, files in and out."""

import json
from html import unescape
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from hub.dashboard.conditions import Condition, conditions_of, filter_of
from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor, VisitorOf

HOSTILE = "<script>alert(1)</script>"
TABLE = {"table": "deals"}
PAGE = "/dashboard/tables/deals"
SPEC = {
    "columns": {
        "number": {"type": "text", "required": True, "unique": True},
        "status": {"type": "text", "enum": ["open", "done"], "default": "open"},
        "total": {"type": "number"},
    },
}


async def add(desk: Desk, *rows: dict[str, object]) -> None:
    await desk.ask("POST", "/v1/tables/{table}/records", TABLE, body=list(rows))


async def found(desk: Desk) -> list[dict[str, object]]:
    told = await desk.ask("GET", "/v1/tables/{table}/records", TABLE)
    return [each["fields"] for each in told["items"]]


async def bring(visitor: Visitor, name: str, content: bytes, **fields: str) -> tuple[int, str]:
    data = {"csrf": visitor.csrf, "format": "", **fields}
    answer = await visitor.client.post(f"{PAGE}/import", data=data, files={"file": (name, content)})
    if answer.status_code == 303:
        return 303, await visitor.see(answer.headers["location"])
    return answer.status_code, answer.text


async def test_tables_are_listed_and_begun_by_their_name(desk: Desk, visitor: Visitor) -> None:
    assert "There is no table yet" in await visitor.see("/dashboard/tables")
    await add(desk, {"n": 1}, {"n": 2})
    page = await visitor.see("/dashboard/tables")
    assert f'<a href="{PAGE}">deals</a>' in page
    answer = await visitor.client.get("/dashboard/tables?open=fresh")
    assert answer.headers["location"] == "/dashboard/tables/fresh"
    assert "No record yet" in await visitor.see("/dashboard/tables/fresh")
    wrong = await visitor.see(f"/dashboard/tables?open={quote(HOSTILE)}", 400)
    assert "is no table name" in wrong
    assert HOSTILE not in wrong
    await visitor.see("/dashboard/tables/a%20b", 400)


async def test_records_are_browsed_page_by_page_and_foreign_text_is_text(
    desk: Desk, visitor: Visitor
) -> None:
    await add(desk, *({"n": n, HOSTILE: HOSTILE} for n in range(60)))
    page = await visitor.see(PAGE)
    assert "60 records" in page
    assert HOSTILE not in page
    assert unescape(page).count(HOSTILE) >= 50
    assert "data-live" not in page
    onward = unescape(page.rpartition('" rel="next"')[0].rpartition('href="')[2])
    assert f'href="{PAGE}/records/60"' in await visitor.see(f"{PAGE}{onward}")


async def test_a_table_that_is_counted_no_further_says_so(desk: Desk, visitor: Visitor) -> None:
    rows = [{"n": n} for n in range(1_000)]
    for _ in range(10):
        await add(desk, *rows)
    wanted = quote('{"n": 5}')
    assert "10,000 or more" in await visitor.see("/dashboard/tables")
    assert "10,000 or more records" in await visitor.see(PAGE)
    assert "10 records of 10,000 or more" in await visitor.see(f"{PAGE}?filter={wanted}")


async def test_a_table_that_is_told_of_is_live(desk: Desk, visitor: Visitor) -> None:
    await desk.ask("PUT", "/v1/tables/{table}", TABLE, body={"live": True})
    assert 'data-live="tables.deals"' in await visitor.see(PAGE)


async def test_conditions_become_a_filter_and_are_shown_again(desk: Desk, visitor: Visitor) -> None:
    await desk.ask("PUT", "/v1/tables/{table}", TABLE, body=SPEC)
    await add(desk, {"number": "5", "total": 7}, {"number": "6", "total": 8})
    asked = "field=number&op=%24eq&value=5&field=total&op=%24lt&value=7.5&field=&op=%24eq&value="
    answer = await visitor.client.get(f"{PAGE}/find?{asked}&sort=total&direction=desc")
    where = answer.headers["location"]
    given = dict(parse_qsl(urlsplit(where).query))
    assert json.loads(given["filter"]) == {"number": {"$eq": "5"}, "total": {"$lt": 7.5}}
    assert json.loads(given["sort"]) == {"total": "desc"}
    page = await visitor.see(where)
    assert "1 record of 2" in page
    assert 'value="7.5"' in page
    assert 'aria-sort="descending"' in page
    assert f'href="{PAGE}/records/1"' in page
    assert f'href="{PAGE}/records/2"' not in page


@pytest.mark.parametrize(
    ("conditions", "filter_json"),
    [
        ([("a", "$eq", "5")], {"a": {"$eq": 5}}),
        ([("a", "$eq", '"5"')], {"a": {"$eq": "5"}}),
        ([("text", "$eq", "5")], {"text": {"$eq": "5"}}),
        ([("text", "$eq", "null")], {"text": {"$eq": None}}),
        ([("text", "$exists", "true")], {"text": {"$exists": True}}),
        ([("a", "$contains", "5")], {"a": {"$contains": "5"}}),
        ([("a", "$in", "x, 2")], {"a": {"$in": ["x", 2]}}),
        ([("a", "$in", '["x, y", 2]')], {"a": {"$in": ["x, y", 2]}}),
        (
            [("a", "$ne", "1"), ("a", "$ne", "2")],
            {"$and": [{"a": {"$ne": 1}}, {"a": {"$ne": 2}}]},
        ),
    ],
)
def test_what_is_typed_is_read_as_what_it_looks_like(
    conditions: list[tuple[str, str, str]], filter_json: object
) -> None:
    text = filter_of([Condition(*each) for each in conditions], ["text"])
    assert json.loads(text) == filter_json
    again = conditions_of(text)
    assert again is not None
    assert filter_of(again, ["text"]) == text


@pytest.mark.parametrize(
    "text", ['{"$or": []}', '{"a": {"$near": 1}}', "[]", "{", '{"a": {"b": 1}}']
)
async def test_a_filter_that_is_more_than_conditions_stays_as_it_was_typed(
    desk: Desk, visitor: Visitor, text: str
) -> None:
    assert conditions_of(text) is None
    await add(desk, {"a": 1})
    status = 200 if "$or" in text else 400
    page = await visitor.see(f"{PAGE}?filter={quote(text)}", status)
    assert text in unescape(page)
    assert "more than conditions" in page


@pytest.mark.parametrize("asked", ["sort=5", "sort=%7B%22a%22%3A%22up%22%7D", "cursor=x"])
async def test_what_cannot_be_asked_for_is_said(visitor: Visitor, asked: str) -> None:
    assert 'role="alert"' in await visitor.see(f"{PAGE}?{asked}", 400)


async def test_many_are_changed_and_removed_once_their_number_was_seen(
    desk: Desk, visitor: Visitor
) -> None:
    await add(desk, {"n": 1, "x": HOSTILE}, {"n": 1}, {"n": 2})
    wanted = '{"n": 1}'
    page = await visitor.see(f"{PAGE}/many?filter={quote(wanted)}")
    assert "Change 2 records" in page
    assert HOSTILE not in page
    sent = {"filter": wanted, "count": 2, "changes": '{"n": {"$inc": 5}}'}
    assert "2 records changed" in await visitor.do(f"{PAGE}/many/change", **sent)
    moved = await visitor.send(f"{PAGE}/many/change", 409, **sent)
    assert "Meanwhile 0 records match" in moved.text
    assert [each["n"] for each in await found(desk)] == [6, 6, 2]
    for changes in ("{", "[]", "{}", ""):
        wish = {"filter": "{}", "count": 3, "changes": changes}
        assert (
            await visitor.client.post(f"{PAGE}/many/change", data={"csrf": visitor.csrf, **wish})
        ).status_code == 400
    await visitor.send(f"{PAGE}/many/remove", 409, filter="", count=2)
    assert len(await found(desk)) == 3
    assert "3 records removed" in await visitor.do(f"{PAGE}/many/remove", filter="", count=3)
    assert await found(desk) == []
    assert "is not JSON" in await visitor.see(f"{PAGE}/many?filter=x", 400)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "number,total\r\nä,1.5\r\nb,\r\n"),
        ("A.JSONL", '{"number": "ä", "total": 1.5}\n{"number": "b"}\n'),
        ("a.json", '\ufeff[{"number": "ä", "total": 1.5}, {"number": "b"}]'),
    ],
)
async def test_a_file_is_added_by_what_its_name_says(
    desk: Desk, visitor: Visitor, name: str, content: str
) -> None:
    await desk.ask("PUT", "/v1/tables/{table}", TABLE, body=SPEC)
    status, page = await bring(visitor, name, content.encode())
    assert status == 303
    assert "Added of the file: 2 records." in page
    told = [(each["number"], each.get("total")) for each in await found(desk)]
    assert told == [("ä", 1.5), ("b", None)]


@pytest.mark.parametrize(
    ("name", "content", "status", "said"),
    [
        ("", b"", 400, "Choose a file first"),
        ("a.xml", b"<a/>", 400, "say which format"),
        ("a.csv", b"total\r\n5\r\nx\r\n", 400, "line 2"),
        ("a.json", b'{"number": "a"}', 400, "must be a JSON array"),
        ("a.json", b"[", 400, "JSON"),
        ("a.json", b"[" + b" " * (5 << 20) + b"]", 413, "at most"),
        ("a.json", b"[5]", 400, "must be a JSON object"),
    ],
)
async def test_a_file_that_does_not_fit_adds_nothing(
    desk: Desk, visitor: Visitor, name: str, content: bytes, status: int, said: str
) -> None:
    await desk.ask("PUT", "/v1/tables/{table}", TABLE, body=SPEC)
    answered, page = await bring(visitor, name, content)
    assert answered == status, page
    assert said in page
    assert await found(desk) == []


async def test_a_form_with_a_file_is_held_to_the_same_rules(
    desk: Desk, visitor: Visitor, visitor_of: VisitorOf
) -> None:
    status, page = await bring(visitor, "a.csv", b"a\n1\n", csrf="0" * 64)
    assert status == 403
    assert "not of this session" in page
    viewer = await visitor_of("read")
    assert (await bring(viewer, "a.csv", b"a\n1\n"))[0] == 403
    kind = {"content-type": "multipart/form-data; boundary=x"}
    token = f'--x\r\ncontent-disposition: form-data; name="csrf"\r\n\r\n{visitor.csrf}\r\n'
    file = '--x\r\ncontent-disposition: form-data; name="f"; filename="a.csv"\r\n\r\na\r\n1\r\n'
    for body, said in (
        (f"{token}{file}{token}--x--", "must be its last part"),
        (f"{token}{file}", "cannot be taken"),
        (f"{token.replace(visitor.csrf, 'x' * 70_000)}--x--", "too long"),
        ("no form", "cannot be taken"),
    ):
        answer = await visitor.client.post(f"{PAGE}/import", content=body, headers=kind)
        assert answer.status_code == 400
        assert said in answer.text
    late = f"{file}{token}--x--"  # whose form it is has to be known before its file
    answer = await visitor.client.post(f"{PAGE}/import", content=late, headers=kind)
    assert answer.status_code == 403
    assert await found(desk) == []


async def test_records_are_exported_as_they_are_filtered(desk: Desk, visitor: Visitor) -> None:
    await add(desk, {"n": 1}, {"n": "=2"})
    wanted = quote('{"n": 1}')
    answer = await visitor.client.get(f"{PAGE}/export?format=jsonl&filter={wanted}")
    assert [json.loads(line)["n"] for line in answer.text.splitlines()] == [1]
    answer = await visitor.client.get(f"{PAGE}/export?format=csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="deals.csv"'
    assert len(answer.text.splitlines()) == 3
    assert "is one of" in await visitor.see(f"{PAGE}/export?format=xls", 400)


async def test_columns_are_declared_changed_and_taken_back(desk: Desk, visitor: Visitor) -> None:
    sent = {
        "name.0": "number",
        "type.0": "text",
        "required.0": "on",
        "unique.0": "on",
        "name.1": "status",
        "type.1": "text",
        "enum.1": "open\r\ndone",
        "default.1": '"open"',
        "name.2": "",
        "type.2": "text",
        "live": "some",
        "told": '{"fields": ["number"]}',
    }
    assert "It is declared" in await visitor.do(f"{PAGE}/columns", **sent)
    told = await desk.ask("GET", "/v1/tables/{table}", TABLE)
    wanted = {name: SPEC["columns"][name] for name in ("number", "status")}
    assert (told["columns"], told["live"]["fields"]) == (wanted, ["number"])
    page = await visitor.see(f"{PAGE}/columns")
    assert 'value="&#34;open&#34;"' in page
    assert "open\ndone" in page
    assert '"fields":["number"]}' in unescape(page)
    for change, said in (
        ({"default.1": "open"}, "is not JSON"),
        ({"default.1": '"gone"'}, "default must be one of"),
        ({"name.1": "number"}, "two columns"),
        ({"name.1": "id"}, "column of every table"),
        ({"name.1": HOSTILE}, "/columns/"),
        ({"type.1": "colour"}, "/columns/status/type"),
        ({"told": "{"}, "JSON"),
    ):
        refused = await visitor.client.post(
            f"{PAGE}/columns", data={"csrf": visitor.csrf, **sent, **change}
        )
        assert refused.status_code in (400, 422), change
        assert said in unescape(refused.text), change
        assert "open\ndone" in refused.text, "what was typed is kept"
        assert HOSTILE not in refused.text
    assert "Nothing is declared" in await visitor.do(f"{PAGE}/columns/forget")
    assert "no declared table" in await visitor.do(f"{PAGE}/columns/forget")


async def test_whoever_only_looks_gets_no_forms_and_changes_nothing(
    desk: Desk, visitor_of: VisitorOf
) -> None:
    await add(desk, {"n": 1})
    viewer = await visitor_of("read")
    for path in (PAGE, f"{PAGE}/records/1", f"{PAGE}/columns"):
        page = await viewer.see(path)
        assert "Save" not in page
        assert "Declare</button>" not in page
        assert "/many" not in page
    for path in ("add", "many", "import"):
        await viewer.see(f"{PAGE}/{path}", 403)
    for path in ("records/1", "records/1/remove", "many/remove", "many/change", "columns"):
        await viewer.send(f"{PAGE}/{path}", 403, filter="{}", count=1)
    assert await found(desk) == [{"n": 1}]
