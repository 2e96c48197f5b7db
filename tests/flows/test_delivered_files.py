"""Deliveries with files: forms as Make and n8n take them, with the same bytes each time."""

from typing import Any

import pytest

from tests.flows.test_datasets import run
from tests.program import Driven
from tests.sink import Answer, Arrived, Sink
from tests.stack.test_forms import read

KEPT = '{ function: "keep_file", content: "a;é", name: "l\\"i.csv", content_type: "text/csv" },'
BINARY = """{ function: "keep_file", content: "/+8A", encoding: "base64", as: "more" },"""


def deliver(fields: str) -> str:
    """A step that delivers."""
    return f'{{ function: "deliver", destination: "make", {fields} }},'


def shown(arrived: Arrived) -> Any:
    return read(arrived.body, arrived.headers["content-type"])


async def test_files_go_out_as_a_form_beside_the_payload_s_fields(hub: Driven, make: Sink) -> None:
    payload = 'payload: { n: 2, ok: true, none: null, tags: ["a"], said: "é" }'
    told = await run(
        hub, KEPT + BINARY + deliver(f'{payload}, files: ["{{{{kept}}}}", "{{{{more}}}}"]')
    )
    assert told["status"] == "succeeded", told["failure"]
    [arrived] = await make.wait_for(1)
    assert shown(arrived) == {
        "n": "2",
        "ok": "true",
        "tags": '["a"]',
        "said": "é",
        "file": {
            "filename": 'l"i.csv',
            "content_type": "text/csv",
            "bytes": 4,
            "base64": "YTvDqQ==",
        },
        "file2": {
            "filename": "file",
            "content_type": "application/octet-stream",
            "bytes": 3,
            "base64": "/+8A",
        },
    }


async def test_each_attempt_and_each_replay_sends_the_same_bytes(hub: Driven, make: Sink) -> None:
    make.answer = lambda n, request: Answer(503 if n == 0 else 200)
    told = await run(hub, KEPT + deliver('files: "{{kept}}"'))
    await make.wait_for(2)
    [listed] = (await hub.get("/v1/deliveries"))["items"]
    await hub.until(f"/v1/deliveries/{listed['id']}", status="delivered")
    [file] = (await hub.get(f"/v1/files?run_id={told['id']}"))["items"]
    assert (await hub.api.delete(f"/v1/files/{file['id']}")).status_code == 204
    again = await hub.api.post(f"/v1/deliveries/{listed['id']}/replay")
    assert again.status_code < 300, again.text
    arrived = await make.wait_for(3)
    assert len({(each.body, each.headers["content-type"], each.key) for each in arrived}) == 1
    assert list(shown(arrived[2])) == ["file"]


async def test_a_transform_makes_the_form_s_fields(hub: Driven, make: Sink) -> None:
    await hub.put(
        "/v1/destinations/make",
        {"connector": "make", "url": make.url, "transform": {"number": "{{n}}"}},
    )
    await run(hub, KEPT + deliver('payload: { n: 2, other: 1 }, files: "{{kept}}"'))
    [arrived] = await make.wait_for(1)
    assert sorted(shown(arrived)) == ["file", "number"]


@pytest.mark.parametrize(
    ("before", "fields", "code"),
    [
        ("", 'files: "fil_1"', "field_invalid"),
        ("", "files: []", "field_invalid"),
        ("", 'files: { file: "fil_1" }', "file_unknown"),
        ("BIG", 'files: "{{big}}"', "file_too_large"),
        ("HALF", 'files: ["{{big}}", "{{big}}"]', "file_too_large"),
        ("FULL", 'files: "{{big}}"', "body_too_large"),
    ],
)
async def test_what_cannot_go_out_is_an_error_of_the_step(
    hub: Driven, make: Sink, before: str, fields: str, code: str
) -> None:
    most = 5 << 20
    size = {"BIG": most + 1, "HALF": most // 2 + 1, "FULL": most}.get(before, 0)
    file = (await hub.api.post("/v1/files?name=a", content=b"x" * (size or 1))).json()
    big = f'{{ function: "create_variable", name: "big", value: {{ file: "{file["id"]}" }} }},'
    told = await run(hub, big + deliver(fields))
    assert (told["status"], told["failure"]["code"]) == ("failed", code)
    assert told["failure"]["message"].endswith(".")
    assert make.requests == []
