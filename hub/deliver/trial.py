"""A destination is tried out: one request here and now, shown with its answer, and no delivery."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.connector import Connector, Outcome, Verdict
from hub.deliver.request import request_of
from hub.deliver.sending import Sending
from hub.deliver.ways import was_tried
from hub.errors import InvalidError, OutboundError
from hub.expr import DictContext
from hub.model.delivery import ClaimedDelivery, DeliveryStart
from hub.model.destination import AuthHeader, Destination, Tls
from hub.model.http import OutboundRequest, OutboundResponse
from hub.model.ids import new_id
from hub.model.json import Json, dumps
from hub.model.masking import mask_headers
from hub.model.time import US_PER_S, now_us, to_iso
from hub.outbound.client import Sender
from hub.stack.rendering import Rendering, seen_of

_SHOWN_BYTES = 65_536


@dataclass
class _Noting:
    """Sends, and keeps what it was asked to send."""

    client: Sender
    sent: list[OutboundRequest] = field(default_factory=list)

    async def send(
        self,
        request: OutboundRequest,
        *,
        timeout_s: float,
        allow_private: bool = False,
        cap_bytes: int = _SHOWN_BYTES,
        tls: Tls | None = None,
    ) -> OutboundResponse:
        """See :meth:`hub.outbound.client.Client.send`."""
        self.sent.append(request)
        return await self.client.send(
            request,
            timeout_s=timeout_s,
            allow_private=allow_private,
            cap_bytes=cap_bytes,
            tls=tls,
        )


def sample() -> Json:
    """What is sent where nobody says what: each kind of value, none of them empty."""
    return {
        "event": "sample.sent",
        "sample": True,
        "sent_at": to_iso(now_us()),
        "customer": {"id": 1, "name": "Ada Lovelace", "email": "ada@example.com"},
        "items": [{"sku": "pen", "quantity": 2, "price": 1.5}],
        "total": 3.0,
    }


async def try_out(
    slug: str, destination: Destination, connector: Connector, body: Json, client: Sender | None
) -> dict[str, Json]:
    """Send a body as a delivery of it would be sent; without ``client`` only make the request.

    Gives ``{"request": {…}, "answer": {…} or null, "outcome", "message"}``, secrets masked.

    Raises:
        InvalidError: ``transform_failed``, or it cannot be signed.
    """
    delivery = _delivery(slug, destination, body)
    if client is None:
        request = request_of(delivery, destination, connector, now_us() // US_PER_S)
        return {"request": _request(request, destination), "answer": None}
    noting = _Noting(client)
    response: OutboundResponse | None = None
    try:
        response = await Sending(noting, now_us).send(delivery, destination, connector)
        verdict = connector.classify(response)
    except OutboundError as error:
        outcome = Outcome.RETRY if was_tried(error) else Outcome.REFUSED
        verdict = Verdict(outcome, error.message)
    # before it a token may have been asked for, by a secret that nobody is shown
    sent = [each for each in noting.sent if each.url == destination.url]
    return {
        "request": _request(sent[-1], destination) if sent else None,
        "answer": None if response is None else _answer(response),
        "outcome": verdict.outcome.value,
        "message": verdict.message,
    }


def _delivery(slug: str, destination: Destination, body: Json) -> ClaimedDelivery:
    now = now_us()
    key = new_id("dlv")
    start = DeliveryStart(key, slug, dumps(body), "application/json", key)
    seen = {**seen_of(body), "event_type": None, "source": None}
    start = Rendering(destination).render(start, DictContext(seen, at_us=now))
    if start.failure is not None:
        raise InvalidError(start.failure, code="transform_failed")
    return ClaimedDelivery(
        id=start.id,
        destination=slug,
        body=start.body,
        content_type=start.content_type,
        idempotency_key=start.idempotency_key,
        attempts=0,
        spent=0,
        pressed_for_us=0,
        fence=0,
        event_id=None,
        run_id=None,
        created_at=now,
    )


def _request(sent: OutboundRequest, destination: Destination) -> Mapping[str, Json]:
    own = (destination.auth.name,) if isinstance(destination.auth, AuthHeader) else ()
    return {
        "method": sent.method,
        "url": sent.url,
        "headers": dict(mask_headers(sent.headers, own)),
        "body": sent.body.decode("utf-8", "replace"),
    }


def _answer(response: OutboundResponse) -> dict[str, Json]:
    return {
        "status": response.status,
        "headers": dict(mask_headers(response.headers)),
        "body": response.body.decode("utf-8", "replace"),
        "truncated": response.truncated,
        "duration_ms": response.duration_ms,
    }
