from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from hub.bootstrap import Hub, open_hub
from hub.settings import Settings
from tests.databases import prepare
from tests.web.answers import good, refused


@pytest_asyncio.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    """A hub like any other, but nobody answers where Redis should be."""
    prepare(None, tmp_path)
    async with open_hub(Settings(data=tmp_path), f"unix://{tmp_path}/nobody.sock") as opened:
        yield opened


async def test_publishing_says_when_to_come_back(api: httpx.AsyncClient) -> None:
    body = {"event": "made", "data": {}}
    response = await api.post("/v1/channels/a/messages", json=body)
    refused(response, 503, "redis_unavailable")
    assert response.headers["retry-after"] == "5"


async def test_the_hub_is_ready_but_degraded(api: httpx.AsyncClient) -> None:
    body = good(await api.get("/readyz"))
    assert body["status"] == "degraded"
    assert list(body["troubles"]) == ["redis"]


async def test_runs_are_still_taken(api: httpx.AsyncClient) -> None:
    good(await api.put("/v1/stacks/s", content='{"task": "t", "function_stack": []}'), 201)
    good(await api.post("/v1/tasks/t/runs", json={}), 202)


async def test_how_the_hub_stands_is_told_as_far_as_it_is_known(api: httpx.AsyncClient) -> None:
    told = good(await api.get("/v1/status"))
    assert (told["breakers"], told["worker"]) == (None, None)
    refused(await api.get("/v1/rates"), 503, "redis_unavailable")
