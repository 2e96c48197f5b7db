"""One attempt of a delivery: the request, its answer, and what follows."""

import random
import time
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

import structlog
from structlog.contextvars import bound_contextvars

from hub import fault_points
from hub.connector import Connector, Outcome, Verdict
from hub.deliver.sending import Sending
from hub.deliver.settle import Try, given_up, settle
from hub.deliver.ways import was_tried, way_of
from hub.errors import InvalidError, OutboundError
from hub.model.delivery import ClaimedDelivery, DeliveryStatus, Settlement, variable_of
from hub.model.destination import Breaker, Destination, Sign
from hub.model.time import US_PER_S, now_us
from hub.model.trace import Trace
from hub.observe.metrics import Metrics
from hub.observe.tracing import Tracing
from hub.outbound.client import Sender
from hub.outbound.gates import Way
from hub.store.catalog import Catalog
from hub.store.deliveries import took_since
from hub.store.destinations import DISABLE, Disable
from hub.store.ledger import Ledger
from hub.store.settling import SETTLE

_FULL_AT_LEAST_S = 2.0
_LONG_US = 24 * 3600 * US_PER_S
_log = structlog.get_logger("hub.deliver")


class Reports(Protocol):
    """Is told what came of requests: see :meth:`hub.outbound.gates.Gates.report`."""

    def __call__(
        self,
        name: str,
        breaker: Breaker,
        way: Way,
        *,
        probe: str | None = None,
        full_s: float = 0.0,
    ) -> None: ...


class Told(Protocol):
    """Tells of what has happened to a destination."""

    def __call__(self, what: str, destination: str, reason: str) -> None: ...


Settled: TypeAlias = Callable[[ClaimedDelivery, Settlement], None]
"""Hears what an attempt, once committed, meant for its delivery; returns at once."""


