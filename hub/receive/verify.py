"""Verification: whether a request is from whom it should be, by its exact bytes."""

import time

from hub.model.http import InboundRequest
from hub.model.source import Source, VerifyHeader, VerifyStandard
from hub.signature import parse_secret, verify_header_token, verify_standard


def verify(source: Source, request: InboundRequest) -> None:
    """Verify a request after its source's setting.

    Raises:
        SignatureError: says what is missing or wrong, and what the sender should change.
    """
    match source.verify:
        case VerifyHeader(header=header, secrets=tokens):
            verify_header_token(tokens, request.headers.get(header))
        case VerifyStandard(secrets=secrets):
            verify_standard(
                [parse_secret(secret) for secret in secrets],
                request.headers,
                request.body,
                time.time(),
            )


def secret_fields(source: Source) -> tuple[str, ...]:
    """Header fields that carry the source's secret, to be masked before they are stored."""
    return (source.verify.header,) if isinstance(source.verify, VerifyHeader) else ()
