"""``/v1/issuers``: whose signed tokens (JWT) are good for live channels."""

from collections.abc import Iterator

from hub.errors import AccessError, InvalidError, OutboundError
from hub.model.issuer import KEY_FIELDS, Issuer
from hub.model.key import Scope
from hub.outbound.guard import check_url
from hub.signature import check_jwt_key
from hub.signature.channel_tokens import ISSUER
from hub.stack.problem import Problem
from hub.web.api.body import wrong
from hub.web.api.named import Around, Doc, Named, refuse_any
from hub.web.shown.named import IssuerShown


def _check(around: Around, issuer: Issuer) -> list[str]:
    if issuer.allow_private and not around.is_admin:
        raise AccessError(
            "Only a key with the scope 'admin' may set an issuer with 'allow_private'.",
            code="forbidden",
            scope=Scope.ADMIN.value,
        )
    refuse_any(_problems(issuer))
    return list(_doubts(issuer))


def _problems(issuer: Issuer) -> Iterator[Problem]:
    if issuer.jwks_url is not None:
        try:
            check_url(issuer.jwks_url)
        except OutboundError as error:
            yield wrong("/jwks_url", error.message)
    if issuer.issuer == ISSUER:
        yield wrong("/issuer", f"{ISSUER!r} is what the hub's own tokens say: choose another name.")
    for name in ("public_keys", "secrets"):
        for place, key in enumerate(getattr(issuer, name)):
            try:
                check_jwt_key(key, is_public=name == "public_keys")
            except InvalidError as error:
                yield wrong(f"/{name}/{place}", error.message)


def _doubts(issuer: Issuer) -> Iterator[str]:
    if issuer.jwks_url is not None and issuer.jwks_url.lower().startswith("http:"):
        yield "The keys come unencrypted: whoever stands in between can put in their own."
    if issuer.audience is None and not issuer.secrets:
        yield (
            "Without 'audience' every token of this issuer counts, those for other services too."
        )


def _lapses(changed: Doc, before: Doc) -> tuple[str, ...]:
    """Where its keys stood, once they are given at another place."""
    if not any(changed.get(name) and not before.get(name) for name in KEY_FIELDS):
        return ()
    kept = [name for name in KEY_FIELDS if before.get(name)]
    return tuple(name for name in kept if changed.get(name) in (None, before[name]))


ISSUERS = Named(
    kind="issuer",
    shape=Issuer,
    shown_as=IssuerShown,
    made=lambda body: None,
    check=_check,
    beside=lambda call, slug: {},
    lapses=_lapses,
)

OPERATIONS = tuple(ISSUERS.operations())
