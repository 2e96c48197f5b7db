"""``/v1/destinations``: where deliveries go."""

from pydantic import Field, JsonValue
from starlette.responses import Response

from hub.connector import Checks
from hub.deliver.trial import sample, try_out
from hub.errors import AccessError, ConflictError, InvalidError
from hub.model.destination import (
    Destination,
    DestinationState,
    Sign,
)
from hub.model.json import loads
from hub.model.key import Scope
from hub.model.scheme import Shape
from hub.model.time import US_PER_S, now_us
from hub.signature import (
    PRIVATE_PREFIX,
    new_private_key,
    new_scheme_secret,
    new_secret,
    public_key,
)
from hub.store.destinations import SET_STATE, SetState
from hub.store.queues import DELIVERIES
from hub.web.api.body import Body, Reason, refused, wrong
from hub.web.api.call import Call, Operation, answer, missing
from hub.web.api.destination_problems import check_secret, problems_of
from hub.web.api.named import Around, Doc, Named, connector_problem, refuse_any
from hub.web.api.rotation import RETIRED, Rotation, rotated, same_way, stays_retired
from hub.web.shown.named import DestinationRotated, DestinationShown, TrialShown


def _check(around: Around, destination: Destination) -> list[str]:
    if destination.allow_private and not around.is_admin:
        raise AccessError(
            "Only a key with the scope 'admin' may set a destination with 'allow_private'.",
            code="forbidden",
            scope=Scope.ADMIN.value,
        )
    refuse_any([connector_problem(around, destination.connector), *problems_of(destination)])
    connector = around.connectors[destination.connector]
    return list(connector.check(destination.url)) if isinstance(connector, Checks) else []


def _stays(given: Doc, before: Doc) -> Doc:
    """Whether it is paused stays, unless something is said of it; and a rotation's rest."""
    retired = stays_retired("sign", given, before)
    if "state" in given:
        return retired
    return retired | {name: before[name] for name in ("state", "state_reason") if name in before}


def _lapses(changed: Doc, before: Doc) -> tuple[str, ...]:
    return () if same_way("sign", changed, before) else (RETIRED,)


def _made(body: Doc) -> tuple[str, str] | None:
    sign = body.get("sign")
    return ("sign", "secrets") if isinstance(sign, dict) and not sign.get("secrets") else None


def _fresh(body: Doc) -> str:
    """A new secret, of the kind that the setting asks for."""
    sign = body["sign"]
    if sign.get("scheme") == "hmac":
        return new_scheme_secret(str(sign.get("key_encoding")))
    kinds = {str(secret)[: len(PRIVATE_PREFIX)] for secret in sign.get("secrets") or ()}
    asymmetric = sign.get("secret_kind") == "whsk" or kinds == {PRIVATE_PREFIX}
    return new_private_key() if asymmetric else new_secret()


def _public_keys(call: Call, slug: str) -> Doc:
    """Of one that signs with private keys: what its receiver verifies with."""
    destination = call.hub.catalog.now.destinations.get(slug)
    if destination is None or not isinstance(destination.sign, Sign):
        return {}
    signing = destination.signing_at(now_us() / US_PER_S)
    secrets = signing.secrets if signing is not None else ()
    found = [public_key(each) for each in secrets if each.startswith(PRIVATE_PREFIX)]
    return {"public_keys": found} if found else {}


DESTINATIONS = Named(
    kind="destination",
    shape=Destination,
    shown_as=DestinationShown,
    made=_made,
    check=_check,
    beside=_public_keys,
    stays=_stays,
    lapses=_lapses,
    fresh=_fresh,
)


class Pause(Body):
    """Why it is to take nothing for now."""

    reason: Reason | None = None


async def _pause(call: Call) -> Response:
    reason = (await call.body(Pause)).reason
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
    wish = await call.body(Trial)
    slug = await slug_of(call)
    destination = await call.hub.catalog.destination(slug)
    connector = call.hub.connectors.get(destination.connector) if destination else None
    if destination is None or connector is None:
        raise missing("connector", destination.connector if destination else slug)
    body = wish.body if "body" in wish.model_fields_set else sample()
    client = None if wish.dry_run else call.hub.client
    told = await try_out(slug, destination, connector, body, client)
    warnings = list(connector.check(destination.url)) if isinstance(connector, Checks) else []
    return answer({**told, "warnings": warnings})


async def _rotate(call: Call) -> Response:
    """The new secret is told this once; the receiver may go over to it while both sign."""
    wish = await call.body(Rotation)
    row = await DESTINATIONS.row(call)
    body = loads(row["body"])
    destination = Destination.model_validate(body)
    if destination.sign is None:
        raise ConflictError(
            "This destination has no secret: nothing that goes there is signed.", code="secret_none"
        )
    secret = wish.secret or _fresh(body)
    try:
        check_secret(destination.sign, secret)
    except InvalidError as error:
        raise refused(wrong("/secret", error.message)) from error
    body = rotated(body, "sign", destination.retired, secret, wish.overlap_s)
    await DESTINATIONS.write(call, row["slug"], body)
    shown = DESTINATIONS.shown(call, await DESTINATIONS.row(call))
    return answer(shown | {"secret": secret})


async def slug_of(call: Call) -> str:
    """The destination in the path, if there is one.

    Raises:
        NotFoundError: ``destination_unknown``.
    """
    slug: str = (await DESTINATIONS.row(call))["slug"]
    return slug


UNKNOWN = {404: ("destination_unknown",)}
_ONE = "/v1/destinations/{slug}"
OPERATIONS = (
    *DESTINATIONS.operations(),
    Operation(
        *("POST", f"{_ONE}/pause", Scope.WRITE, _pause, "Keep what comes, for now", Pause),
        optional=True,
        gives={200: DestinationShown},
        problems=UNKNOWN,
    ),
    Operation(
        *("POST", f"{_ONE}/resume", Scope.WRITE, _resume, "Let what was kept go out"),
        gives={200: DestinationShown},
        problems=UNKNOWN,
    ),
    Operation(
        *("POST", f"{_ONE}/test", Scope.WRITE, _test, "Send a sample, and see it all", Trial),
        optional=True,
        gives={200: TrialShown},
        problems={
            400: ("transform_failed", "secret_invalid"),
            404: ("destination_unknown", "connector_unknown"),
        },
    ),
    Operation(
        "POST",
        f"{_ONE}/rotate",
        Scope.WRITE,
        _rotate,
        "Replace a destination's secret; those of before sign beside it for a while",
        Rotation,
        gives={200: DestinationRotated},
        problems={**UNKNOWN, 409: ("secret_none", "managed_by_file")},
    ),
)
