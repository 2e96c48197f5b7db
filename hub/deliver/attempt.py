"""One attempt of a delivery: the request, its answer, and what follows."""

import base64
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from structlog.contextvars import bound_contextvars

from hub import fault_points
from hub.connector import Connector, Outcome, Verdict
from hub.errors import InvalidError, OutboundError
from hub.model.delivery import Attempt, ClaimedDelivery, DeliveryStatus, Settlement
from hub.model.destination import AuthApiKey, AuthBasic, AuthHeader, Destination, Sign
from hub.model.http import OutboundRequest, OutboundResponse, Pairs
from hub.model.ids import new_id
from hub.model.time import US_PER_S, now_us
from hub.outbound.client import Sender
from hub.outbound.retry import back_pressure_delay_s, next_delay_s
from hub.signature import parse_secret, sign_headers
from hub.store.catalog import Catalog
from hub.store.deliveries import SETTLE
from hub.store.ledger import Ledger

KEPT_RESPONSE_BYTES = 4096
_PRESSED_MOST_US = 24 * 3600 * US_PER_S
_NEVER_SENT = ("url_invalid", "address_refused", "request_invalid")
_VARIABLE = re.compile(r"\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_log = structlog.get_logger("hub.deliver")


@dataclass(frozen=True, slots=True)
class Try:
    """How the request went: an answer or none, and how it is read."""

    verdict: Verdict
    response: OutboundResponse | None
    duration_ms: int


class Attempter:
    """Makes attempts and settles their deliveries."""

    def __init__(
        self,
        ledger: Ledger,
        catalog: Catalog,
        client: Sender,
        connectors: Mapping[str, Connector],
        clock: Callable[[], int] = now_us,
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._client = client
        self._connectors = connectors
        self._now_us = clock

    async def attempt(self, delivery: ClaimedDelivery) -> None:
        """Send once, record what came of it, and say when to send again."""
        with bound_contextvars(
            delivery=delivery.id,
            destination=delivery.destination,
            run=delivery.run_id,
            event_id=delivery.event_id,
        ):
            await self._attempt(delivery)

    async def _attempt(self, delivery: ClaimedDelivery) -> None:
        started_at = self._now_us()
        try:
            destination = await self._destination(delivery)
        except InvalidError as error:
            tried = Try(Verdict(Outcome.REFUSED, error.message), None, 0)
            schedule: tuple[float, ...] = ()
        else:
            tried = await self._try(delivery, destination)
            schedule = destination.retry_schedule_s
        settlement = settle(delivery, tried, schedule, started_at, random.random())  # noqa: S311 - jitter
        fault_points.at("delivery.answered")
        held = await self._ledger.write(SETTLE, settlement)
        fault_points.at("delivery.settled")
        _say(settlement, held=held)

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
        name = _VARIABLE.fullmatch(text)
        if name is None:
            return text
        found = self._catalog.now.variables.get(name[1])
        if found is None:
            raise InvalidError(f"There is no variable {name[1]!r}, which is to hold the URL.")
        return found.value

    async def _try(self, delivery: ClaimedDelivery, destination: Destination) -> Try:
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
            response = await self._client.send(
                request_of(delivery, destination, connector, self._now_us() // US_PER_S),
                timeout_s=destination.timeout_s,
                allow_private=destination.allow_private,
            )
        except (OutboundError, InvalidError) as error:
            duration_ms = round((time.perf_counter() - started) * 1000)
            return Try(_no_answer(error), None, duration_ms)
        return Try(connector.classify(response), response, response.duration_ms)


def request_of(
    delivery: ClaimedDelivery, destination: Destination, connector: Connector, timestamp_s: int
) -> OutboundRequest:
    """The request of an attempt. Id and key are the same each time, the signature is fresh.

    Of two fields with one name the later counts: nobody's stands in place of the hub's.
    """
    headers: list[tuple[str, str]] = [*destination.headers.items()]
    headers += connector.headers(delivery.body)
    headers += _auth(destination)
    headers.append(("content-type", delivery.content_type))
    headers.append(("idempotency-key", delivery.idempotency_key))
    if destination.sign is not None:
        secrets = [parse_secret(secret) for secret in destination.sign.secrets]
        headers += sign_headers(secrets, delivery.id, timestamp_s, delivery.body)
    else:
        headers.append(("webhook-id", delivery.id))
    return OutboundRequest("POST", destination.url, _last_of_each(headers), delivery.body)


def _say(settlement: Settlement, *, held: bool) -> None:
    _log.info(
        "delivery.attempted",
        n=settlement.attempt.n,
        outcome=settlement.attempt.outcome,
        status_code=settlement.attempt.status_code,
        duration_ms=settlement.attempt.duration_ms,
        status=settlement.status.value,
        retry_in_s=settlement.delay_us / US_PER_S if settlement.delay_us else None,
        held=held,
    )


def _auth(destination: Destination) -> Pairs:
    match destination.auth:
        case AuthHeader(name=name, value=value):
            return ((name, value),)
        case AuthBasic(user=user, password=password):
            pair = base64.b64encode(f"{user}:{password}".encode()).decode()
            return (("authorization", f"Basic {pair}"),)
        case AuthApiKey(key=key):
            return (("x-make-apikey", key),)
        case None:
            return ()


def _last_of_each(headers: list[tuple[str, str]]) -> Pairs:
    return tuple({name.lower(): (name.lower(), value) for name, value in headers}.values())


def _no_answer(error: OutboundError | InvalidError) -> Verdict:
    if error.code in _NEVER_SENT or isinstance(error, InvalidError):
        return Verdict(Outcome.REFUSED, error.message)
    if error.details.get("may_have_run"):
        return Verdict(Outcome.UNKNOWN, f"{error.message} It may have run all the same.")
    return Verdict(Outcome.RETRY, error.message)


def settle(
    delivery: ClaimedDelivery,
    tried: Try,
    schedule: tuple[float, ...],
    started_at: int,
    jitter: float,
) -> Settlement:
    """What an attempt means for its delivery. Pure."""
    verdict, response = tried.verdict, tried.response
    status, delay_s, reason = _next(delivery, verdict, schedule, jitter)
    pressed = verdict.outcome is Outcome.BACK_PRESSURE and not _pressed_out(delivery)
    return Settlement(
        delivery_id=delivery.id,
        fence=delivery.fence,
        attempt=Attempt(
            id=new_id("att"),
            n=delivery.attempts + 1,
            started_at=started_at,
            duration_ms=tried.duration_ms,
            status_code=response.status if response else None,
            outcome=verdict.outcome.value,
            message=verdict.message,
            response_body=_kept(response) if response else None,
        ),
        status=status,
        delay_us=int(delay_s * US_PER_S),
        spends=not pressed,
        pressed=pressed,
        reason=reason,
    )


def _next(
    delivery: ClaimedDelivery, verdict: Verdict, schedule: tuple[float, ...], jitter: float
) -> tuple[DeliveryStatus, float, str | None]:
    if verdict.outcome is Outcome.DELIVERED:
        return DeliveryStatus.DELIVERED, 0.0, None
    if verdict.outcome in (Outcome.REFUSED, Outcome.GONE):
        return DeliveryStatus.DEAD, 0.0, verdict.message
    if verdict.outcome is Outcome.BACK_PRESSURE and not _pressed_out(delivery):
        waits = delivery.attempts - delivery.spent
        wait_s = back_pressure_delay_s(waits, verdict.retry_after_s, jitter)
        return DeliveryStatus.RETRYING, wait_s, verdict.message
    delay_s = next_delay_s(schedule, delivery.spent + 1, verdict.retry_after_s, jitter)
    if delay_s is None:
        tries = delivery.spent + 1
        times = "1 attempt" if tries == 1 else f"{tries} attempts"
        return DeliveryStatus.DEAD, 0.0, f"Gave up after {times}. {verdict.message}"
    return DeliveryStatus.RETRYING, delay_s, verdict.message


def _pressed_out(delivery: ClaimedDelivery) -> bool:
    """Back-pressure that has lasted a day counts like any other refusal."""
    return delivery.pressed_for_us >= _PRESSED_MOST_US


def _kept(response: OutboundResponse) -> str:
    text = response.body[:KEPT_RESPONSE_BYTES].decode("utf-8", "replace").replace("\x00", "\ufffd")
    cut = response.truncated or len(response.body) > KEPT_RESPONSE_BYTES
    return text + " … (cut)" if cut else text
