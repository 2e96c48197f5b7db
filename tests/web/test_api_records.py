import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.web.answers import good, pointers, refused
from tests.web.conftest import KeyOf

TABLE = "/v1/tables/orders/records"


async def test_a_record_is_added_read_changed_and_removed(api: httpx.AsyncClient) -> None:
    made = good(await api.post(TABLE, json={"name": "é", "n": 2**70}), 201)
    assert made == {
        "id": 1,
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
        "fields": {"name": "é", "n": 2**70},
    }
    assert good(await api.get(f"{TABLE}/1")) == made
    changed = good(await api.patch(f"{TABLE}/1", json={"n": 1, "paid": None}))
    assert changed["fields"] == {"name": "é", "n": 1, "paid": None}
    assert changed["created_at"] == made["created_at"]
    assert good(await api.get(f"{TABLE}/1")) == changed
    assert (await api.delete(f"{TABLE}/1")).status_code == 204
    refused(await api.get(f"{TABLE}/1"), 404, "record_not_found")


async def test_a_list_is_added_in_its_order(api: httpx.AsyncClient) -> None:
    made = good(await api.post(TABLE, json=[{"n": n} for n in range(3)]), 201)
    assert [(item["id"], item["fields"]["n"]) for item in made["items"]] == [(1, 0), (2, 1), (3, 2)]
    assert good(await api.get("/v1/tables"))["items"] == [
        {"name": "orders", "records": 3, "columns": {}, "managed_by": None}
    ]
    assert good(await api.post(TABLE, json=[]), 201) == {"items": []}


async def test_of_a_list_all_are_added_or_none(api: httpx.AsyncClient) -> None:
    body = refused(await api.post(TABLE, json=[{"n": 1}, {"id": 7}]), 422, "validation")
    assert pointers(body) == [("/1/id", None)]
    refused(await api.post(TABLE, json=[{"n": 1}, {"n": "a\x00"}]), 400, "json_unfit")
    assert good(await api.get(TABLE))["items"] == []


async def test_no_more_than_a_thousand_are_added_at_once(api: httpx.AsyncClient) -> None:
    refused(await api.post(TABLE, json=[{}] * 1001), 413, "too_large")
    assert len(good(await api.post(TABLE, json=[{}] * 1000), 201)["items"]) == 1000


async def test_a_time_of_making_that_is_given_is_kept_in_utc(api: httpx.AsyncClient) -> None:
    made = good(await api.post(TABLE, json={"created_at": "2020-01-01T02:00:00+02:00"}), 201)
    assert made["created_at"] == "2020-01-01T00:00:00.000000Z"
    assert made["fields"] == {}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"id": 1}, "/id"),
        ({"updated_at": "2020-01-01"}, "/updated_at"),
        ({"created_at": "yesterday"}, "/created_at"),
        ({"created_at": 5}, "/created_at"),
        ("text", ""),
        (5, ""),
        ([{"n": 1}, 5], "/1"),
    ],
)
async def test_what_is_no_record_is_refused(api: httpx.AsyncClient, body: Any, place: str) -> None:
    problem = refused(await api.post(TABLE, json=body), 422, "validation")
    assert pointers(problem)[0][0] == place


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"a": "\\u0000"}', "json_unfit"),
        (b'{"\\u0000": 1}', "json_unfit"),
        (b'{"a": "\\ud800"}', "json_broken"),
        (b'{"a": "\xed\xa0\x80"}', "json_broken"),
        (b'{"a": NaN}', "json_broken"),
        (b'{"a": 1', "json_broken"),
        (b"", "json_broken"),
        (b"[" * 300 + b"]" * 300, "json_too_deep"),
    ],
)
async def test_what_cannot_be_kept_is_refused(
    api: httpx.AsyncClient, raw: bytes, code: str
) -> None:
    headers = {"content-type": "application/json"}
    refused(await api.post(TABLE, content=raw, headers=headers), 400, code)
    good(await api.post(TABLE, json={"a": "b"}), 201)
    refused(await api.patch(f"{TABLE}/1", content=raw, headers=headers), 400, code)


@pytest.mark.parametrize("name", ["id", "created_at", "updated_at"])
async def test_a_patch_leaves_alone_what_the_hub_sets(api: httpx.AsyncClient, name: str) -> None:
    good(await api.post(TABLE, json={}), 201)
    body = refused(await api.patch(f"{TABLE}/1", json={name: 1}), 422, "validation")
    assert pointers(body) == [(f"/{name}", None)]
    refused(await api.patch(f"{TABLE}/1", json=[]), 422, "validation")


