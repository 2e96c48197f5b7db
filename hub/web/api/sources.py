"""``/v1/sources``: the addresses that take requests."""

from collections.abc import Iterator

from hub.errors import HubError, InvalidError
from hub.model.source import Source, VerifyStandard
from hub.signature import parse_secret
from hub.stack.problem import Problem
from hub.web.api.body import wrong
from hub.web.api.call import Call
from hub.web.api.named import Doc, Named, connector_problem, refuse_any


def _check(call: Call, source: Source) -> list[str]:
    refuse_any([connector_problem(call, source.connector), *secret_problems(source)])
    if source.task is None:
        return []
    try:
        call.hub.catalog.resolve(source.task)
    except HubError as error:
        return [f"{error.message} Until then events of this source are recorded and run nothing."]
    return []


def secret_problems(source: Source) -> Iterator[Problem]:
    """What is wrong with the secrets of a source that verifies signatures."""
    if not isinstance(source.verify, VerifyStandard):
        return
    for place, secret in enumerate(source.verify.secrets):
        try:
            parse_secret(secret)
        except InvalidError as error:
            yield wrong(f"/verify/secrets/{place}", error.message)


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
