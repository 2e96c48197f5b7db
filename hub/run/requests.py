"""Requests of steps: whose address it is, how its answers are read, and the one way out."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from hub.connector import Connector, classify_by_status
from hub.deliver.gating import asked_of
from hub.deliver.ways import way_of, way_of_error
from hub.errors import OutboundError
from hub.model.delivery import side_of
from hub.model.destination import Destination
from hub.model.time import now_us
from hub.model.trace import Trace
from hub.observe.metrics import Metrics
from hub.observe.tracing import CURRENT, Tracing, with_field
from hub.outbound.client import Sender
from hub.outbound.gates import Gates, Way
from hub.outbound.retry import LONGEST_RETRY_AFTER_S
from hub.stack.ports import Received, Wish
from hub.store.catalog import Catalog


class Requests:
    """Sends what steps want to be sent.

    A URL belongs to the destination whose own is its longest beginning, else to the connector
    that knows the host, else to nobody, and is read as HTTP is.
    """

    def __init__(
        self,
        catalog: Catalog,
        client: Sender,
        connectors: Mapping[str, Connector],
        gates: Gates | None = None,
        *,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._catalog = catalog
        self._client = client
        self._connectors = connectors
        self._gates = gates
        self._metrics = metrics or Metrics()
        self._tracing = tracing

    async def send(self, wish: Wish) -> Received:
        """See :meth:`hub.stack.ports.World.request`."""
        above = None if self._tracing is None else CURRENT.get()
        if self._tracing is None or above is None:
            return await self._send(wish)
        return await self._traced(wish, above, self._tracing)

    async def _traced(self, wish: Wish, above: Trace, tracing: Tracing) -> Received:
        """Send it, with the place of a span of its own."""
        request, place, started_us = wish.request, (above.child(), above), now_us()
        fields = with_field(request.headers, place[0])
        outcome, status = "no_answer", None
        try:
            received = await self._send(replace(wish, request=replace(request, headers=fields)))
            outcome, status = received.outcome, received.response.status
        finally:
            asked = (request.method, request.url)
            tracing.requested(place, asked, started_us, (status, outcome))
        return received

    async def _send(self, wish: Wish) -> Received:
        url = wish.request.url
        slug, destination = owner_of(url, self._catalog.now.destinations)
        gate = asked_of(slug or _gate_of(url), 1, destination, self._connectors)
        probe = None if self._gates is None else await self._gates.admit(gate)
        way: Way = "none"
        try:
            response = await self._client.send(
                wish.request,
                timeout_s=wish.timeout_s,
                allow_private=destination is not None and destination.allow_private,
                tls=None if destination is None else destination.tls,
                cap_bytes=wish.cap_bytes,
            )
            connector = self._reader(url, destination)
            verdict = connector.classify(response) if connector else classify_by_status(response)
            way = way_of(verdict.outcome, answered=True)
        except OutboundError as error:
            way = way_of_error(error)
            self._metrics.step_requested(slug, "no_answer")
            raise
        finally:
            if self._gates is not None:
                self._gates.report(gate.name, gate.breaker, way, probe=probe)
        self._metrics.step_requested(slug, verdict.outcome.value)
        after_s = verdict.retry_after_s
        wait_s = None if after_s is None else min(after_s, LONGEST_RETRY_AFTER_S)
        return Received(response, verdict.outcome.value, verdict.message, wait_s)

    def limit_bytes(self, slug: str) -> int | None:
        """The largest body that a destination's tool takes."""
        destination = self._catalog.now.destinations.get(slug)
        connector = self._connectors.get(destination.connector) if destination else None
        return None if connector is None else connector.limit_bytes()

    def _reader(self, url: str, destination: Destination | None) -> Connector | None:
        if destination is not None:
            return self._connectors.get(destination.connector)
        parts = urlsplit(url)
        for connector in self._connectors.values():
            if connector.knows(parts.hostname or "", parts.path):
                return connector
        return None


def _gate_of(url: str) -> str:
    try:
        return side_of(url)
    except ValueError:  # it is no URL: the client says so
        return ""


def owner_of(
    url: str, destinations: Mapping[str, Destination]
) -> tuple[str, Destination] | tuple[None, None]:
    """The destination whose URL is the longest beginning of this one, with its slug."""
    found = [pair for pair in destinations.items() if _begins(url, pair[1].url)]
    return max(found, key=lambda pair: len(pair[1].url), default=(None, None))


def _begins(url: str, start: str) -> bool:
    """``https://a.b/hook`` begins ``https://a.b/hook/1`` and ``…/hook?x=1``, not ``…/hooks``."""
    if not url.startswith(start) or _climbs(url[len(start) :]):
        return False
    return len(url) == len(start) or start[-1] in "/?=&" or url[len(start)] in "/?#"


def _climbs(rest: str) -> bool:
    """Whether the rest of a path leads back out of its beginning: ``/../admin``."""
    path = rest.partition("?")[0].partition("#")[0]
    return ".." in unquote(path).split("/")
