"""Who sent this: Standard Webhooks signatures (HMAC, ``v1``) and tokens in a header field.

The signed text is ``{id}.{timestamp}.{body}`` over the exact bytes of the body. Comparing takes
the same time whatever is sent: everything given is compared with everything expected.
"""

import base64
import hashlib
import hmac
import re
import secrets as random_secrets
from collections.abc import Iterable, Sequence
from functools import lru_cache

from hub.errors import InvalidError, SignatureError
from hub.model.http import Headers, Pairs

SECRET_PREFIX = "whsec_"  # noqa: S105  # the prefix that tells a secret, no secret itself
MIN_SECRET_BYTES = 24
_SIGNABLE_ID = re.compile(r"[!-\-/-~]{1,256}")  # visible ASCII but for the dot
_SECONDS = re.compile(r"[0-9]{1,15}")


def new_secret() -> str:
    """A fresh secret of 32 random bytes: ``whsec_`` and base64."""
    return SECRET_PREFIX + base64.b64encode(random_secrets.token_bytes(32)).decode()


@lru_cache(maxsize=1024)  # on every request and attempt
def parse_secret(text: str) -> bytes:
    """The key that a secret stands for: decoded after ``whsec_``, else its characters.

    Raises:
        InvalidError: ``secret_invalid``; the message never repeats the secret.
    """
    encoded = text.startswith(SECRET_PREFIX)
    key = _decoded(text.removeprefix(SECRET_PREFIX)) if encoded else _plain(text)
    if len(key) < MIN_SECRET_BYTES:
        raise InvalidError(
            f"This signing secret cannot be used. A good one is {SECRET_PREFIX!r} followed by the "
            f"base64 of {MIN_SECRET_BYTES} or more random bytes, or a text of "
            f"{MIN_SECRET_BYTES} or more ASCII characters without blanks at its ends.",
            code="secret_invalid",
        )
    return key


def sign(secret: bytes, message_id: str, timestamp_s: int, body: bytes) -> str:
    """One signature, ``v1,<base64>``.

    Raises:
        InvalidError: ``message_id_invalid``: a dot would blur where the id ends.
    """
    if not _SIGNABLE_ID.fullmatch(message_id):
        raise InvalidError(
            "A message id to be signed has 1 to 256 visible ASCII characters and no dot.",
            code="message_id_invalid",
        )
    return _signature(secret, message_id, str(timestamp_s), body)


def sign_headers(secrets: Sequence[bytes], message_id: str, timestamp_s: int, body: bytes) -> Pairs:
    """The three fields of a signed request, with one signature for each secret.

    Raises:
        InvalidError: ``message_id_invalid``, or ``secret_missing`` without any secret.
    """
    if not secrets:
        raise InvalidError("Signing needs at least one secret.", code="secret_missing")
    signatures = [sign(secret, message_id, timestamp_s, body) for secret in secrets]
    return (
        ("webhook-id", message_id),
        ("webhook-timestamp", str(timestamp_s)),
        ("webhook-signature", " ".join(signatures)),
    )


def verify_standard(
    secrets: Iterable[bytes],
    headers: Headers,
    body: bytes,
    now_s: float,
    tolerance_s: float = 300,
    future_s: float = 60,
) -> str:
    """The id of a signed message; any of its signatures may match any of the secrets.

    Raises:
        SignatureError: ``signature_missing``, ``timestamp_missing``, ``signature_wrong``,
            ``timestamp_stale``, ``timestamp_future``.
    """
    message_id, timestamp, given = _signed_fields(headers)
    expected = [_signature(secret, message_id, timestamp, body) for secret in secrets]
    if not _any_equal(map(_exact, expected), map(_exact, given)):
        raise SignatureError(
            "No signature in webhook-signature fits. Sign '{id}.{timestamp}.{body}' over the "
            "exact bytes that you send, with this source's secret, and send 'v1,' and the "
            "base64 of its HMAC-SHA256.",
            code="signature_wrong",
        )
    _check_age(now_s - int(timestamp), tolerance_s, future_s)
    return message_id


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
    if not _any_equal(map(_exact, spelt), [_exact(bare), _exact(bare.lower())]):
        raise SignatureError(
            f"The signature does not fit. Sign the exact bytes that you send: their "
            f"HMAC-{algorithm.upper()} with the secret, as hexadecimal digits or base64.",
            code="signature_wrong",
        )


def verify_header_token(tokens: Iterable[str], header_value: str | None) -> None:
    """Check the token in a header field against those that a source takes.

    Raises:
        SignatureError: ``token_missing``, ``token_wrong``.
    """
    if not header_value:
        raise SignatureError(
            "The header field with the token is missing. Send the one that this source names.",
            code="token_missing",
        )
    if not _any_equal(map(_digest, tokens), [_digest(header_value)]):
        raise SignatureError(
            "The token is wrong. Copy it again from where this source was set up.",
            code="token_wrong",
        )


def _signed_fields(headers: Headers) -> tuple[str, str, list[str]]:
    message_id, timestamp = headers.get("webhook-id"), headers.get("webhook-timestamp")
    given = " ".join(headers.all("webhook-signature")).split()
    if not message_id or not given:
        raise SignatureError(
            "This source takes signed requests only. Send webhook-id, webhook-timestamp and "
            "webhook-signature as Standard Webhooks describes them.",
            code="signature_missing",
        )
    if timestamp is None or not _SECONDS.fullmatch(timestamp):
        raise SignatureError(
            "Send webhook-timestamp as whole seconds since 1970, digits only.",
            code="timestamp_missing",
        )
    return message_id, timestamp, given


def _signature(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    digest = hmac.digest(secret, _exact(f"{message_id}.{timestamp}.") + body, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def _check_age(age_s: float, tolerance_s: float, future_s: float) -> None:
    if -future_s <= age_s <= tolerance_s:
        return
    if age_s < 0:
        raise SignatureError(
            f"webhook-timestamp lies more than {future_s:g} s ahead. Set the sender's clock, "
            "and send seconds, not milliseconds.",
            code="timestamp_future",
        )
    raise SignatureError(
        f"webhook-timestamp is more than {tolerance_s:g} s old. Sign each try anew, "
        "with the time at which it is sent.",
        code="timestamp_stale",
    )


def _any_equal(expected: Iterable[bytes], given: Iterable[bytes]) -> bool:
    """Compares all with all: which one fits does not show in the time it takes."""
    wanted, equal = list(expected), 0
    for one in given:
        for other in wanted:
            equal |= hmac.compare_digest(one, other)
    return bool(equal)


def _digest(text: str) -> bytes:
    """Of one length whatever the text's, so that comparing tells nothing of that either."""
    return hashlib.sha256(_exact(text)).digest()


def _exact(text: str) -> bytes:
    """Any text as bytes, whatever a header field was decoded to."""
    return text.encode("utf-8", "surrogatepass")


def _decoded(text: str) -> bytes:
    """What base64 stands for, with or without its padding; nothing where it is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return b""


def _plain(text: str) -> bytes:
    usable = text.isascii() and text.isprintable() and text == text.strip()
    return text.encode() if usable else b""
