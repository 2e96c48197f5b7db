"""Requests of steps over real sockets: whose address it is, what may be reached, how it is read."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.bootstrap import load_connectors
from hub.errors import OutboundError
from hub.model.http import OutboundRequest
from hub.model.json import dumps_text
from hub.outbound.client import Client
from hub.outbound.guard import AddressPolicy
from hub.run.requests import Requests
from hub.stack.ports import Received, Wish
from hub.store.catalog import Catalog
from hub.store.ledger import Ledger, open_ledger
from hub.store.objects import PUT, PutObject
from tests.databases import prepare
from tests.outbound.servers import LOOPBACK
from tests.sink import Answer, Sink, open_sink

STARTING = "<html><body>n8n is starting up. Please wait</body></html>"


class Outside:
    """What steps' requests go through, and the destinations that it knows."""

    def __init__(self, ledger: Ledger, catalog: Catalog, requests: Requests) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._requests = requests

    async def add(self, slug: str, url: str, **fields: Any) -> None:
        """A destination; it may be on a private address unless told."""
        body = {"connector": "standard", "allow_private": True, "url": url, **fields}
        await self._ledger.write(PUT, PutObject("destination", slug, dumps_text(body)))
        await self._catalog.refresh()

    async def ask(self, url: str, timeout_s: float = 5, cap_bytes: int = 65_536) -> Received:
        """Send a request."""
        request = OutboundRequest("POST", url, (("x-a", "b"),), b"body")
        return await self._requests.send(Wish(request, timeout_s, cap_bytes))

    async def refusal(self, url: str, **fields: Any) -> str:
        """The code that a request fails with."""
        with pytest.raises(OutboundError) as caught:
            await self.ask(url, **fields)
        return caught.value.code


@pytest_asyncio.fixture
async def sink() -> AsyncIterator[Sink]:
    """It stands on loopback, as all that is private."""
    async with open_sink() as opened:
        yield opened


@pytest_asyncio.fixture
async def outside(tmp_path: Path, sink: Sink) -> AsyncIterator[Outside]:
    """With the guard as it is in production, where the port after the sink's is the hub's own."""
    prepare(None, tmp_path)
    ledger = await open_ledger(None, tmp_path)
    catalog = Catalog(ledger, {})
    port = int(sink.url.split(":")[2].split("/")[0])
    policy = AddressPolicy(own_ports=frozenset({port + 1}))
    async with Client(policy) as client:
        yield Outside(ledger, catalog, Requests(catalog, client, load_connectors()))
    await ledger.close()


async def test_what_a_step_sends_arrives_as_it_is(outside: Outside, sink: Sink) -> None:
    await outside.add("sink", sink.url)
    received = await outside.ask(sink.url)
    assert (received.response.status, received.response.body) == (200, b"Accepted")
    assert (received.outcome, received.is_delivered) == ("delivered", True)
    [arrived] = sink.requests
    assert (arrived.method, arrived.path, arrived.body) == ("POST", "/hook", b"body")
    assert arrived.headers["x-a"] == "b"


async def test_a_private_address_is_reached_by_its_destination_only(
    outside: Outside, sink: Sink
) -> None:
    assert await outside.refusal(sink.url) == "address_refused"
    await outside.add("sink", sink.url, allow_private=False)
    assert await outside.refusal(sink.url) == "address_refused"
    await outside.add("sink", sink.url)
    assert (await outside.ask(sink.url)).is_delivered
    assert len(sink.requests) == 1


@pytest.mark.parametrize("more", ["", "/", "/1", "/a/b?x=1", "?x=1", "?", "#part"])
async def test_a_destination_owns_what_its_url_begins(
    outside: Outside, sink: Sink, more: str
) -> None:
    await outside.add("sink", sink.url)
    assert (await outside.ask(sink.url + more)).is_delivered


@pytest.mark.parametrize(
    "more", ["s", "-2", ".evil", "/../admin", "/%2e%2e/admin", "/a/..%2f../../admin", "/./../x"]
)
async def test_a_destination_owns_nothing_beside_it(
    outside: Outside, sink: Sink, more: str
) -> None:
    await outside.add("sink", sink.url)
    assert await outside.refusal(sink.url + more) == "address_refused"
    assert sink.requests == []


