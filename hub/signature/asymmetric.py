"""Key pairs of Standard Webhooks (ed25519, ``v1a``): who verifies has the public half only.

A private key is ``whsk_`` and the base64 of its 32 bytes, or of these and the 32 of its public
key, as Svix writes it; a public key is ``whpk_`` and the base64 of 32 bytes.
"""

import base64
import binascii
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.errors import InvalidError

PRIVATE_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
_BYTES = 32


def new_private_key() -> str:
    """A fresh private key."""
    key = Ed25519PrivateKey.generate()
    raw = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    return PRIVATE_PREFIX + base64.b64encode(raw).decode()


@lru_cache(maxsize=1024)  # on every attempt
def parse_private_key(text: str) -> Ed25519PrivateKey:
    """The key that ``whsk_…`` stands for.

    Raises:
        InvalidError: ``secret_invalid``; the message never repeats the key.
    """
    raw = _decoded(text.removeprefix(PRIVATE_PREFIX))
    if len(raw) not in (_BYTES, 2 * _BYTES):
        raise _unusable(f"{_BYTES} or {2 * _BYTES} bytes are wanted")
    key = Ed25519PrivateKey.from_private_bytes(raw[:_BYTES])
    if raw[_BYTES:] not in (b"", key.public_key().public_bytes_raw()):
        raise _unusable("its second half is another key's public one")
    return key


def public_key(text: str) -> str:
    """The public half of ``whsk_…``, for those who verify.

    Raises:
        InvalidError: as :func:`parse_private_key`.
    """
    raw = parse_private_key(text).public_key().public_bytes_raw()
    return PUBLIC_PREFIX + base64.b64encode(raw).decode()


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise _unusable("it is no base64") from None


def _unusable(why: str) -> InvalidError:
    return InvalidError(
        f"This private key cannot be used: {why}. Copy it again, or leave the secrets out and set "
        '"secret_kind": "whsk", and the hub makes one.',
        code="secret_invalid",
    )
