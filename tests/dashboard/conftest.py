"""A dashboard that answers in this process, over a real ledger and a real Valkey."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from hub.bootstrap import Hub, open_hub
from hub.dashboard.app import build_dashboard
from hub.dashboard.sessions import COOKIE, Session, Sessions
from hub.model.ids import new_id
from hub.model.key import hash_of, new_key
from hub.settings import Settings
from hub.store.keys import PUT, NewKey, StoredKey
from hub.valkey import EmbeddedValkey
from hub.web.access import Access
from hub.web.desk import Desk
from tests.databases import prepare

ROOT = "http://hub.test"


class Visitor:
    """A browser without a screen: it keeps cookies, and sends forms as the pages do."""

    def __init__(self, client: httpx.AsyncClient, token: str | None) -> None:
        self.client = client
        self.token = token

    @property
    def csrf(self) -> str:
        """What this session's forms bring."""
        return Session(self.token or "", StoredKey("", "", frozenset())).csrf

    async def see(self, path: str, status: int = 200) -> str:
        """A page as HTML."""
        answer = await self.client.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    async def send(self, path: str, status: int = 303, /, **fields: object) -> httpx.Response:
        """Send a form, and give what it is answered."""
        answer = await self.client.post(path, data={"csrf": self.csrf, **fields})
        assert answer.status_code == status, answer.text
        return answer

    async def do(self, path: str, /, **fields: object) -> str:
        """Send a form and follow to the page that it goes on to."""
        answer = await self.send(path, 303, **fields)
        return await self.see(answer.headers["location"])


async def enter(hub: Hub) -> Visitor:
    """Somebody who is signed in to a hub of a test's own, and may do everything."""
    key_id = new_id("key")
    await hub.ledger.write(PUT, NewKey(key_id, "tester", "", hash_of(key_id), ("admin",)))
    token = await Sessions(hub.ledger).open_for(key_id=key_id)
    transport = httpx.ASGITransport(build_dashboard(hub, Access(hub.ledger)))
    client = httpx.AsyncClient(transport=transport, base_url=ROOT)
    client.cookies.set(COOKIE, token, domain=httpx.URL(ROOT).host)
    return Visitor(client, token)


VisitorOf: TypeAlias = Callable[..., Awaitable[Visitor]]


@pytest_asyncio.fixture
async def hub(tmp_path: Path, valkey: EmbeddedValkey, redis: Redis) -> AsyncIterator[Hub]:
    """A hub whose database and Redis are empty."""
    prepare(None, tmp_path)
    async with open_hub(Settings(data=tmp_path), valkey.url) as opened:
        yield opened


@pytest.fixture
def access(hub: Hub) -> Access:
    """What the API and the dashboard remember of keys."""
    return Access(hub.ledger)


@pytest.fixture
def desk(hub: Hub, access: Access) -> Desk:
    """The API's operations, to set a scene and to look what became of it."""
    return Desk(hub, access)


@pytest_asyncio.fixture
async def stranger(hub: Hub, access: Access) -> AsyncIterator[Visitor]:
    """Somebody who is not signed in."""
    transport = httpx.ASGITransport(build_dashboard(hub, access))
    async with httpx.AsyncClient(transport=transport, base_url=ROOT) as client:
        yield Visitor(client, None)


@pytest_asyncio.fixture
async def visitor_of(hub: Hub, access: Access) -> AsyncIterator[VisitorOf]:
    """Signs somebody in with a new key that has some scopes."""
    clients: list[httpx.AsyncClient] = []
    app = build_dashboard(hub, access)

    async def make(*scopes: str) -> Visitor:
        text, key_id = new_key(), new_id("key")
        await hub.ledger.write(PUT, NewKey(key_id, "tester", text[:8], hash_of(text), scopes))
        token = await Sessions(hub.ledger).open_for(key_id=key_id)
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ROOT)
        client.cookies.set(COOKIE, token, domain=httpx.URL(ROOT).host)
        clients.append(client)
        return Visitor(client, token)

    yield make
    for each in clients:
        await each.aclose()


@pytest_asyncio.fixture
async def visitor(visitor_of: VisitorOf) -> Visitor:
    """Somebody who is signed in and may do everything."""
    return await visitor_of("admin")
