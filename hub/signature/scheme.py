"""HMACs as senders make them: over the body alone, or over a text that a scheme describes."""

import base64
import binascii
import hmac
import re
import secrets as random_secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from hub.errors import InvalidError, SignatureError
from hub.model.http import Headers, InboundRequest, Pairs
from hub.model.scheme import Scheme
from hub.signature.compare import FUTURE_S, any_equal, check_age, exact

_NUMBER = re.compile(r"[0-9]{1,16}")
_PER_S = {"s": 1, "ms": 1000}


def verify_hmac(secret: bytes, given: str | None, body: bytes, algorithm: str) -> None:
    """Check an HMAC of the body: hexadecimal digits or base64, a name such as ``sha256=`` before.

    Raises:
        SignatureError: ``signature_missing``, ``signature_wrong``.
    """
    if not given:
        raise SignatureError(
            "The header field with the signature is missing.", code="signature_missing"
        )
    digest = hmac.digest(secret, body, algorithm)
    bare = given.strip().removeprefix(f"{algorithm}=")
    spelt = [digest.hex(), base64.b64encode(digest).decode()]
    if not any_equal(map(exact, spelt), [exact(bare), exact(bare.lower())]):
        raise SignatureError(
            f"The signature does not fit. Sign the exact bytes that you send: their "
            f"HMAC-{algorithm.upper()} with the secret, as hexadecimal digits or base64.",
            code="signature_wrong",
        )


def verify_scheme(
    scheme: Scheme, secrets: Iterable[str], request: InboundRequest, now_s: float
) -> None:
    """Check a request after a scheme: any of its signatures may fit any of the secrets.

    Raises:
        SignatureError: ``signature_missing``, ``signature_wrong``, ``timestamp_missing``,
            ``timestamp_stale``, ``timestamp_future``.
        InvalidError: ``secret_invalid``.
    """
    given, stamped = _given(scheme, request.headers)
    pieces = _pieces(scheme, request, stamped)
    signed = scheme.text(pieces)
    digests = [hmac.digest(key_of(scheme, secret), signed, scheme.algorithm) for secret in secrets]
    if not any_equal((exact(_spelt(scheme, each)) for each in digests), map(exact, given)):
        written = f"{scheme.prefix!r} and {scheme.encoding}" if scheme.prefix else scheme.encoding
        raise SignatureError(
            f"The signature in {scheme.header} does not fit. It is the HMAC-"
            f"{scheme.algorithm.upper()} of {scheme.signed!r} over the exact bytes that are sent, "
            f"with this source's secret, written as {written}.",
            code="signature_wrong",
        )
    if stamped is not None:
        made_s = int(stamped) / _PER_S[scheme.timestamp_unit]
        field = scheme.timestamp_header or f"{scheme.timestamp_field} in {scheme.header}"
        check_age(now_s - made_s, field, scheme.tolerance_s, FUTURE_S)


def sign_scheme(
    scheme: Scheme,
    secret: str,
    request: InboundRequest,
    now_s: float,
    also: Sequence[str] = (),
) -> Pairs:
    """The header fields that a sender of this scheme adds to a request.

    ``also`` are further secrets: where the header names its signatures (``field``) theirs stand
    beside the first one's.

    Raises:
        InvalidError: ``secret_invalid``.
    """
    fields: list[tuple[str, str]] = []
    stamped = None
    if scheme.timestamp_header is not None or scheme.timestamp_field is not None:
        stamped = str(int(now_s * _PER_S[scheme.timestamp_unit]))
    if scheme.timestamp_header is not None and stamped is not None:
        fields.append((scheme.timestamp_header, stamped))
    if scheme.id_header is not None and request.headers.get(scheme.id_header) is None:
        message_id = f"msg_{int(now_s * 1000)}"
        fields.append((scheme.id_header, message_id))
        headers = Headers([*request.headers, (scheme.id_header, message_id)])
        request = replace(request, headers=headers)
    signed = scheme.text(_pieces(scheme, request, stamped))
    keys = [key_of(scheme, each) for each in (secret, *also)]
    digests = [hmac.digest(key, signed, scheme.algorithm) for key in keys]
    texts = [scheme.prefix + _spelt(scheme, digest) for digest in digests]
    if scheme.field is None:
        return (*fields, (scheme.header, texts[0]))
    named = [f"{scheme.field}={text}" for text in texts]
    if scheme.timestamp_field is not None:
        named.insert(0, f"{scheme.timestamp_field}={stamped}")
    return (*fields, (scheme.header, scheme.separator.join(named)))