class Attempter:
    """Makes attempts and settles their deliveries."""

    def __init__(
        self,
        ledger: Ledger,
        catalog: Catalog,
        client: Sender,
        connectors: Mapping[str, Connector],
        clock: Callable[[], int] = now_us,
        *,
        report: Reports = lambda *_, **__: None,
        told: Told = lambda *_: None,
        settled: Settled = lambda *_: None,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._sending = Sending(client, clock)
        self._connectors = connectors
        self._now_us = clock
        self._report = report
        self._told = told
        self._settled = settled
        self._metrics = metrics or Metrics()
        self._tracing = tracing

    async def attempt(self, delivery: ClaimedDelivery, probe: str | None = None) -> Settlement:
        """Send once, record what came of it, and say when to send again.

        ``probe`` is the token of a request that its breaker waits for.
        """
        with bound_contextvars(
            delivery=delivery.id,
            destination=delivery.destination,
            run=delivery.run_id,
            event_id=delivery.event_id,
        ):
            return await self._attempt(delivery, probe)

    async def _attempt(self, delivery: ClaimedDelivery, probe: str | None) -> Settlement:
        started_at, url = self._now_us(), ""
        place = None if self._tracing is None else await self._tracing.delivery(delivery)
        try:
            destination = await self._destination(delivery)
        except InvalidError as error:
            tried = Try(Verdict(Outcome.REFUSED, error.message), None, 0)
            schedule: tuple[float, ...] = ()
            breaker = Breaker()
        else:
            url = destination.url
            tried = await self._try(delivery, destination, place and place[0])
            schedule, breaker = destination.retry_schedule_s, destination.breaker
            if tried.verdict.outcome is Outcome.GONE and delivery.url is None:
                await self._disable(delivery.destination, destination.url, tried.verdict.message)
        self._report(
            delivery.destination, breaker, _way(tried), probe=probe, full_s=_full_s(tried.verdict)
        )
        settlement = settle(delivery, tried, schedule, started_at, random.random())  # noqa: S311 - jitter
        fault_points.at("delivery.answered")
        held = await self._ledger.write(SETTLE, settlement)
        fault_points.at("delivery.settled")
        _say(settlement, held=held)
        self._count(delivery, settlement, held=held)
        if self._tracing is not None and place is not None:
            self._tracing.attempted(place, delivery, settlement, url)
        if held:
            self._settled(delivery, settlement)
        if held and given_up(delivery, tried, settlement):
            await self._disable_if_it_takes_nothing(delivery)
        return settlement

    def _count(self, delivery: ClaimedDelivery, settlement: Settlement, *, held: bool) -> None:
        attempt = settlement.attempt
        self._metrics.attempted(
            delivery.destination, attempt.outcome, attempt.status_code, attempt.duration_ms
        )
        if held:
            age_us = self._now_us() - delivery.created_at
            self._metrics.settled(delivery.destination, settlement.status.value, age_us)

    async def _disable_if_it_takes_nothing(self, delivery: ClaimedDelivery) -> None:
        """A destination that took nothing while one was tried for a day and more is left alone."""
        destination = self._catalog.now.destinations.get(delivery.destination)
        tried_us = self._now_us() - delivery.created_at
        if destination is None or not destination.takes or tried_us < _LONG_US:
            return
        if await self._ledger.read(took_since, delivery.destination, delivery.created_at):
            return
        days = tried_us / _LONG_US
        reason = f"It has taken nothing for {days:.1f} days."
        await self._disable(delivery.destination, destination.url, reason)

    async def _disable(self, slug: str, url: str, reason: str) -> None:
        """Leave a destination alone, until somebody has seen to it; what waits for it is kept."""
        if await self._ledger.write(DISABLE, Disable(slug, url, reason)):
            await self._catalog.refresh()
            _log.warning("destination.disabled", destination=slug, reason=reason)
            self._metrics.destination_disabled(slug)
            self._told("destination.disabled", slug, reason)

    async def _destination(self, delivery: ClaimedDelivery) -> Destination:
        """Where it goes, with all that is set of it.

        Raises:
            InvalidError: there is no such destination, or no such variable.
        """
        if delivery.url is not None:
            secrets = self._catalog.now.signing_secrets
            return Destination(url=self._url(delivery.url), sign=Sign(secrets=secrets))
        found = await self._catalog.destination(delivery.destination)
        if found is None:
            raise InvalidError(f"There is no destination {delivery.destination!r} any more.")
        return found

    def _url(self, text: str) -> str:
        name = variable_of(text)
        if name is None:
            return text
        found = self._catalog.now.variables.get(name)
        if found is None:
            raise InvalidError(f"There is no variable {name!r}, which is to hold the URL.")
        return found.value

    async def _try(
        self, delivery: ClaimedDelivery, destination: Destination, trace: Trace | None
    ) -> Try:
        connector = self._connectors.get(destination.connector)
        if connector is None:
            missing = f"The connector {destination.connector!r} is not installed."
            return Try(Verdict(Outcome.RETRY, missing), None, 0)
        most = connector.limit_bytes()
        if most is not None and len(delivery.body) > most:
            too_large = f"{len(delivery.body):,} bytes; {connector.name} takes {most:,}."
            return Try(Verdict(Outcome.REFUSED, too_large), None, 0)
        fault_points.at("delivery.ready")
        started = time.perf_counter()
        try:
            response = await self._sending.send(delivery, destination, connector, trace)
        except (OutboundError, InvalidError) as error:
            duration_ms = round((time.perf_counter() - started) * 1000)
            return Try(_no_answer(error), None, duration_ms, was_sent=was_tried(error))
        return Try(connector.classify(response), response, response.duration_ms, was_sent=True)


def _way(tried: Try) -> Way:
    if not tried.was_sent:
        return "none"
    return way_of(tried.verdict.outcome, answered=tried.response is not None)


def _full_s(verdict: Verdict) -> float:
    """How long a whole destination is left alone that has no room."""
    if verdict.outcome is not Outcome.BACK_PRESSURE:
        return 0.0
    return max(verdict.retry_after_s or 0.0, _FULL_AT_LEAST_S)


def _no_answer(error: OutboundError | InvalidError) -> Verdict:
    if not was_tried(error):
        return Verdict(Outcome.REFUSED, error.message)
    if error.details.get("may_have_run"):
        return Verdict(Outcome.UNKNOWN, f"{error.message} It may have run all the same.")
    return Verdict(Outcome.RETRY, error.message)


def _say(settlement: Settlement, *, held: bool) -> None:
    _log.info(
        "delivery.attempted",
        n=settlement.attempt.n,
        outcome=settlement.attempt.outcome,
        status_code=settlement.attempt.status_code,
        duration_ms=settlement.attempt.duration_ms,
        status=settlement.status.value,
        retry_in_s=settlement.delay_us / US_PER_S
        if settlement.status is DeliveryStatus.RETRYING
        else None,
        held=held,
    )