@pytest.mark.parametrize("record_id", ["7", "x", "-1", "1.0", "9" * 30, "%D9%A1"])
async def test_an_unknown_record_is_404(api: httpx.AsyncClient, record_id: str) -> None:
    refused(await api.get(f"{TABLE}/{record_id}"), 404, "record_not_found")
    refused(await api.patch(f"{TABLE}/{record_id}", json={}), 404, "record_not_found")
    refused(await api.delete(f"{TABLE}/{record_id}"), 404, "record_not_found")


@pytest.mark.parametrize("table", ["1a", "a-b", "a" * 64, "%C3%A9", "a%20b"])
async def test_a_tables_name_is_plain(api: httpx.AsyncClient, table: str) -> None:
    path = f"/v1/tables/{table}/records"
    refused(await api.post(path, json={}), 400, "table_invalid")
    refused(await api.get(path), 400, "table_invalid")
    refused(await api.get(f"{path}/1"), 400, "table_invalid")


async def find(api: httpx.AsyncClient, **query: Any) -> list[Any]:
    params = {
        name: value if isinstance(value, (str, int)) else json.dumps(value)
        for name, value in query.items()
    }
    return [item["fields"]["n"] for item in good(await api.get(TABLE, params=params))["items"]]


async def test_records_are_found_and_sorted(api: httpx.AsyncClient) -> None:
    rows = [
        {"n": 1, "status": "open", "of": {"name": "b"}},
        {"n": 2, "status": "paid", "of": {"name": "a"}},
        {"n": 3, "status": "open", "of": {"name": "a"}},
    ]
    good(await api.post(TABLE, json=rows), 201)
    assert await find(api) == [1, 2, 3]
    assert await find(api, filter={"status": "open"}) == [1, 3]
    assert await find(api, filter={"of.name": "a", "status": "open"}) == [3]
    assert await find(api, filter={"n": "1"}) == []
    assert await find(api, filter={"gone": None}) == [1, 2, 3]
    assert await find(api, sort={"n": "desc"}) == [3, 2, 1]
    assert await find(api, sort=[{"of.name": "asc"}, {"n": "desc"}]) == [3, 2, 1]


@pytest.mark.parametrize("sort", ["", '{"n":"desc"}'])
async def test_records_come_in_pages(api: httpx.AsyncClient, sort: str) -> None:
    good(await api.post(TABLE, json=[{"n": n} for n in range(5)]), 201)
    seen: list[int] = []
    page = good(await api.get(TABLE, params={"limit": 2, **({"sort": sort} if sort else {})}))
    while True:
        seen += [item["fields"]["n"] for item in page["items"]]
        if page["next"] is None:
            break
        page = good(await api.get(page["next"]))
    assert seen == ([4, 3, 2, 1, 0] if sort else [0, 1, 2, 3, 4])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("filter", "{"),
        ("filter", "[]"),
        ("filter", '"a"'),
        ("filter", '{"$or": 1}'),
        ("filter", '{"a": {"$regex": "b"}}'),
        ("filter", '{"a": [1]}'),
        ("filter", '{"a\\"b": 1}'),
        ("sort", "n"),
        ("sort", '{"n": "down"}'),
        ("sort", '{"n": {}}'),
        ("sort", '["n"]'),
        ("sort", "5"),
        ("sort", json.dumps([{f"f{n}": "asc"} for n in range(11)])),
    ],
)
async def test_a_question_that_cannot_be_is_refused(
    api: httpx.AsyncClient, name: str, text: str
) -> None:
    refused(await api.get(TABLE, params={name: text}), 400, f"{name}_invalid")


async def test_a_reader_does_not_write(api: httpx.AsyncClient, key_of: KeyOf) -> None:
    reader = await key_of("read")
    refused(await api.post(TABLE, json={}, headers=reader), 403, "forbidden")
    good(await api.get(TABLE, headers=reader))


async def test_adding_at_once_gives_each_its_number(api: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(api.post(TABLE, json=[{}, {}]) for _ in range(5)))
    ids = [item["id"] for each in answers for item in good(each, 201)["items"]]
    assert sorted(ids) == list(range(1, 11))
