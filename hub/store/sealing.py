"""Sealing: how secrets are kept in the ledger, where the hub has a key for that.

A sealed text is ``enc:v1:KEY:DATA``: the key's id (8 hexadecimal digits of a hash of it), and in
base64 a nonce of 12 bytes with what AES-256-GCM made of the text. The place where it stands,
``kind/slug/path``, is authenticated with it: it cannot be moved to another one.
"""

import base64
import hashlib
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.errors import InvalidError, StoreError

PREFIX = "enc:v1:"
_NONCE_BYTES = 12


class Keyring:
    """The keys of 32 bytes: the first one seals, all of them open. Without any, nothing is."""

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        self._ciphers = {_id_of(key): AESGCM(key) for key in keys}
        self._first = _id_of(keys[0]) if keys else None

    @property
    def seals(self) -> bool:
        """Whether there is a key to seal with."""
        return self._first is not None

    def is_current(self, text: str) -> bool:
        """Whether it is kept as it would be kept now."""
        begin = PREFIX if self._first is None else f"{PREFIX}{self._first}:"
        return text.startswith(begin) is self.seals

    def seal(self, text: str, place: str) -> str:
        """The text as it is kept at ``place``.

        Raises:
            InvalidError: ``secret_invalid``: it could not be told from a sealed one.
        """
        if text.startswith(PREFIX):
            raise InvalidError(f"A secret cannot begin with {PREFIX!r}.", code="secret_invalid")
        if self._first is None:
            return text
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._first].encrypt(nonce, text.encode(), place.encode())
        return f"{PREFIX}{self._first}:{base64.b64encode(nonce + sealed).decode()}"

    def open(self, text: str, place: str) -> str:
        """The text that was sealed; one that was not is given back.

        Raises:
            StoreError: ``secret_unreadable``: its key is not here, or it is not as it was.
        """
        if not text.startswith(PREFIX):
            return text
        key_id, _, data = text.removeprefix(PREFIX).partition(":")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise _unreadable(f"it is encrypted with the key {key_id[:8]!r}, which is not set")
        try:
            raw = base64.b64decode(data, validate=True)
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()).decode()
        except (ValueError, InvalidTag):
            raise _unreadable("it has been changed, or stood at another place") from None


def _id_of(key: bytes) -> str:
    return hashlib.sha256(b"hub key id" + key).hexdigest()[:8]


def _unreadable(why: str) -> StoreError:
    return StoreError(why, code="secret_unreadable")
