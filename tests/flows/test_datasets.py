"""A data set is fetched, worked through, reported on and offered; somebody is told."""

import asyncio
import csv
import gzip
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.outbound.datasets import Dataset
from tests.outbound.servers import RawServer
from tests.program import Driven
from tests.reference import TEXTS, at_hand
from tests.sink import Sink

ROWS = 2_500


def table(rows: int = ROWS) -> bytes:
    """A file of CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["no", "name", "amount", "city"])
    for n in range(rows):
        writer.writerow([n, f"user {n % 100}", f"{n * 7 % 1000 / 10}", ["Oslo", "Rome", ""][n % 3]])
    return text.getvalue().encode()


@asynccontextmanager
async def serving(dataset: Dataset) -> AsyncIterator[str]:
    """The address of a server that gives a data set for every path."""
    raw = RawServer(dataset)
    server = await asyncio.start_server(raw, "127.0.0.1", 0)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw.url
    finally:
        server.close()
        await raw.stop()


async def ended(hub: Driven, task: str) -> dict[str, Any]:
    """The newest run of a task, when it has ended."""
    async with asyncio.timeout(30):
        while True:
            runs = (await hub.get(f"/v1/runs?task={task}"))["items"]
            if runs and runs[0]["status"] in ("succeeded", "failed"):
                found: dict[str, Any] = await hub.get(f"/v1/runs/{runs[0]['id']}")
                return found
            await asyncio.sleep(0.05)


async def run(hub: Driven, stack: str, **given: Any) -> dict[str, Any]:
    """Run the task ``crunch`` of a stack to its end."""
    await hub.put("/v1/stacks/data", f"{{ task: 'crunch', function_stack: [{stack}] }}")
    answer = await hub.api.post("/v1/tasks/crunch/runs", json={"input": given})
    assert answer.status_code == 202, answer.text
    return await ended(hub, "data/crunch")


@at_hand
async def test_the_reference_s_document_does_what_its_prose_says(hub: Driven, make: Sink) -> None:
    await hub.put("/v1/stacks/big", TEXTS[12])
    async with serving(Dataset(table())) as url:
        answer = await hub.api.post(
            "/api/process-large-dataset", json={"dataset_url": f"{url}users.csv"}
        )
        assert answer.json() == {
            "job_id": 1,
            "status": "Processing started",
            "estimated_time": "10-15 minutes",
        }
        told = await ended(hub, "big/process_dataset")
    assert told["status"] == "succeeded", told
    assert told["progress"]["message"] == "2,500 rows"
    job = (await hub.get("/v1/tables/processing_jobs/records/1"))["fields"]
    assert job["status"] == "completed"
    async with httpx.AsyncClient(trust_env=False) as anybody:
        page = await anybody.get(job["result_url"])
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "sandbox" in page.headers["content-security-policy"]
    assert "attachment" in page.headers["content-disposition"]
    for text in ("2,500", "amount", "Oslo"):
        assert text in page.text


@at_hand
async def test_where_the_data_set_cannot_be_had_the_job_says_why(hub: Driven) -> None:
    await hub.put("/v1/stacks/big", TEXTS[12])
    await hub.api.post("/api/process-large-dataset", json={"dataset_url": "http://127.0.0.1:9/x"})
    told = await ended(hub, "big/process_dataset")
    assert told["status"] == "succeeded"  # the stack has caught it
    job = (await hub.get("/v1/tables/processing_jobs/records/1"))["fields"]
    assert job["status"] == "failed"
    assert "connection" in job["error_message"].lower()


async def test_each_chunk_runs_a_stack_of_its_own(hub: Driven, make: Sink) -> None:
    stack = """
      { function: "download_dataset", url: "{{input.url}}" },
      { function: "process_data_in_chunks", chunk_size: 1000, function_stack: [
        { function: "bulk_add_records", table: "users", records: "{{chunk}}" },
        { function: "create_variable", name: "total", value: "{{sum(pluck(chunk, 'no'))}}" },
        { function: "deliver", destination: "make",
          payload: { chunk: "{{chunk_index}}", rows: "{{length(chunk)}}" } },
      ] },
      { function: "return_response", body: "{{processed}}" },
    """
    async with serving(Dataset(table())) as url:
        told = await run(hub, stack, url=f"{url}users.csv")
    assert told["status"] == "succeeded", told["failure"]
    result = told["result"]["body"] if "body" in told["result"] else told["result"]
    assert (result["rows"], result["chunks"], result["failed"]) == (ROWS, 3, 0)
    assert result["columns"] == ["no", "name", "amount", "city"]
    sent = [each.json for each in await make.wait_for(3)]
    sent.sort(key=lambda each: each["chunk"])
    assert [each["rows"] for each in sent] == [1000, 1000, 500]
    records = (await hub.get("/v1/tables/users/records?limit=500"))["items"]
    assert records[0]["fields"]["name"] == "user 0"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv.gz", gzip.compress(b"n\n1\n2\n", mtime=0), [{"n": "1"}, {"n": "2"}]),
        ("a.jsonl", b'{"n": 1}\n{"n": 2, "m": [1]}\n', [{"n": 1, "m": None}, {"n": 2, "m": [1]}]),
        ("a.json", b'[{"n": 1}, {"n": 2}]', [{"n": 1}, {"n": 2}]),
        ("a.txt", "n;ü\n1;é\n".encode("utf-16"), [{"n": "1", "ü": "é"}]),
    ],
    ids=["gzip", "jsonl", "json", "utf-16"],
)
async def test_a_data_set_is_read_by_what_it_is(
    hub: Driven, name: str, content: bytes, expected: list[Any]
) -> None:
    stack = """
      { function: "download_dataset", url: "{{input.url}}" },
      { function: "process_data_in_chunks", function_stack: [
        { function: "add_record", table: "seen", data: { rows: "{{chunk}}" } } ] },
    """
    async with serving(Dataset(content)) as url:
        told = await run(hub, stack, url=f"{url}{name}")
    assert told["status"] == "succeeded", told["failure"]
    (record,) = (await hub.get("/v1/tables/seen/records"))["items"]
    assert record["fields"]["rows"] == expected


@pytest.mark.parametrize(
    ("content", "step", "code"),
    [
        (b"<!doctype html><html><body>Sign in</body></html>", "0", "answer_is_page"),
        (b"", "1", "dataset_empty"),
        (b'a,b\n1,"never closed' + b"x" * 17_000_000, "1", "dataset_row_too_long"),
        (b'[{"n": 1}, {"n": ', "1", "dataset_json_broken"),
        (b"\x1f\x8b\x08\x00broken", "1", "dataset_packing_broken"),
    ],
    ids=["page", "empty", "quote", "json", "gzip"],
)
async def test_what_cannot_be_read_is_an_error_that_names_the_step(
    hub: Driven, content: bytes, step: str, code: str
) -> None:
    stack = """
      { function: "download_dataset", url: "{{input.url}}" },
      { function: "process_data_in_chunks" },
    """
    async with serving(Dataset(content)) as url:
        told = await run(hub, stack, url=f"{url}data")
    assert told["status"] == "failed"
    assert (told["failure"]["step"], told["failure"]["code"]) == (step, code)
    assert told["failure"]["message"].endswith(".")


async def test_a_checksum_a_size_and_a_file_are_held_to(hub: Driven) -> None:
    async with serving(Dataset(b"a\n1\n")) as url:
        url += "a.csv"
        for field, code in (
            ('sha256: "00"', "dataset_changed"),
            ("most_bytes: 3", "answer_too_large"),
            ("most_bytes: 0", "field_invalid"),
        ):
            told = await run(hub, f'{{ function: "download_dataset", url: "{url}", {field} }}')
            assert told["failure"]["code"] == code
    for stack, code in (
        ('{ function: "process_data_in_chunks" }', "field_invalid"),
        ('{ function: "process_data_in_chunks", dataset: "fil_1" }', "file_unknown"),
        ('{ function: "process_data_in_chunks", dataset: "x", format: "xls" }', "field_invalid"),
        ('{ function: "generate_analysis_report" }', "field_invalid"),
        ('{ function: "upload_results" }', "field_invalid"),
    ):
        told = await run(hub, stack)
        assert told["failure"]["code"] == code, stack
