"""Standard Webhooks signatures: by a shared secret (``v1``), and by a key pair (``v1a``).

The signed text is ``{id}.{timestamp}.{body}`` over the exact bytes of the body.
"""

import base64
import hmac
import re
import secrets as random_secrets
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.errors import InvalidError, SignatureError
from hub.model.http import Headers, Pairs
from hub.signature.asymmetric import PRIVATE_PREFIX, PUBLIC_PREFIX, parse_private_key
from hub.signature.compare import any_equal, check_age, exact

SECRET_PREFIX = "whsec_"  # noqa: S105  # the prefix that tells a secret, no secret itself
MIN_SECRET_BYTES = 24
SigningKey: TypeAlias = bytes | Ed25519PrivateKey
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
    if text.startswith((PRIVATE_PREFIX, PUBLIC_PREFIX)):
        raise InvalidError(
            "This is half of a key pair; a secret that both sides know is wanted, as "
            f"{SECRET_PREFIX!r} begins.",
            code="secret_invalid",
        )
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


def parse_signing_key(text: str) -> SigningKey:
    """What a destination's secret signs with: a private key after ``whsk_``, else a secret.

    Raises:
        InvalidError: ``secret_invalid``.
    """
    return parse_private_key(text) if text.startswith(PRIVATE_PREFIX) else parse_secret(text)


def sign(secret: SigningKey, message_id: str, timestamp_s: int, body: bytes) -> str:
    """One signature: ``v1,<base64>`` by a secret, ``v1a,<base64>`` by a private key.

    Raises:
        InvalidError: ``message_id_invalid``: a dot would blur where the id ends.
    """
    if not _SIGNABLE_ID.fullmatch(message_id):
        raise InvalidError(
            "A message id to be signed has 1 to 256 visible ASCII characters and no dot.",
            code="message_id_invalid",
        )
    if isinstance(secret, Ed25519PrivateKey):
        signature = secret.sign(exact(f"{message_id}.{timestamp_s}.") + body)
        return "v1a," + base64.b64encode(signature).decode()
    return _signature(secret, message_id, str(timestamp_s), body)


def sign_headers(
    secrets: Sequence[SigningKey], message_id: str, timestamp_s: int, body: bytes
) -> Pairs:
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
    if not any_equal(map(exact, expected), map(exact, given)):
        raise SignatureError(
            "No signature in webhook-signature fits. Sign '{id}.{timestamp}.{body}' over the "
            "exact bytes that you send, with this source's secret, and send 'v1,' and the "
            "base64 of its HMAC-SHA256.",
            code="signature_wrong",
        )
    check_age(now_s - int(timestamp), "webhook-timestamp", tolerance_s, future_s)
    return message_id


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
    mac = _keyed(secret).copy()  # setting a key up costs more than a body does
    mac.update(exact(f"{message_id}.{timestamp}."))
    mac.update(body)
    return "v1," + base64.b64encode(mac.digest()).decode()


@lru_cache(maxsize=1024)
def _keyed(secret: bytes) -> hmac.HMAC:
    return hmac.new(secret, digestmod="sha256")


def _decoded(text: str) -> bytes:
    """What base64 stands for, with or without its padding; nothing where it is none."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return b""


def _plain(text: str) -> bytes:
    usable = text.isascii() and text.isprintable() and text == text.strip()
    return text.encode() if usable else b""
