import httpx
import pytest

from tests.web.answers import good, refused

OPEN = {"verify": {"mode": "none"}}


async def put_sources(api: httpx.AsyncClient, count: int) -> list[str]:
    names = [f"s{n}" for n in range(count)]
    for name in names:
        good(await api.put(f"/v1/sources/{name}", json=OPEN), 201)
    return names


async def test_next_leads_through_the_whole_list(api: httpx.AsyncClient) -> None:
    names = await put_sources(api, 5)
    seen: list[str] = []
    url: str | None = "/v1/sources?limit=2"
    pages = 0
    while url:
        page = good(await api.get(url))
        seen += [item["slug"] for item in page["items"]]
        url = page["next"]
        pages += 1
        assert url is None or url.startswith("http://hub.test/v1/sources?")
    assert (seen, pages) == (names, 3)


async def test_a_page_that_is_just_full_is_the_last(api: httpx.AsyncClient) -> None:
    await put_sources(api, 2)
    assert good(await api.get("/v1/sources?limit=2"))["next"] is None


async def test_filters_stand_in_next(api: httpx.AsyncClient) -> None:
    records = [{"n": n, "of": "a&b"} for n in range(3)]
    good(await api.post("/v1/tables/t/records", json=records), 201)
    first = await api.get(
        "/v1/tables/t/records",
        params={"limit": 2, "filter": '{"of":"a&b"}', "sort": '{"n":"desc"}'},
    )
    second = good(await api.get(good(first)["next"]))
    assert [item["fields"]["n"] for item in second["items"]] == [0]
    assert second["next"] is None


@pytest.mark.parametrize("limit", ["0", "501", "-1", "ten", "", "1.5", "٣", "9" * 5000])
async def test_a_limit_is_a_number_from_1_to_500(api: httpx.AsyncClient, limit: str) -> None:
    refused(await api.get("/v1/sources", params={"limit": limit}), 400, "limit_invalid")


@pytest.mark.parametrize(
    "cursor",
    ["x", "", "%%%", "é", "MTI", "bnVsbA", "dHJ1ZQ", "W10", "Ilx1MDAwMCI", "Ilx1ZDgwMCI"],
)
async def test_a_bad_cursor_is_refused(api: httpx.AsyncClient, cursor: str) -> None:
    refused(await api.get("/v1/sources", params={"cursor": cursor}), 400, "cursor_invalid")


@pytest.mark.parametrize(
    "cursor", ["ImEi", "dHJ1ZQ", "LTE", "MTAwMDAwMDAwMDAwMDAwMDAwMDAw", "MS41"]
)
async def test_a_bad_cursor_of_numbers_is_refused(api: httpx.AsyncClient, cursor: str) -> None:
    response = await api.get("/v1/tables/t/records", params={"cursor": cursor})
    refused(response, 400, "cursor_invalid")


async def test_a_cursor_with_nul_is_refused(api: httpx.AsyncClient) -> None:
    cursor = "ImFcdTAwMDBiIg"  # "a\u0000b"
    refused(await api.get("/v1/runs", params={"cursor": cursor}), 400, "cursor_invalid")


async def test_an_unknown_parameter_is_refused_with_a_hint(api: httpx.AsyncClient) -> None:
    body = refused(await api.get("/v1/runs?statsu=failed"), 400, "query_unknown")
    assert "'status'" in body["message"]


@pytest.mark.parametrize("query", ["?task=a&task=b", "?task=%00"])
async def test_a_parameter_is_given_once_and_as_text(api: httpx.AsyncClient, query: str) -> None:
    refused(await api.get(f"/v1/runs{query}"), 400, "query_invalid")


async def test_bytes_that_are_no_text_do_no_harm(api: httpx.AsyncClient) -> None:
    good(await api.get("/v1/runs?task=%FF%FE"))
