"""Tables by API: what is declared of them, all records that match, files in and out."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from hub.bootstrap import Hub
from hub.model.table import TableSpec
from hub.store.stacks import PUT, PutStack
from tests.web.answers import good, refused
from tests.web.conftest import KeyOf

TABLE = "/v1/tables/people"
RECORDS = f"{TABLE}/records"
SPEC = {
    "columns": {
        "mail": {"type": "text", "required": True, "unique": True},
        "plan": {"type": "text", "enum": ["free", "team"], "default": "free"},
        "n": {"type": "integer", "index": True},
        "due": {"type": "datetime"},
    }
}
LINES = "application/x-ndjson"


async def add(api: httpx.AsyncClient, *rows: dict[str, Any]) -> None:
    good(await api.post(RECORDS, json=list(rows)), 201)


async def fields(api: httpx.AsyncClient, **params: Any) -> list[Any]:
    told = {k: v if isinstance(v, (str, int)) else json.dumps(v) for k, v in params.items()}
    return [each["fields"] for each in good(await api.get(RECORDS, params=told))["items"]]


async def bring(
    api: httpx.AsyncClient, text: str | bytes, kind: str = LINES, **headers: str
) -> httpx.Response:
    given = {"content-type": kind, **headers}
    return await api.post(f"{TABLE}/import", content=text, headers=given)


# declarations


async def test_a_declaration_is_put_read_replaced_and_taken_back(api: httpx.AsyncClient) -> None:
    refused(await api.get(TABLE), 404, "table_unknown")
    made = good(await api.put(TABLE, json=SPEC))
    assert made == {"name": "people", "records": 0, "managed_by": "api", **SPEC}
    assert good(await api.put(TABLE, json=SPEC)) == made
    assert good(await api.get(TABLE)) == made
    less = good(await api.put(TABLE, json={"columns": {"mail": {"type": "text"}}}))
    assert less["columns"] == {"mail": {"type": "text"}}
    assert (await api.delete(TABLE)).status_code == 204
    refused(await api.delete(TABLE), 404, "declared_table_unknown")
    assert good(await api.get("/v1/tables"))["items"] == []


@pytest.mark.parametrize("live", [True, {"filter": {"n": {"$gt": 1}}, "fields": ["n"]}, {}])
async def test_a_table_is_declared_live_and_no_longer(
    api: httpx.AsyncClient, hub: Hub, live: Any
) -> None:
    made = good(await api.put(TABLE, json={"live": live}))
    assert made == {"name": "people", "records": 0, "columns": {}, "live": live} | {
        "managed_by": "api"
    }
    assert good(await api.get(TABLE)) == made
    assert list(hub.ledger.live) == ["people"]
    assert "live" not in good(await api.put(TABLE, json={"live": False}))
    assert hub.ledger.live == {}
    good(await api.put(TABLE, json={"live": live}))
    assert (await api.delete(TABLE)).status_code == 204
    assert hub.ledger.live == {}


async def test_what_is_declared_holds_for_every_write(api: httpx.AsyncClient) -> None:
    good(await api.put(TABLE, json=SPEC))
    await add(api, {"mail": "a", "due": "2026-03-01T12:00:00+02:00"})
    [record] = await fields(api)
    assert record == {"mail": "a", "plan": "free", "due": "2026-03-01T10:00:00.000000Z"}
    body = refused(await api.post(RECORDS, json=[{"plan": "x", "n": "1"}]), 422, "validation")
    assert sorted(each["pointer"] for each in body["problems"]) == ["/0/mail", "/0/n", "/0/plan"]
    refused(await api.post(RECORDS, json={"mail": "a"}), 409, "not_unique")
    body = refused(await api.patch(f"{RECORDS}/1", json={"n": 1.5}), 422, "validation")
    assert [each["pointer"] for each in body["problems"]] == ["/n"]
    assert await fields(api) == [record]
    hit = {"due": {"$lte": "2026-03-01T10:00:00Z"}}
    assert await fields(api, filter=hit) == [record]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"columns": {"a": {"type": "money"}}}, "/columns/a/type"),
        ({"columns": {"a": {"kind": "text"}}}, "/columns/a/kind"),
        ({"columns": {"a b": {}}}, "/columns/a b/[key]"),
        ({"columns": []}, "/columns"),
        ({"rows": {}}, "/rows"),
        ({"live": "often"}, "/live"),
        ({"live": {"filter": {"a": {"$like": 1}}}}, "/live/filter"),
        ({"live": {"fields": [""]}}, "/live/fields/0"),
        ({"live": {"columns": ["a"]}}, "/live/columns"),
    ],
)
async def test_a_declaration_that_cannot_be_names_the_place(
    api: httpx.AsyncClient, body: Any, place: str
) -> None:
    problem = refused(await api.put(TABLE, json=body), 422, "validation")
    assert [each["pointer"] for each in problem["problems"]] == [place]


async def test_records_that_are_there_have_to_fit_a_declaration(api: httpx.AsyncClient) -> None:
    await add(api, {"mail": "a"}, {"mail": "a"})
    refused(await api.put(TABLE, json=SPEC), 409, "not_unique")
    await add(api, {"mail": 5})
    problem = refused(await api.put(TABLE, json=SPEC), 400, "record_invalid")
    assert problem["message"].startswith("Record 3 of people does not fit: 'mail' must be text")
    assert good(await api.get(TABLE))["managed_by"] is None


async def test_what_a_stack_declares_is_changed_there(hub: Hub, api: httpx.AsyncClient) -> None:
    spec = TableSpec.model_validate(SPEC)
    await hub.ledger.write(PUT, PutStack("shop", "v1", "{}", tables=(("people", spec),)))
    await hub.catalog.refresh()
    assert good(await api.get(TABLE))["managed_by"] == "stack:shop"
    for answer in (await api.put(TABLE, json={"columns": {}}), await api.delete(TABLE)):
        assert "stack:shop" in refused(answer, 409, "declared_elsewhere")["message"]


# all that match


async def test_all_that_match_are_changed_or_removed(api: httpx.AsyncClient) -> None:
    await add(api, *({"n": n, "state": "new"} for n in range(5)))
    where = {"filter": '{"n": {"$gte": 2}}'}
    change = {"state": "old", "tries": {"$inc": 2}}
    assert good(await api.patch(RECORDS, params=where, json=change)) == {"count": 3}
    assert good(await api.patch(RECORDS, params=where, json=change)) == {"count": 3}
    assert [each.get("tries") for each in await fields(api)] == [None, None, 4, 4, 4]
    assert good(await api.request("DELETE", RECORDS, params={"filter": '{"state":"old"}'})) == {
        "count": 3
    }
    assert [each["n"] for each in await fields(api)] == [0, 1]
    assert good(await api.request("DELETE", RECORDS, params={"filter": "{}"})) == {"count": 2}


async def test_a_change_of_many_has_to_say_of_which(api: httpx.AsyncClient) -> None:
    await add(api, {"n": 1})
    for answer in (await api.patch(RECORDS, json={"n": 2}), await api.delete(RECORDS)):
        refused(answer, 400, "filter_missing")
    refused(await api.patch(RECORDS, params={"filter": "{"}, json={}), 400, "filter_invalid")
    assert await fields(api) == [{"n": 1}]


async def test_a_change_of_many_is_whole_or_not_at_all(api: httpx.AsyncClient) -> None:
    await add(api, {"n": 1}, {"n": "x"}, {"n": 3})
    answer = await api.patch(RECORDS, params={"filter": "{}"}, json={"n": {"$inc": 1}})
    refused(answer, 400, "increase_invalid")
    assert [each["n"] for each in await fields(api)] == [1, "x", 3]
    answer = await api.patch(RECORDS, params={"filter": "{}"}, json={"n": {"$inc": "1"}})
    assert refused(answer, 422, "validation")["problems"][0]["pointer"] == "/n"


async def test_counters_add_up(api: httpx.AsyncClient) -> None:
    await add(api, {"n": 0})
    one = {"n": {"$inc": 1}}
    await asyncio.gather(*(api.patch(f"{RECORDS}/1", json=one) for _ in range(20)))
    assert await fields(api) == [{"n": 20}]


# pages


async def test_pages_by_sort_go_on_behind_their_last_record(api: httpx.AsyncClient) -> None:
    await add(api, *({"n": n, "k": k} for n, k in enumerate([2, None, "b", 1, 2, "a", 1.5, None])))
    seen: list[int] = []
    answer = good(await api.get(RECORDS, params={"limit": 3, "sort": '{"k":"desc"}'}))
    while True:
        seen += [each["fields"]["n"] for each in answer["items"]]
        if answer["next"] is None:
            break
        await add(api, {"n": 99, "k": 5})  # stands in front, where the pages have been
        answer = good(await api.get(answer["next"]))
    assert seen == [0, 4, 6, 3, 2, 5, 1, 7]


@pytest.mark.parametrize("cursor", ["x", "", "WzFd", "W10="])
async def test_a_cursor_that_is_none_of_ours_is_refused(
    api: httpx.AsyncClient, cursor: str
) -> None:
    await add(api, {"n": 1})
    params = {"sort": '{"n":"asc"}', "cursor": cursor}
    refused(await api.get(RECORDS, params=params), 400, "cursor_invalid")


# files


async def test_files_go_in_and_out(api: httpx.AsyncClient) -> None:
    assert good(await bring(api, '{"n": 1}\n{"n": 2, "text": "=x"}\n'), 201) == {"count": 2}
    assert good(await bring(api, 'n,text\n3,"a,b"\n', "text/csv; charset=utf-8"), 201)["count"] == 1
    answer = await api.get(f"{TABLE}/export", params={"format": "csv", "sort": '{"id":"desc"}'})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="people.csv"'
    first, *rows = answer.text.splitlines()
    assert first == "id,created_at,updated_at,n,text"
    assert [row.split(",", 3)[3] for row in rows] == ['3,"a,b"', "2,'=x", "1,"]
    answer = await api.get(f"{TABLE}/export", params={"filter": '{"n": {"$lt": 3}}'})
    assert answer.headers["content-type"] == LINES
    assert [json.loads(line)["n"] for line in answer.text.splitlines()] == [1, 2]


async def test_of_a_file_with_faults_nothing_is_added(api: httpx.AsyncClient) -> None:
    good(await api.put(TABLE, json=SPEC))
    text = '{"mail": "a"}\n{"mail": 5}\n\n{"plan": "team"}\n{"mail": "a"}\n'
    problem = refused(await bring(api, text), 400, "rows_invalid")
    assert [each["line"] for each in problem["problems"]] == [2, 4, 5]
    assert problem["message"].startswith("Nothing was added. Line 2: 'mail' must be text, not 5.")
    assert await fields(api) == []


@pytest.mark.parametrize("kind", ["", "application/json", "text/plain", "x" * 300])
async def test_a_file_says_what_it_is(api: httpx.AsyncClient, kind: str) -> None:
    refused(await bring(api, "{}", kind), 415, "content_type_unsupported")


async def test_an_export_that_cannot_be_is_refused_before_it_begins(api: httpx.AsyncClient) -> None:
    for params, code in (
        ({"format": "xml"}, "query_invalid"),
        ({"filter": "{"}, "filter_invalid"),
        ({"sort": "5"}, "sort_invalid"),
        ({"limit": "5"}, "query_unknown"),
    ):
        refused(await api.get(f"{TABLE}/export", params=params), 400, code)


async def test_keys_do_what_their_scopes_say(api: httpx.AsyncClient, key_of: KeyOf) -> None:
    reader = await key_of("read")
    good(await api.get("/v1/tables", headers=reader))
    assert (await api.get(f"{TABLE}/export", headers=reader)).status_code == 200
    for answer in (
        await api.put(TABLE, json=SPEC, headers=reader),
        await api.delete(TABLE, headers=reader),
        await api.patch(RECORDS, params={"filter": "{}"}, json={}, headers=reader),
        await api.request("DELETE", RECORDS, params={"filter": "{}"}, headers=reader),
        await bring(api, "{}", **reader),
    ):
        refused(answer, 403, "forbidden")


async def test_records_that_match_are_counted(api: httpx.AsyncClient) -> None:
    assert good(await api.get(f"{TABLE}/count")) == {"count": 0}
    await add(api, {"n": 1}, {"n": 2}, {"n": "2"})
    assert good(await api.get(f"{TABLE}/count")) == {"count": 3}
    told = {"filter": '{"n": {"$gt": 1}}'}
    assert good(await api.get(f"{TABLE}/count", params=told)) == {"count": 1}
    refused(await api.get(f"{TABLE}/count", params={"filter": "[]"}), 400, "filter_invalid")
    refused(await api.get("/v1/tables/a b/count"), 400, "table_invalid")
