"""What an attempt means for its delivery. Pure: the caller brings the clock and the dice."""

from dataclasses import dataclass

from hub.connector import Outcome, Verdict
from hub.model.delivery import Attempt, ClaimedDelivery, DeliveryStatus, Settlement
from hub.model.http import OutboundResponse
from hub.model.ids import new_id
from hub.model.time import US_PER_S
from hub.outbound.retry import back_pressure_delay_s, next_delay_s

KEPT_RESPONSE_BYTES = 4096
_PRESSED_MOST_US = 24 * 3600 * US_PER_S


@dataclass(frozen=True, slots=True)
class Try:
    """How the request went: an answer or none, and how it is read."""

    verdict: Verdict
    response: OutboundResponse | None
    duration_ms: int
    was_sent: bool = False
    """It was tried to reach the other side."""


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
        ordering_key=delivery.ordering_key,
    )


def given_up(delivery: ClaimedDelivery, tried: Try, settlement: Settlement) -> bool:
    """Whether it died of attempts that failed, rather than of a refusal."""
    failed = tried.verdict.outcome not in (Outcome.DELIVERED, Outcome.REFUSED)
    return failed and settlement.status is DeliveryStatus.DEAD and delivery.url is None


def _next(
    delivery: ClaimedDelivery, verdict: Verdict, schedule: tuple[float, ...], jitter: float
) -> tuple[DeliveryStatus, float, str | None]:
    if verdict.outcome is Outcome.DELIVERED:
        return DeliveryStatus.DELIVERED, 0.0, None
    if verdict.outcome is Outcome.REFUSED or (verdict.outcome is Outcome.GONE and delivery.url):
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
    if verdict.outcome is Outcome.GONE:  # its destination is disabled: it goes when that is back
        delay_s = 0.0
    return DeliveryStatus.RETRYING, delay_s, verdict.message


def _pressed_out(delivery: ClaimedDelivery) -> bool:
    """Back-pressure that has lasted a day counts like any other refusal."""
    return delivery.pressed_for_us >= _PRESSED_MOST_US


def _kept(response: OutboundResponse) -> str:
    text = response.body[:KEPT_RESPONSE_BYTES].decode("utf-8", "replace").replace("\x00", "\ufffd")
    cut = response.truncated or len(response.body) > KEPT_RESPONSE_BYTES
    return text + " … (cut)" if cut else text
