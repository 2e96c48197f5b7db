"""``/v1/sources``: the addresses that take requests."""

from collections.abc import Iterator

from pydantic import Field
from starlette.responses import Response

from hub.connector import Connector, Verifies
from hub.errors import ConflictError, ExpressionError, HubError, InvalidError
from hub.expr import compile_template
from hub.model.json import loads
from hub.model.key import Scope
from hub.model.source import (
    Source,
    Verify,
    VerifyHmac,
    VerifyJwt,
    VerifyPreset,
    VerifyStandard,
)
from hub.receive.trial import outgoing, sample_of, told
from hub.signature import check_jwt_key, key_of, new_scheme_secret, new_secret, parse_secret
from hub.stack.problem import Problem
from hub.web.api.body import Body, refused, wrong
from hub.web.api.call import Call, Operation, answer, missing
from hub.web.api.named import Around, Doc, Named, connector_problem, refuse_any
from hub.web.api.rotation import RETIRED, Rotation, rotated, same_way, stays_retired
from hub.web.front_door import knock
from hub.web.shown.named import SampleShown, SourceRotated, SourceShown


def _check(around: Around, source: Source) -> list[str]:
    connector = around.connectors.get(source.connector)
    refuse_any(
        [
            connector_problem(around, source.connector),
            *secret_problems(source, connector),
            *_expression_problems(source),
        ]
    )
    if source.task is None:
        return []
    try:
        around.catalog.resolve(source.task)
    except HubError as error:
        return [f"{error.message} Until then events of this source are recorded and run nothing."]
    return []


def _expression_problems(source: Source) -> Iterator[Problem]:
    for name in ("event_type", "filter"):
        text = getattr(source, name)
        if text is None:
            continue
        try:
            compiled = compile_template(text)
        except ExpressionError as error:
            yield wrong(f"/{name}", error.message)
            continue
        if name == "filter" and compiled.is_literal:
            yield wrong("/filter", f'A filter is an expression: "{{{{{text[:60]}}}}}".')


def secret_problems(source: Source, connector: Connector | None) -> Iterator[Problem]:
    """What is wrong with the secrets of a source that verifies signatures."""
    setting = source.verify
    if isinstance(setting, VerifyPreset) and not isinstance(connector, Verifies):
        if connector is not None:
            yield wrong(
                "/verify/mode",
                f"The connector {connector.name!r} knows no way of its own to verify: choose "
                "another mode.",
            )
        return
    name = "public_keys" if isinstance(setting, VerifyJwt) and setting.public_keys else "secrets"
    for place, secret in enumerate(getattr(setting, name, ())):
        try:
            _check_secret(setting, connector, secret)
        except InvalidError as error:
            yield wrong(f"/verify/{name}/{place}", error.message)


def _check_secret(setting: Verify, connector: Connector | None, secret: str) -> None:
    match setting:
        case VerifyStandard():
            parse_secret(secret)
        case VerifyHmac():
            key_of(setting, secret)
        case VerifyJwt():
            check_jwt_key(secret, is_public=bool(setting.public_keys))
        case VerifyPreset() if isinstance(connector, Verifies):
            connector.check_secret(secret)


def _made(body: Doc) -> tuple[str, str] | None:
    verify = body.get("verify")
    if not isinstance(verify, dict) or verify.get("mode") != "standard" or verify.get("secrets"):
        return None
    return "verify", "secrets"


def _stays(given: Doc, before: Doc) -> Doc:
    """Secrets of before a rotation, while the source is verified in the same way."""
    return stays_retired("verify", given, before)


def _lapses(changed: Doc, before: Doc) -> tuple[str, ...]:
    return () if same_way("verify", changed, before) else (RETIRED,)


SOURCES = Named(
    kind="source",
    shape=Source,
    shown_as=SourceShown,
    made=_made,
    check=_check,
    stays=_stays,
    lapses=_lapses,
    beside=lambda call, slug: {"url": f"{call.root}/in/{slug}"},
)


async def _rotate(call: Call) -> Response:
    """The new secret is told this once; senders may go over to it while both count."""
    wish = await call.body(Rotation)
    row = await SOURCES.row(call)
    body = loads(row["body"])
    source = Source.model_validate(body)
    given = getattr(source.verify, "secrets", ())
    if not given:
        raise ConflictError(
            f"This source has no secret: it is verified by {source.verify.mode!r}.",
            code="secret_none",
        )
    secret = wish.secret or _fresh(source)
    connector = call.hub.connectors.get(source.connector)
    try:
        _check_secret(source.verify, connector, secret)
    except InvalidError as error:
        raise refused(wrong("/secret", error.message)) from error
    body = rotated(body, "verify", source.retired, secret, wish.overlap_s)
    await SOURCES.write(call, row["slug"], body)
    shown = SOURCES.shown(call, await SOURCES.row(call))
    return answer(shown | {"secret": secret})


def _fresh(source: Source) -> str:
    """A new secret, written as the source's setting reads it."""
    match source.verify:
        case VerifyStandard():
            return new_secret()
        case VerifyPreset():
            raise refused(
                wrong(
                    "/secret", f"{source.connector} makes its secret: copy the new one from there."
                )
            )
        case VerifyHmac(key_encoding=encoding):
            return new_scheme_secret(encoding)
    return new_scheme_secret("text")


class SampleWish(Body):
    """What is sent for trying."""

    case: str | None = Field(
        None, max_length=200, description="Which sample of its connector; null: the first."
    )
    body: str | None = Field(None, description="Instead of the sample's.")


async def _test(call: Call) -> Response:
    """It is an event as any other, and runs what such events run."""
    wish = await call.body(SampleWish)
    slug: str = (await SOURCES.row(call))["slug"]
    source = await call.hub.catalog.source(slug)
    connector = call.hub.connectors.get(source.connector)
    if connector is None:
        raise missing("connector", source.connector)
    sample = sample_of(source.connector, wish.case)
    sent = outgoing(source, connector, sample, wish.body, f"{call.root}/in/{slug}")
    client = call.request.client
    answered = await knock(call.hub, sent, client.host if client else "")
    return answer({"request": told(source, sent), "answer": answered})


OPERATIONS = (
    *SOURCES.operations(),
    Operation(
        "POST",
        "/v1/sources/{slug}/test",
        Scope.WRITE,
        _test,
        "Send a source its connector's sample, proven as it asks, and see it all",
        SampleWish,
        optional=True,
        gives={200: SampleShown},
        problems={
            400: ("sample_unknown", "proof_impossible", "secret_invalid"),
            404: ("source_unknown", "connector_unknown"),
        },
    ),
    Operation(
        "POST",
        "/v1/sources/{slug}/rotate",
        Scope.WRITE,
        _rotate,
        "Replace a source's secret; those of before count for a while",
        Rotation,
        gives={200: SourceRotated},
        problems={404: ("source_unknown",), 409: ("secret_none", "managed_by_file")},
    ),
)
