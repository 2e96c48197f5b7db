"""``/v1/destinations``: where deliveries go."""

from collections.abc import Iterable, Iterator

from pydantic import Field, JsonValue
from starlette.responses import Response

from hub.connector import Checks
from hub.deliver.trial import sample, try_out
from hub.errors import AccessError, ExpressionError, InvalidError, OutboundError
from hub.expr import compile_template, compile_value
from hub.model.destination import AuthJwt, AuthOAuth2, Destination, DestinationState
from hub.model.json import Json
from hub.model.key import Scope
from hub.model.masking import is_secret_header
from hub.model.scheme import Shape
from hub.model.time import US_PER_S, now_us, to_iso
from hub.outbound.gates import GateState
from hub.outbound.guard import check_url
from hub.signature import check_signing_key, parse_secret
from hub.stack.problem import Problem
from hub.store.destinations import SET_STATE, SetState
from hub.store.queues import DELIVERIES
from hub.web.api.body import wrong
from hub.web.api.call import Call, Operation, answer, missing
from hub.web.api.named import Around, Doc, Named, Path, connector_problem, refuse_any


def _check(around: Around, destination: Destination) -> list[str]:
    if destination.allow_private and not around.is_admin:
        raise AccessError(
            "Only a key with the scope 'admin' may set a destination with 'allow_private'.",
            code="forbidden",
            scope=Scope.ADMIN.value,
        )
    refuse_any([connector_problem(around, destination.connector), *_problems(destination)])
    connector = around.connectors[destination.connector]
    return list(connector.check(destination.url)) if isinstance(connector, Checks) else []


def _problems(destination: Destination) -> Iterator[Problem]:
    try:
        check_url(destination.url)
    except OutboundError as error:
        yield wrong("/url", error.message)
    yield from _expressions(destination)
    yield from _auth_problems(destination)
    for place, secret in enumerate(destination.sign.secrets if destination.sign else ()):
        try:
            parse_secret(secret)
        except InvalidError as error:
            yield wrong(f"/sign/secrets/{place}", error.message)


def _auth_problems(destination: Destination) -> Iterator[Problem]:
    match destination.auth:
        case AuthJwt(key=key, algorithm=algorithm, claims=claims):
            try:
                check_signing_key(key, algorithm, claims)
            except InvalidError as error:
                yield wrong(f"/auth/{error.details.get('field', 'key')}", error.message)
        case AuthOAuth2(token_url=url):
            try:
                check_url(url)
            except OutboundError as error:
                yield wrong("/auth/token_url", error.message)


def _expressions(destination: Destination) -> Iterator[Problem]:
    if destination.transform is not None:
        try:
            compile_value(destination.transform)
        except ExpressionError as error:
            yield wrong(f"/transform{error.details.get('pointer', '')}", error.message)
    if destination.ordering is None:
        return
    key = destination.ordering.key
    try:
        compiled = compile_template(key)
    except ExpressionError as error:
        yield wrong("/ordering/key", error.message)
        return
    if compiled.is_literal:
        yield wrong(
            "/ordering/key",
            f'A key is an expression: "{{{{{key[:60]}}}}}". To have all in one order, '
            'set "pacing": {"concurrency": 1}.',
        )


def _stays(given: Doc, before: Doc) -> Doc:
    """Whether it is paused stays, unless something is said of it."""
    if "state" in given:
        return {}
    return {name: before[name] for name in ("state", "state_reason") if name in before}


def _secrets(body: Doc, before: Doc) -> Iterable[Path]:
    """The shape's own, and the header fields whose names say that they carry one."""
    given, kept = (_names(each.get("headers")) for each in (body, before))
    lower = {name.lower() for name in given}
    headers = given + [name for name in kept if name.lower() not in lower]
    return (
        *Destination.SECRETS,
        *(("headers", name) for name in headers if is_secret_header(name)),
    )


def _names(headers: object) -> list[str]:
    return list(headers) if isinstance(headers, dict) else []


def _made(body: Doc) -> tuple[str, str] | None:
    sign = body.get("sign")
    return ("sign", "secrets") if isinstance(sign, dict) and not sign.get("secrets") else None


DESTINATIONS = Named(
    kind="destination",
    shape=Destination,
    secrets=_secrets,
    made=_made,
    check=_check,
    beside=lambda call, slug: {},
    stays=_stays,
)


class Reason(Shape):
    """Why."""

    reason: str | None = Field(None, max_length=1000)


class Trip(Shape):
    """How long."""

    for_s: float | None = Field(
        None, gt=0, le=30 * 86_400, description="Until then; without it until it is reset."
    )


