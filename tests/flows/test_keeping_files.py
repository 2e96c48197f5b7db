"""A stack keeps files: those of forms, those it has been given as text, those it has made."""

from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from hub.files import open_blobs
from hub.filing import FileBounds, Filing
from hub.run.datasets import FiledDataSets
from hub.store.ledger import Ledger
from tests.flows.test_datasets import run
from tests.program import Driven, embedded_hub

CSV = "no,city\r\n1,Oslo\r\n2,Rome\r\n"
STACK = """
{ task: "import", source: "shop", function_stack: [
  { function: "keep_file", content: "{{input.list}}" },
  { function: "process_data_in_chunks", dataset: "{{kept}}", function_stack: [
    { function: "bulk_add_records", table: "cities", records: "{{chunk}}" },
  ] },
  { function: "query_all_records", table: "cities" },
  { function: "keep_file", content: "{{csv_encode(map(cities, pick(item, 'no,city')))}}",
    name: "cities.csv", content_type: "text/csv", keep_s: 3600, as: "made" },
  { function: "upload_results", files: ["{{kept}}", "{{made}}"] },
  { function: "return_response", body: { kept: "{{kept}}", results: "{{results}}" } },
] }
"""


async def kept(hub: Driven, fields: str, **given: Any) -> dict[str, Any]:
    """A run of one step that keeps a file."""
    return await run(
        hub,
        f'{{ function: "keep_file", {fields} }}, '
        '{ function: "return_response", body: "{{kept}}" }',
        **given,
    )


async def content(hub: Driven, file: str) -> bytes:
    """What is in a file."""
    return (await hub.api.get(f"/v1/files/{file}/content")).content


async def test_a_file_of_a_form_is_worked_through_and_what_comes_of_it_offered(
    hub: Driven,
) -> None:
    await hub.put("/v1/stacks/shop", STACK)
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
    form = {"list": ("../list of cities.csv", CSV, "text/csv")}
    answer = await hub.api.post("/in/shop", files=form, data={"note": "new ones"})
    assert answer.status_code in (200, 202), answer.text
    event = await hub.get(f"/v1/events/{answer.json()['event_id']}")
    told = await hub.until(f"/v1/runs/{event['runs'][0]}", status="succeeded")
    result = told["result"]
    assert result["kept"]["name"] == "list of cities.csv"
    assert (result["kept"]["content_type"], result["kept"]["size"]) == ("text/csv", len(CSV))
    async with httpx.AsyncClient(trust_env=False) as anybody:
        for offered in result["results"]["files"]:
            assert (await anybody.get(offered["url"])).text == CSV
    listed = (await hub.get(f"/v1/files?run_id={told['id']}"))["items"]
    assert {each["name"] for each in listed} == {"cities.csv", "list of cities.csv"}


@pytest.mark.parametrize(
    ("fields", "given", "name", "kind", "wanted"),
    [
        ('content: "{{x}}"', "ü", "file", "text/plain; charset=utf-8", "ü".encode()),
        (
            'content: "{{x}}", encoding: "base64"',
            "/+8=",
            "file",
            "application/octet-stream",
            b"\xff\xef",
        ),
        (
            'content: "{{x}}", encoding: "base64"',
            "_-8",
            "file",
            "application/octet-stream",
            b"\xff\xef",
        ),
        (
            'content: "{{x}}", encoding: "base64", name: "a.png"',
            "data:image/png;base64,AAE=",
            "a.png",
            "image/png",
            b"\0\1",
        ),
        (
            'content: "{{x}}", content_type: "text/csv", name: "a.csv"',
            {"filename": "b", "content_type": "text/plain", "base64": "YQ=="},
            "a.csv",
            "text/csv",
            b"a",
        ),
    ],
    ids=["text", "base64", "base64 of URLs", "data URL", "form, with a name of its own"],
)
async def test_a_content_is_kept_as_what_it_is(
    hub: Driven, fields: str, given: Any, name: str, kind: str, wanted: bytes
) -> None:
    told = await kept(hub, fields, x=given)
    assert told["status"] == "succeeded", told["failure"]
    result = told["result"]
    assert (result["name"], result["content_type"], result["size"]) == (name, kind, len(wanted))
    assert await content(hub, result["file"]) == wanted


@pytest.mark.parametrize(
    "fields",
    [
        'content: "{{x}}"',
        'content: "a b!", encoding: "base64"',
        'content: "a", encoding: "hex"',
        'content: "a", name: 5',
        'content: "a", keep_s: 0',
    ],
)
async def test_what_cannot_be_kept_is_an_error_of_the_step(hub: Driven, fields: str) -> None:
    told = await kept(hub, fields, x=[{"n": 1}])
    assert (told["status"], told["failure"]["code"]) == ("failed", "field_invalid")
    assert (await hub.get("/v1/files"))["items"] == []


async def test_files_of_later_runs_are_listed_first(hub: Driven) -> None:
    names = [f"{n}.txt" for n in range(4)]
    for name in names:
        await kept(hub, f'content: "a", name: "{name}"')
    listed = (await hub.get("/v1/files"))["items"]
    assert [each["name"] for each in listed] == names[::-1]


async def test_a_content_that_is_larger_than_a_file_may_be_is_an_error(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path, file_max_bytes=1_048_576) as hub:
        told = await kept(hub, 'content: "{{x}}"', x="a" * 600_000)
        assert told["result"]["size"] == 600_000
        told = await kept(hub, 'content: "{{concat([x, x], []) | join}}"', x="a" * 600_000)
        assert (told["status"], told["failure"]["code"]) == ("failed", "file_too_large")


async def test_a_step_that_is_done_again_keeps_its_file_once(
    ledger: Ledger, tmp_path: Path
) -> None:
    filing = Filing(ledger, open_blobs(None, tmp_path), FileBounds(1 << 20, 1 << 30, 60.0))
    data = FiledDataSets(filing, cast(Any, None), cast(Any, None), tmp_path, "http://hub")
    first = await data.keep(b"a", "a", "text/plain", "run_1", "run_1:0")
    assert await data.keep(b"a", "a", "text/plain", "run_1", "run_1:0") == first
    others = [
        await data.keep(b"b", "a", "text/plain", "run_1", "run_1:0"),
        await data.keep(b"a", "a", "text/plain", "run_1", "run_1:1"),
    ]
    assert len({first.id, *(each.id for each in others)}) == 3
    assert await data.kept(others[0].id) == b"b"


async def test_an_address_ends_with_its_file_at_the_latest(hub: Driven) -> None:
    ended = await run(
        hub,
        '{ function: "keep_file", content: "x", keep_s: 3600 }, '
        '{ function: "upload_results", files: "{{kept}}", ttl: 604800 }, '
        '{ function: "return_response", body: { kept: "{{kept}}", results: "{{results}}" } }',
    )
    told = ended["result"]
    file = await hub.get(f"/v1/files/{told['kept']['file']}")
    assert told["results"]["expires_at"][:19] == file["expires_at"][:19]


async def test_no_address_is_given_of_a_file_that_is_gone(hub: Driven) -> None:
    ended = await run(
        hub,
        '{ function: "upload_results", files: { file: "fil_00000000000000000000000000000000" } }',
    )
    assert ended["failure"]["code"] == "file_unknown"
