"""A hub that answers in this process: a real ledger, a real Valkey, no socket.

Each answer is held against the OpenAPI document.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from hub.bootstrap import Hub, open_hub
from hub.model.ids import new_id
from hub.model.key import hash_of, new_key
from hub.settings import Settings
from hub.store.keys import PUT, NewKey
from hub.valkey import EmbeddedValkey
from hub.web.routes import build_routes
from tests import contract
from tests.databases import prepare

ROOT = "http://hub.test"
KeyOf: TypeAlias = Callable[..., Awaitable[dict[str, str]]]


@pytest_asyncio.fixture
async def hub(tmp_path: Path, valkey: EmbeddedValkey, redis: Redis) -> AsyncIterator[Hub]:
    """A hub whose database and Redis are empty."""
    prepare(None, tmp_path)
    async with open_hub(Settings(data=tmp_path), valkey.url) as opened:
        yield opened


@pytest.fixture
def key_of(hub: Hub) -> KeyOf:
    """Makes a key with some scopes; gives the header that sends it."""

    async def make(*scopes: str, expires_at: int | None = None) -> dict[str, str]:
        text = new_key()
        wanted = NewKey(new_id("key"), "tester", text[:8], hash_of(text), scopes, expires_at)
        await hub.ledger.write(PUT, wanted)
        return {"authorization": f"Bearer {text}"}

    return make


@pytest_asyncio.fixture
async def api(hub: Hub, key_of: KeyOf) -> AsyncIterator[httpx.AsyncClient]:
    """A client with an admin's key."""
    transport = httpx.ASGITransport(build_routes(hub))
    headers = await key_of("admin")
    async with httpx.AsyncClient(
        transport=transport,
        base_url=ROOT,
        headers=headers,
        event_hooks={"response": [contract.check]},
    ) as client:
        yield client