async def _pause(call: Call) -> Response:
    reason = (await call.body_or_none(Reason)).reason
    return await _set_state(call, DestinationState.PAUSED, reason)


async def _resume(call: Call) -> Response:
    return await _set_state(call, DestinationState.ACTIVE, None)


async def _set_state(call: Call, state: DestinationState, reason: str | None) -> Response:
    """Deliveries are kept meanwhile; also of a destination that a file sets."""
    row = await DESTINATIONS.row(call)
    await call.hub.ledger.write(SET_STATE, SetState(row["slug"], state, reason))
    await call.hub.catalog.refresh()
    call.hub.bell.ring(DELIVERIES)
    return await DESTINATIONS.get(call)


class Trial(Shape):
    """What is sent for trying."""

    body: JsonValue = Field(None, description="Instead of the sample.")
    dry_run: bool = Field(False, description="Only show the request.")


async def _test(call: Call) -> Response:
    """It counts for no breaker and is tried once, whatever the destination's state."""
    wish = await call.body_or_none(Trial)
    slug = await _name(call)
    destination = await call.hub.catalog.destination(slug)
    connector = call.hub.connectors.get(destination.connector) if destination else None
    if destination is None or connector is None:
        raise missing("connector", destination.connector if destination else slug)
    body = wish.body if "body" in wish.model_fields_set else sample()
    client = None if wish.dry_run else call.hub.client
    told = await try_out(slug, destination, connector, body, client)
    warnings = list(connector.check(destination.url)) if isinstance(connector, Checks) else []
    return answer({**told, "warnings": warnings})


async def _breaker(call: Call) -> Response:
    return await _shown_breaker(call, await _name(call))


async def _trip(call: Call) -> Response:
    name, wish = await _name(call), await call.body_or_none(Trip)
    await call.hub.gates.trip(name, wish.for_s)
    return await _shown_breaker(call, name)


async def _reset(call: Call) -> Response:
    name = await _name(call)
    await call.hub.gates.reset(name)
    call.hub.bell.ring(DELIVERIES)
    return await _shown_breaker(call, name)


async def _name(call: Call) -> str:
    """The destination in the path, which is the name of its gate."""
    slug: str = (await DESTINATIONS.row(call))["slug"]
    return slug


async def _shown_breaker(call: Call, name: str) -> Response:
    destination = await call.hub.catalog.destination(name)
    window_s = (destination or Destination(url="")).breaker.window_s
    (state,) = await call.hub.gates.states([name], window_s)
    return answer(breaker_of(name, state))


def breaker_of(name: str, state: GateState) -> dict[str, Json]:
    """A breaker as it is read."""
    return {
        "destination": name,
        "state": state.state,
        "since": state.since_us and to_iso(state.since_us),
        "failure_rate": round(state.failure_rate, 4),
        "calls": state.calls,
        "next_probe_at": None
        if state.by_hand and state.next_probe_us is not None and _is_far(state.next_probe_us)
        else state.next_probe_us and to_iso(state.next_probe_us),
        "by_hand": state.by_hand,
        "no_room_until": state.not_before_us and to_iso(state.not_before_us),
        "last_taken_at": state.good_us and to_iso(state.good_us),
    }


def _is_far(at_us: int) -> bool:
    """Nobody said until when: it waits for whoever tripped it."""
    return at_us - now_us() > 365 * 86_400 * US_PER_S


async def _breakers(call: Call) -> Response:
    """Those that are not closed."""
    page = call.page()
    names = {name: name for name in await call.hub.gates.not_closed()}
    chosen, last = page.of_names(names)
    states = await call.hub.gates.states(chosen)
    shown = [breaker_of(name, state) for name, state in zip(chosen, states, strict=True)]
    return answer(page.answer([each for each in shown if each["state"] != "closed"], last))


_ONE = "/v1/destinations/{slug}"
_BREAKER = f"{_ONE}/breaker"
OPERATIONS = (
    *DESTINATIONS.operations(),
    Operation("POST", f"{_ONE}/pause", Scope.WRITE, _pause, "Keep what comes, for now", Reason),
    Operation("POST", f"{_ONE}/resume", Scope.WRITE, _resume, "Let what was kept go out"),
    Operation("POST", f"{_ONE}/test", Scope.WRITE, _test, "Send a sample, and see it all", Trial),
    Operation("GET", _BREAKER, Scope.READ, _breaker, "See how a destination's breaker stands"),
    Operation("POST", f"{_BREAKER}/trip", Scope.WRITE, _trip, "Open it by hand", Trip),
    Operation("POST", f"{_BREAKER}/reset", Scope.WRITE, _reset, "Close it by hand"),
    Operation("GET", "/v1/breakers", Scope.READ, _breakers, "List the breakers that are open"),
)