def new_scheme_secret(key_encoding: str) -> str:
    """A fresh secret of 32 random bytes, written as a scheme of that ``key_encoding`` reads it."""
    raw = random_secrets.token_bytes(32)
    if key_encoding == "hex":
        return raw.hex()
    if key_encoding == "base64":
        return base64.b64encode(raw).decode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def key_of(scheme: Scheme, secret: str) -> bytes:
    """The bytes that a secret stands for.

    Raises:
        InvalidError: ``secret_invalid``; the message never repeats the secret.
    """
    try:
        if scheme.key_encoding == "base64":
            return base64.b64decode(secret + "=" * (-len(secret) % 4), validate=True)
        if scheme.key_encoding == "hex":
            return bytes.fromhex(secret)
    except (ValueError, binascii.Error):
        raise InvalidError(
            f"This secret is not written in {scheme.key_encoding}: copy it again.",
            code="secret_invalid",
        ) from None
    return exact(secret)


def hmac_base64(key: bytes, text: bytes, algorithm: str) -> str:
    """An HMAC in base64, for connectors whose signed text no scheme describes."""
    return base64.b64encode(hmac.digest(key, text, algorithm)).decode()


def _given(scheme: Scheme, headers: Headers) -> tuple[list[str], str | None]:
    """The signatures, as they are to be compared, and the timestamp."""
    texts = headers.all(scheme.header)
    stamped = headers.get(scheme.timestamp_header) if scheme.timestamp_header else None
    if scheme.field is not None:
        pairs = [
            (name.strip(), value.strip())
            for text in texts
            for name, _, value in (part.partition("=") for part in text.split(scheme.separator))
        ]
        texts = [value for name, value in pairs if name == scheme.field]
        if scheme.timestamp_field is not None:
            stamped = next((value for name, value in pairs if name == scheme.timestamp_field), None)
    given = [_bare(scheme, text.strip()) for text in texts if text.strip()]
    if not given:
        raise SignatureError(
            f"This source takes signed requests only: {scheme.header} with a signature is missing.",
            code="signature_missing",
        )
    wanted = scheme.timestamp_header or scheme.timestamp_field
    if wanted is not None and (stamped is None or not _NUMBER.fullmatch(stamped)):
        unit = "seconds" if scheme.timestamp_unit == "s" else "milliseconds"
        raise SignatureError(
            f"Send {wanted} as whole {unit} since 1970, digits only.", code="timestamp_missing"
        )
    return given, stamped


def _bare(scheme: Scheme, text: str) -> str:
    bare = text.removeprefix(scheme.prefix)
    return bare.lower() if scheme.encoding == "hex" else bare


def _spelt(scheme: Scheme, digest: bytes) -> str:
    return digest.hex() if scheme.encoding == "hex" else base64.b64encode(digest).decode()


def _pieces(scheme: Scheme, request: InboundRequest, stamped: str | None) -> dict[str, bytes]:
    message_id = request.headers.get(scheme.id_header) if scheme.id_header else None
    parts = urlsplit(request.url)
    return {
        "body": request.body,
        "timestamp": exact(stamped or ""),
        "id": exact(message_id or ""),
        "method": exact(request.method),
        "url": exact(request.url),
        "path": exact(parts.path),
    }
