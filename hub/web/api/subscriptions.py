"""``/v1/subscriptions``: which events start a task or go to a destination.

``POST`` is what other programs call: an address of theirs, and the events that it is to get,
as trigger nodes of n8n (create, check, delete) and Make's attached webhooks (attach, detach) do.
"""

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import Response

from hub.errors import ConflictError, HubError, InvalidError, OutboundError
from hub.expr import compile_template
from hub.model.delivery import DeliveryStart
from hub.model.destination import Destination, Sign
from hub.model.ids import new_id
from hub.model.json import dumps, dumps_text, loads
from hub.model.key import Scope
from hub.model.subscription import EventType, Subscription
from hub.model.time import now_us, to_iso
from hub.outbound.guard import check_url
from hub.signature import new_secret, parse_secret
from hub.stack.problem import Problem
from hub.store.deliveries import START_DELIVERY
from hub.store.objects import DROP, PUT, DropObject, PutObject, all_objects, one_object
from hub.store.queues import DELIVERIES
from hub.web.api.body import Body, refused, wrong
from hub.web.api.call import Call, Operation, answer, missing, nothing
from hub.web.api.named import Around, Doc, Named, refuse_any
from hub.web.paging import PAGE
from hub.web.parameters import text
from hub.web.shown.base import listed
from hub.web.shown.named import Pinged, SubscriptionMade, SubscriptionShown

PATH = "/v1/subscriptions"
_EVERY = "*"
_MADE = "sub_"
"""What ids of those begin with that were made with an address; no slug holds an underscore."""


