"""What is wrong with a destination beyond its shape: URLs, expressions, secrets, certificates."""

from collections.abc import Iterator

from hub.errors import ExpressionError, InvalidError, OutboundError
from hub.expr import compile_template, compile_value
from hub.model.destination import AuthJwt, AuthOAuth2, Destination, Sign, SignHmac
from hub.outbound.guard import check_url
from hub.outbound.tls import tls_problems
from hub.signature import check_signing_key, key_of, parse_signing_key
from hub.stack.problem import Problem
from hub.web.api.body import wrong


def problems_of(destination: Destination) -> Iterator[Problem]:
    """Each at its place."""
    try:
        check_url(destination.url)
    except OutboundError as error:
        yield wrong("/url", error.message)
    yield from _expressions(destination)
    yield from _auth_problems(destination)
    if destination.tls is not None:
        for field, message in tls_problems(destination.tls):
            yield wrong(f"/tls/{field}", message)
    for place, secret in enumerate(destination.sign.secrets if destination.sign else ()):
        try:
            check_secret(destination.sign, secret)
        except InvalidError as error:
            yield wrong(f"/sign/secrets/{place}", error.message)


def check_secret(sign: Sign | SignHmac | None, secret: str) -> None:
    """Check what deliveries are to be signed with, before it is kept.

    Raises:
        InvalidError: ``secret_invalid``.
    """
    match sign:
        case SignHmac() as scheme:
            key_of(scheme, secret)
        case Sign():
            parse_signing_key(secret)


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