async def test_another_host_that_only_looks_alike_is_not_the_destination_s(
    outside: Outside, sink: Sink
) -> None:
    origin = sink.url.removesuffix("/hook")
    await outside.add("sink", origin)
    assert (await outside.ask(f"{origin}/anything")).is_delivered
    for url, code in (
        (f"{origin}0/hook", None),
        (f"{origin}@127.0.0.1/hook", "url_invalid"),
        (f"{origin}.evil.test/hook", None),
        (origin.replace("http://", "HTTP://"), "address_refused"),
    ):
        refused = await outside.refusal(url)
        assert refused == code or (code is None and refused in ("url_invalid", "address_refused"))
    assert len(sink.requests) == 1


async def test_the_destination_with_the_longest_url_counts(outside: Outside, sink: Sink) -> None:
    await outside.add("short", sink.url, allow_private=False)
    await outside.add("long", f"{sink.url}/deep", connector="n8n")
    await outside.add("longer", f"{sink.url}/deep/down", allow_private=False)
    assert await outside.refusal(f"{sink.url}/other") == "address_refused"
    assert await outside.refusal(f"{sink.url}/deep/down/1") == "address_refused"
    sink.answer = lambda n, request: Answer(200, STARTING, (("content-type", "text/html"),))
    assert (await outside.ask(f"{sink.url}/deep/1")).outcome == "back_pressure"


async def test_answers_are_read_as_the_connector_of_the_destination_reads_them(
    outside: Outside, sink: Sink
) -> None:
    sink.answer = lambda n, request: Answer(200, STARTING, (("content-type", "text/html"),))
    url = sink.url.replace("/hook", "/webhook/x")
    await outside.add("n8n", url, connector="n8n")
    received = await outside.ask(url)
    assert (received.response.status, received.is_delivered) == (200, False)
    assert "starting up" in received.message
    await outside.add("n8n", url, connector="standard")
    assert (await outside.ask(url)).is_delivered


async def test_without_a_destination_the_connector_that_knows_the_address_reads_them(
    tmp_path: Path, sink: Sink
) -> None:
    prepare(None, tmp_path)
    ledger = await open_ledger(None, tmp_path)
    sink.answer = lambda n, request: Answer(200, STARTING, (("content-type", "text/html"),))
    async with Client(AddressPolicy(allow=LOOPBACK)) as client:
        catalog = Catalog(ledger, {})
        outside = Outside(ledger, catalog, Requests(catalog, client, load_connectors()))
        assert not (await outside.ask(sink.url.replace("/hook", "/webhook/x"))).is_delivered
        assert (await outside.ask(sink.url)).is_delivered
    await ledger.close()


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (204, "delivered"),
        (302, "refused"),
        (404, "refused"),
        (429, "back_pressure"),
        (500, "retry"),
    ],
)
async def test_any_other_answer_is_read_as_http_is(
    outside: Outside, sink: Sink, status: int, outcome: str
) -> None:
    await outside.add("sink", sink.url)
    sink.answer = lambda n, request: Answer(status, "", (("location", "http://127.0.0.1/"),))
    received = await outside.ask(sink.url)
    assert (received.response.status, received.outcome) == (status, outcome)
    assert len(sink.requests) == 1


async def test_an_answer_is_read_up_to_its_cap_and_waited_for_up_to_its_time(
    outside: Outside, sink: Sink
) -> None:
    await outside.add("sink", sink.url)
    sink.answer = lambda n, request: Answer(200, "x" * 1000)
    received = await outside.ask(sink.url, cap_bytes=100)
    assert (len(received.response.body), received.response.truncated) == (100, True)
    sink.answer = lambda n, request: Answer(delay_s=5)
    assert await outside.refusal(sink.url, timeout_s=0.1) == "timeout"


async def test_the_hub_itself_is_never_reached(outside: Outside, sink: Sink) -> None:
    host, port = sink.url.removesuffix("/hook").rsplit(":", 1)
    own = f"{host}:{int(port) + 1}/v1/keys"
    await outside.add("own", own)
    assert await outside.refusal(own) == "address_refused"


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "example.com", "http://", "http://[::1", "http://a b/", "x" * 9000,
     "http://2130706433/", "http://user:pw@example.com/"],
)  # fmt: skip
async def test_a_url_that_is_none_is_refused(outside: Outside, url: str) -> None:
    assert await outside.refusal(url) == "url_invalid"


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://10.0.0.1/", "http://[::ffff:127.0.0.1]/"]
)
async def test_addresses_that_are_not_public_are_refused(outside: Outside, url: str) -> None:
    assert await outside.refusal(url) == "address_refused"