class NewSubscription(Body):
    """An address that is to get events."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=8192)] = Field(
        description="Where they are sent."
    )
    events: list[EventType] = Field(
        [_EVERY], min_length=1, max_length=100, description="Their types; `order.*` fits many."
    )
    source: str | None = Field(None, max_length=63, description="Only events of this source.")
    secret: str | None = Field(
        None, max_length=1000, description="What they are signed with; without it a new one."
    )


def _check(around: Around, subscription: Subscription) -> list[str]:
    refuse_any(_problems(subscription))
    catalog = around.catalog
    warnings = []
    if subscription.task is not None:
        try:
            catalog.resolve(subscription.task)
        except HubError as error:
            warnings.append(f"{error.message} Until then it starts nothing.")
    if subscription.source is not None and subscription.source not in (*catalog.now.sources, "hub"):
        warnings.append(f"There is no source {subscription.source!r} yet.")
    slug = subscription.destination
    if slug is not None and slug not in catalog.now.destinations:
        warnings.append(
            f"There is no destination {slug!r} yet: what goes there is dead until then."
        )
    return warnings


def _problems(subscription: Subscription) -> Iterator[Problem]:
    if subscription.filter is None:
        return
    try:
        compiled = compile_template(subscription.filter)
    except HubError as error:
        yield wrong("/filter", error.message)
        return
    if compiled.is_literal:
        shown = subscription.filter[:60]
        yield wrong("/filter", f'A filter is an expression: "{{{{{shown}}}}}".')


SUBSCRIPTIONS = Named(
    kind="subscription",
    shape=Subscription,
    shown_as=SubscriptionShown,
    made=lambda body: None,
    check=_check,
    beside=lambda call, slug: {"id": slug, "active": True, **_address(call, slug)},
)


def _address(call: Call, slug: str) -> Doc:
    """Of one that was made with an address: the address."""
    made = call.hub.catalog.now.destinations.get(_destination_of(slug))
    return {"url": made.url} if made is not None and slug.startswith(_MADE) else {}


def _destination_of(subscription_id: str) -> str:
    """The destination that is made with a subscription, and goes with it."""
    return subscription_id.replace("_", "-")


async def _get_all(call: Call) -> Response:
    page = call.page()
    await call.hub.catalog.refresh()
    rows = {
        row["slug"]: row for row in await call.hub.ledger.read(all_objects, kind=SUBSCRIPTIONS.kind)
    }
    wanted = page.filters.get("url")
    if wanted is not None:
        rows = {
            slug: row for slug, row in rows.items() if _address(call, slug).get("url") == wanted
        }
    slugs, last = page.of_names(rows)
    return answer(page.answer([SUBSCRIPTIONS.shown(call, rows[slug]) for slug in slugs], last))


async def _create(call: Call) -> Response:
    wish = await call.body(NewSubscription)
    _check_wish(wish)
    await _refuse_second(call, wish)
    hub, subscription_id = call.hub, new_id("sub")
    slug, secret = _destination_of(subscription_id), wish.secret or new_secret()
    destination = Destination(
        connector=_connector(call, wish.url), url=wish.url, sign=Sign(secrets=(secret,))
    )
    subscription = Subscription(
        source=wish.source,
        event_type=None if _EVERY in wish.events else tuple(wish.events),
        destination=slug,
    )
    sent_to = PutObject("destination", slug, _text(destination))
    await hub.ledger.write(PUT, sent_to)  # first: without it the subscription would lead nowhere
    await hub.ledger.write(PUT, PutObject("subscription", subscription_id, _text(subscription)))
    await hub.catalog.refresh()
    row = await _row(call, subscription_id)
    url = f"{call.root}{PATH}/{subscription_id}"
    shown = SUBSCRIPTIONS.shown(call, row) | {"events": list(wish.events), "secret": secret}
    return answer(shown, 201, {"location": url})


def _text(value: BaseModel) -> str:
    return dumps_text(value.model_dump(mode="json", exclude_unset=True))


def _check_wish(wish: NewSubscription) -> None:
    problems = []
    try:
        check_url(wish.url)
    except OutboundError as error:
        problems.append(wrong("/url", error.message))
    if wish.secret is not None:
        try:
            parse_secret(wish.secret)
        except InvalidError as error:
            problems.append(wrong("/secret", error.message))
    if problems:
        raise refused(*problems)


async def _refuse_second(call: Call, wish: NewSubscription) -> None:
    """The same events at the same address twice are a mistake, and would be sent twice."""
    types = None if _EVERY in wish.events else sorted(wish.events)
    await call.hub.catalog.refresh()
    for row in await call.hub.ledger.read(all_objects, kind=SUBSCRIPTIONS.kind):
        slug, body = row["slug"], loads(row["body"])
        given = body.get("event_type")
        same = (given if given is None else sorted(given)) == types
        address = _address(call, slug).get("url")
        if address == wish.url and same and body.get("source") == wish.source:
            raise ConflictError(
                f"The subscription {slug!r} has this URL and these events already: keep it, or "
                f"remove it first with DELETE {PATH}/{slug}.",
                code="subscription_exists",
                id=slug,
            )


def _connector(call: Call, url: str) -> str:
    parts = urlsplit(url)
    for name, connector in call.hub.connectors.items():
        if connector.knows(parts.hostname or "", parts.path):
            return name
    return "standard"


async def _delete(call: Call) -> Response:
    """Whoever removes it twice is told the same: it is gone."""
    slug = call.given("slug")
    await call.hub.ledger.write(DROP, DropObject("subscription", slug))
    if slug.startswith(_MADE):
        await call.hub.ledger.write(DROP, DropObject("destination", _destination_of(slug)))
    await call.hub.catalog.refresh()
    return nothing()


async def _ping(call: Call) -> Response:
    slug = call.given("slug")
    aim = loads((await _row(call, slug))["body"]).get("destination")
    if aim is None:
        raise ConflictError(
            "This subscription starts a task: run it with POST /v1/tasks/{task}/runs.",
            code="subscription_sends_nothing",
        )
    told = {"type": "ping", "subscription": slug, "timestamp": to_iso(now_us())}
    start = DeliveryStart(
        id=new_id("dlv"),
        destination=aim,
        body=dumps(told),
        content_type="application/json",
        idempotency_key=new_id("msg"),
    )
    await call.hub.ledger.write(START_DELIVERY, start)
    call.hub.bell.ring(DELIVERIES)
    url = f"{call.root}/v1/deliveries/{start.id}"
    return answer({"delivery_id": start.id, "url": url}, 202, {"location": url})


async def _row(call: Call, slug: str) -> dict[str, Any]:
    row = await call.hub.ledger.read(one_object, SUBSCRIPTIONS.kind, slug)
    if row is None:
        raise missing("subscription", slug)
    return row


_ONE = f"{PATH}/{{slug}}"
_OWN = (
    Operation(
        *("GET", PATH, Scope.READ, _get_all, "List subscriptions, those of one url too"),
        query=(text("url", "Only those that were made with this address."), *PAGE),
        gives={200: listed(SubscriptionShown)},
    ),
    Operation(
        *("POST", PATH, Scope.WRITE, _create, "Have events sent to an address", NewSubscription),
        gives={201: SubscriptionMade},
        problems={409: ("subscription_exists",)},
    ),
    Operation(
        *("DELETE", _ONE, Scope.WRITE, _delete, "Remove a subscription"),
        gives={204: None},
        problems={409: ("managed_by_file",)},
    ),
    Operation(
        *("POST", f"{_ONE}/ping", Scope.WRITE, _ping, "Send a ping to its destination"),
        gives={202: Pinged},
        problems={404: ("subscription_unknown",), 409: ("subscription_sends_nothing",)},
    ),
)
_taken = {(each.method, each.path) for each in _OWN}
OPERATIONS = (
    *_OWN,
    *(each for each in SUBSCRIPTIONS.operations() if (each.method, each.path) not in _taken),
)
