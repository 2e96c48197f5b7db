"""What has failed amid a data set goes on where it stood, and does nothing twice."""

import hashlib
from typing import Any

import pytest

from hub.stack.steps import datasets as steps
from tests.flows.test_datasets import ended, run, serving, table
from tests.outbound.datasets import Dataset
from tests.outbound.servers import Exchange
from tests.program import Driven
from tests.sink import Answer, Arrived, Sink

FETCH = '{ function: "download_dataset", url: "{{input.url}}" }'
CHUNKS = """{ function: "process_data_in_chunks", chunk_size: 500, RETRY function_stack: [
  { function: "external_api_request", url: "SINK", data: { n: "{{chunk_index}}" } },
  { function: "add_record", table: "chunks", data: { n: "{{chunk_index}}" } },
] }"""


def once_busy(n: int, request: Arrived) -> Answer:
    """The third request of all is refused."""
    return Answer(400 if n == 2 else 200)


async def chunks(hub: Driven) -> list[Any]:
    """The numbers of the chunks that were worked on."""
    records = (await hub.get("/v1/tables/chunks/records"))["items"]
    return sorted(each["fields"]["n"] for each in records)


async def test_a_further_try_goes_on_at_the_chunk_that_failed(hub: Driven, make: Sink) -> None:
    make.answer = once_busy
    stack = CHUNKS.replace("SINK", make.url)
    stack = stack.replace("RETRY", "retry: { max: 2, base_s: 0.01 },")
    async with serving(Dataset(table())) as url:
        told = await run(hub, f"{FETCH}, {stack}", url=f"{url}a.csv")
    assert told["status"] == "succeeded", told["failure"]
    assert [each.json["n"] for each in make.requests] == [0, 1, 2, 2, 3, 4]
    assert await chunks(hub) == [0, 1, 2, 3, 4]


async def test_a_run_that_is_retried_goes_on_at_the_chunk_that_failed(
    hub: Driven, make: Sink
) -> None:
    make.answer = once_busy
    stack = CHUNKS.replace("SINK", make.url).replace("RETRY", "")
    async with serving(Dataset(table())) as url:
        told = await run(hub, f"{FETCH}, {stack}", url=f"{url}a.csv")
        assert told["failure"]["step"] == "1/2/0"
        answer = await hub.api.post(f"/v1/runs/{told['id']}/retry")
        assert answer.status_code == 202, answer.text
        await hub.until(f"/v1/runs/{told['id']}", status="succeeded")
    assert [each.json["n"] for each in make.requests] == [0, 1, 2, 2, 3, 4]
    assert await chunks(hub) == [0, 1, 2, 3, 4]


async def test_an_analysis_whose_state_is_gone_begins_anew(
    hub: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "_SAVE_EVERY_S", 0.0)
    content = b'{"n": 1}\n' * 30_000 + b'{"n": '
    stack = f'{FETCH}, {{ function: "process_data_in_chunks", options: {{ on_bad_row: "fail" }} }}'
    async with serving(Dataset(content)) as url:
        told = await run(hub, stack, url=f"{url}a.jsonl")
    assert told["status"] == "failed"
    files = (await hub.get(f"/v1/files?run_id={told['id']}"))["items"]
    (state,) = (each["id"] for each in files if each["name"].startswith("analysis-"))
    await hub.api.delete(f"/v1/files/{state}")
    answer = await hub.api.post(f"/v1/runs/{told['id']}/retry")
    assert answer.status_code == 202, answer.text
    again = await ended(hub, "data/crunch")
    assert (again["attempt"], again["failure"]) == (2, told["failure"])


class Mending(Dataset):
    """Is right when it is asked again."""

    async def answer(self, exchange: Exchange, asked: dict[str, str]) -> None:
        await super().answer(exchange, asked)
        self.data = b"a\n2\n"


async def test_what_has_the_wrong_checksum_is_fetched_anew(hub: Driven) -> None:
    right = hashlib.sha256(b"a\n2\n").hexdigest()
    stack = '{ function: "download_dataset", url: "{{input.url}}", sha256: "RIGHT", RETRY }'
    stack = stack.replace("RIGHT", right).replace("RETRY", "retry: { max: 1, base_s: 0.01 }")
    async with serving(Mending(b"a\n1\n", etag=None)) as url:
        told = await run(hub, stack, url=f"{url}a.csv")
    assert told["status"] == "succeeded", told["failure"]
    (file,) = (await hub.get("/v1/files"))["items"]
    assert file["sha256"] == right


async def test_a_data_set_of_a_head_alone_has_a_report(hub: Driven) -> None:
    stack = f"""{FETCH}, {{ function: "process_data_in_chunks" }},
      {{ function: "generate_analysis_report" }},
      {{ function: "return_response", body: "{{{{report.rows}}}}" }}"""
    async with serving(Dataset(b"a,b\n")) as url:
        told = await run(hub, stack, url=f"{url}a.csv")
    assert (told["status"], told["failure"]) == ("succeeded", None)
    assert told["result"] == 0
