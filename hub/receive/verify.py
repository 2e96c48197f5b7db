"""Verification: whether a request is from whom it should be, by its exact bytes."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from hub.connector import Connector
from hub.errors import SignatureError
from hub.model.http import InboundRequest
from hub.model.source import (
    Source,
    VerifyBasic,
    VerifyHeader,
    VerifyHmac,
    VerifyJwt,
    VerifyKey,
    VerifyNone,
    VerifyPreset,
    VerifyStandard,
)
from hub.signature import (
    parse_secret,
    verify_basic,
    verify_header_token,
    verify_jwt,
    verify_scheme,
    verify_standard,
)

CheckKey: TypeAlias = Callable[[InboundRequest], Awaitable[None]]
"""Refuses a request without an API key that may send; raises as :func:`verify` does."""


async def verify(
    source: Source, connector: Connector, request: InboundRequest, check_key: CheckKey
) -> None:
    """Verify a request after its source's setting.

    Raises:
        SignatureError: says what is missing or wrong, and what the sender should change.
        AccessError: ``too_many_requests``: too many wrong keys came from its address.
        StoreError: keys cannot be looked up.
    """
    if isinstance(source.verify, VerifyKey):
        await check_key(request)
    else:
        _verify(source, connector, request)


def _verify(source: Source, connector: Connector, request: InboundRequest) -> None:
    match source.setting_at(time.time()):
        case VerifyNone():
            pass
        case VerifyHeader(header=header, secrets=tokens):
            verify_header_token(tokens, request.headers.get(header))
        case VerifyStandard(secrets=secrets):
            verify_standard(
                [parse_secret(secret) for secret in secrets],
                request.headers,
                request.body,
                time.time(),
            )
        case VerifyBasic(user=user, secrets=passwords):
            verify_basic(user, passwords, request.headers.get("authorization"))
        case VerifyJwt() as setting:
            verify_jwt(
                request.headers.get("authorization"),
                secrets=setting.secrets,
                public_keys=setting.public_keys,
                issuer=setting.issuer,
                audience=setting.audience,
            )
        case VerifyHmac(secrets=secrets) as scheme:
            verify_scheme(scheme, secrets, request, time.time())
        case VerifyPreset(secrets=secrets):
            _by_connector(connector, secrets, request)
        case unknown:
            raise SignatureError(
                f"The hub knows no way to verify by {unknown.mode!r}.", code="verify_unknown"
            )


def _by_connector(connector: Connector, secrets: tuple[str, ...], request: InboundRequest) -> None:
    checked = getattr(connector, "verify", None)  # whether it is a Verifies costs far more
    if checked is None:  # another version of it did
        raise SignatureError(
            f"The connector {connector.name!r} knows no way to verify what it gets.",
            code="verify_unknown",
        )
    checked(secrets, request, time.time())


def secret_fields(source: Source) -> tuple[str, ...]:
    """Header fields that carry the source's secret, to be masked before they are stored."""
    return (source.verify.header,) if isinstance(source.verify, (VerifyHeader, VerifyHmac)) else ()
