"""Whoever has many addresses guesses no more often than whoever has one."""

from collections.abc import Iterator
from contextlib import AsyncExitStack

import httpx

from hub.bootstrap import Hub
from hub.dashboard.app import build_dashboard
from hub.model.ids import new_id
from hub.model.key import hash_of, new_key
from hub.store.keys import PUT, NewKey
from hub.web.access import Access
from hub.web.guesses import WRONG
from tests.dashboard.conftest import ROOT


def network(prefix: str) -> Iterator[str]:
    """Addresses of one network, each another one."""
    return (f"{prefix}:{n:x}:{n * 7919 % 65536:x}:0:{n + 1:x}" for n in range(WRONG.requests + 10))


async def test_an_ipv6_network_guesses_as_one(hub: Hub, access: Access) -> None:
    text, key_id = new_key(), new_id("key")
    await hub.ledger.write(PUT, NewKey(key_id, "tester", text[:8], hash_of(text), ("read",)))
    app = build_dashboard(hub, access)
    async with AsyncExitStack() as stack:

        async def at(address: str) -> httpx.AsyncClient:
            transport = httpx.ASGITransport(app, client=(address, 1))
            client = httpx.AsyncClient(transport=transport, base_url=ROOT)
            return await stack.enter_async_context(client)

        addresses = network("2001:db8:1:2")
        statuses = []
        for n, address in zip(range(WRONG.requests), addresses, strict=False):
            client = await at(address)
            if n % 2:  # whatever is guessed at
                answer = await client.get(f"/login?link=wrong{n}")
            else:
                answer = await client.post("/login", data={"key": f"hub_wrong{n}"})
            statuses.append(answer.status_code)
        assert statuses == [401] * WRONG.requests
        late = await at(next(addresses))
        for fields in ({"key": text}, {"name": "ann", "password": "wrong"}):
            answer = await late.post("/login", data=fields)
            assert answer.status_code == 429
            assert "try again in" in answer.text
        assert (await late.get("/login?link=wrong")).status_code == 429
        for elsewhere in ("2001:db8:1:3::1", "192.0.2.1"):
            answer = await (await at(elsewhere)).post("/login", data={"key": text})
            assert answer.status_code == 303
