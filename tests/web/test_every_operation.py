"""Every operation, with much that nobody would send: no answer but those that are documented.

``HUB_TEST_API_EXAMPLES`` says how many requests of each kind an operation gets.
"""

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from hub.web.api import OPERATIONS
from hub.web.api.body import Body
from hub.web.api.call import Operation
from hub.web.openapi import document
from hub.web.openapi.document import name_of
from hub.web.openapi.parts import path_of
from tests import contract
from tests.program import ADMIN_KEY, Driven, embedded_hub

EXAMPLES = int(os.environ.get("HUB_TEST_API_EXAMPLES", "4"))
SCHEMA = schemathesis.openapi.from_dict(document())
EVERY = [found.ok() for found in SCHEMA.get_all_operations()]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
STRICT = {
    name_of(each)
    for each in OPERATIONS
    if isinstance(each.body, type) and issubclass(each.body, Body) and not each.query
}
"""Those that refuse whatever their schema refuses."""
STACK = """
{ task: "echo", function_stack: [{ function: "return_response", body: "{{input}}" }] }
{ task: "asks", function_stack: [{ function: "wait_for", timeout_s: 86400 }] }
{ scheduled_task: { name: "nightly", schedule: "0 3 * * *", function_stack: [] } }
"""
KEY = {"Authorization": f"Bearer {ADMIN_KEY}"}
QUICK_S = 0.05
LONGEST_WAIT_S = 60
"""More is refused."""


@dataclass
class Served:
    """A hub with one of each thing, and where they stand in paths: by what comes before."""

    base: str
    known: dict[str, str]
    weak: str
    """A key that may do nothing here."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """It runs in a thread: what asks it here waits for its answers."""
    data = tmp_path_factory.mktemp("hub")
    (data / "stacks").mkdir()
    begun: Future[Served] = Future()
    loop, done = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        nowhere = "http://127.0.0.1:1"  # whatever is wished for, nothing leaves this machine
        async with embedded_hub(data, outbound_proxy=nowhere, stream_s=1.0) as hub:
            weak = {"name": "weak", "scopes": ["ingest"]}
            made = (await hub.api.post("/v1/keys", json=weak)).json()
            begun.set_result(Served(hub.base, await furnished(hub), made["key"]))
            await done.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        except BaseException as error:
            if begun.done():
                raise
            begun.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield begun.result(30)
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


async def furnished(hub: Driven) -> dict[str, str]:
    """Make one of each thing."""
    till = {"url": "http://127.0.0.1:9/", "allow_private": True, "sign": {}}
    await hub.put("/v1/sources/shop", {"verify": {"mode": "standard"}})
    await hub.put("/v1/sources/open", {"verify": {"mode": "none"}})
    await hub.put("/v1/destinations/till", till)
    await hub.put("/v1/subscriptions/sold", {"source": "open", "destination": "till"})
    await hub.put("/v1/channels/news", {"public": True})
    await hub.put("/v1/stacks/desk", STACK)
    await hub.put("/v1/variables/COLOUR", {"value": "red"})
    await hub.put("/v1/tables/orders", {"columns": {"n": {"type": "integer", "index": True}}})
    made: dict[str, Any] = (await hub.api.post("/v1/tables/orders/records", json={"n": 1})).json()
    kept = (await hub.api.post("/v1/files?name=a.txt", content=b"abc")).json()
    run = (await hub.api.post("/v1/tasks/echo/runs", json={"wait_s": 10})).json()
    event = (await hub.api.post("/in/open", json={"n": 1})).json()
    ping = (await hub.api.post("/v1/subscriptions/sold/ping")).json()
    await hub.api.post("/v1/channels/news/messages", json={"event": "a", "data": 1})
    return {
        "sources": "shop",
        "in": "open",
        "destinations": "till",
        "subscriptions": "sold",
        "channels": "news",
        "realtime": "news",
        "stacks": "desk",
        "tasks": "echo",
        "schedules": "nightly",
        "lanes": "low",
        "variables": "COLOUR",
        "tables": "orders",
        "records": str(made["id"]),
        "files": kept["id"],
        "runs": run["id"],
        "events": event["event_id"],
        "deliveries": ping["delivery_id"],
    }


# the hub is in this process, and draws numbers while requests are made up
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("operation", EVERY, ids=lambda each: each.definition.raw["operationId"])
def test_only_documented_answers_are_given(
    served: Served, operation: APIOperation, mode: GenerationMode, request: pytest.FixtureRequest
) -> None:
    """Half of the requests are about things that there are."""
    given_seed = request.config.getoption("randomly_seed", 0)
    checks = [*CHECKS]
    if mode is GenerationMode.NEGATIVE and operation.definition.raw["operationId"] in STRICT:
        checks.append(negative_data_rejection)

    @seed(given_seed)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), is_known=st.booleans())
    def attempt(case: schemathesis.Case, is_known: bool) -> None:
        is_strict = negative_data_rejection in checks  # a known id would mend what is wrong
        if is_known and not is_strict and operation.method.upper() != "DELETE":
            about_known(case, served.known)
        hurried(case)
        response = case.call(base_url=served.base, headers=KEY, timeout=30)
        case.validate_response(response, checks=checks)
        asked = httpx.Request(operation.method.upper(), response.request.url)
        told = httpx.Response(
            response.status_code,
            headers={name: values[0] for name, values in response.headers.items()},
            content=response.content,
            request=asked,
        )
        asyncio.run(contract.check(told))

    try:
        attempt()
    except Unsatisfiable:
        pytest.skip("nothing of it can be wrong")


@pytest.mark.parametrize("each", OPERATIONS, ids=name_of)
def test_nothing_is_done_for_who_may_not(served: Served, each: Operation) -> None:
    url = served.base + path_of(each.path).replace("{", "").replace("}", "")
    with httpx.Client(trust_env=False) as client:
        for headers, status, code in (
            ({}, 401, "unauthorized"),
            ({"authorization": f"Bearer {served.weak}"}, 403, "forbidden"),
        ):
            answer = client.request(each.method, url, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (status, code)


def about_known(case: schemathesis.Case, known: dict[str, str]) -> None:
    """Have a request be about what there is."""
    for before, piece in pairwise(case.operation.path.split("/")):
        if piece.startswith("{") and before in known:
            case.path_parameters[piece[1:-1]] = known[before]


def hurried(case: schemathesis.Case) -> None:
    """Have nobody wait for long; what is refused stays as it is."""
    if case.operation.path.startswith("/realtime") and case.method.upper() == "GET":
        case.query["max_seconds"] = str(QUICK_S)
    wait_s = case.body.get("wait_s") if isinstance(case.body, dict) else None
    if isinstance(wait_s, (int, float)) and QUICK_S < wait_s <= LONGEST_WAIT_S:
        case.body["wait_s"] = QUICK_S
