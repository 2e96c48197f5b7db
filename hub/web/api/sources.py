"""``/v1/sources``: the addresses that take requests."""

from collections.abc import Iterator

from hub.connector import Connector, Verifies
from hub.errors import ExpressionError, HubError, InvalidError
from hub.expr import compile_template
from hub.model.source import (
    Source,
    Verify,
    VerifyHmac,
    VerifyJwt,
    VerifyPreset,
    VerifyStandard,
)
from hub.signature import check_jwt_key, key_of, parse_secret
from hub.stack.problem import Problem
from hub.web.api.body import wrong
from hub.web.api.named import Around, Doc, Named, connector_problem, refuse_any


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


SOURCES = Named(
    kind="source",
    shape=Source,
    secrets=lambda body, before: Source.SECRETS,
    made=_made,
    check=_check,
    beside=lambda call, slug: {"url": f"{call.root}/in/{slug}"},
)
OPERATIONS = tuple(SOURCES.operations())
