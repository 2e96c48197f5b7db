"""``/v1/destinations``: where deliveries go."""

from collections.abc import Iterable, Iterator

from hub.connector import Checks
from hub.errors import AccessError, InvalidError, OutboundError
from hub.model.destination import Destination
from hub.model.key import Scope
from hub.model.masking import is_secret_header
from hub.outbound.guard import check_url
from hub.signature import parse_secret
from hub.stack.problem import Problem
from hub.web.api.body import wrong
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
    for place, secret in enumerate(destination.sign.secrets if destination.sign else ()):
        try:
            parse_secret(secret)
        except InvalidError as error:
            yield wrong(f"/sign/secrets/{place}", error.message)


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
)
OPERATIONS = tuple(DESTINATIONS.operations())
