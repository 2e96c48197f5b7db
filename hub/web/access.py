"""Access: bearer keys and what each of them may do.

A key is looked up by its hash, so that the time it takes tells nothing of any key's text.
"""

import asyncio
import time
from collections.abc import Collection

from starlette.requests import HTTPConnection

from hub.errors import AccessError, StoreError
from hub.model.key import Scope, hash_of
from hub.model.time import now_us
from hub.store.keys import USE, StoredKey, find_key
from hub.store.ledger import Ledger
from hub.web.guesses import Guesses

_LONGEST_KEY = 500
_TELL_S = 60.0


class Access:
    """Knows the keys of the last few seconds, so that not every request is a read."""

    def __init__(
        self,
        ledger: Ledger,
        remember_s: float = 5.0,
        most: int = 1000,
        guesses: Guesses | None = None,
    ) -> None:
        self._ledger = ledger
        self.guesses = guesses or Guesses()
        """What addresses got wrong, of keys and of whatever else lets somebody in."""
        self._remember_s = remember_s
        self._most = most
        self._known: dict[str, tuple[float, StoredKey]] = {}
        self._used: dict[str, int] = {}
        """Keys that were used since that was last written down: when, in microseconds."""

    async def require(self, request: HTTPConnection, scope: Scope) -> StoredKey:
        """The key of a request, if it may do this.

        Raises:
            AccessError: ``unauthorized`` without a valid key, ``forbidden`` without the scope,
                ``too_many_requests`` after many wrong keys.
        """
        address = request.client.host if request.client else ""
        key = await self.find(request.headers.get("authorization"), address)
        if not allows(key.scopes, scope):
            raise forbidden(key.name, scope)
        return key

    async def find(self, authorization: str | None, address: str = "") -> StoredKey:
        """The key in an ``Authorization`` field that came from an address.

        Raises:
            AccessError: ``unauthorized``, ``too_many_requests``.
        """
        kind, _, given = (authorization or "").partition(" ")
        text = given.strip()
        if kind.lower() != "bearer" or not text:
            raise AccessError("Send 'Authorization: Bearer KEY' with one of the hub's API keys.")
        key_hash = hash_of(text)
        if key_hash not in self._known:  # one that was good a while ago is no guess
            self.guesses.check(address)
        found = await self._find(key_hash) if len(text) <= _LONGEST_KEY else None
        if found is None:
            self.guesses.wrong(address)
            raise AccessError("This API key is not known, or it has expired or been revoked.")
        self._used[found.id] = now_us()
        return found

    async def tell_used(self) -> None:
        """Write down when the keys of the last while were used, all of them at once.

        Raises:
            StoreError: as the ledger does; it is written with the next.
        """
        used, self._used = self._used, {}
        if not used:
            return
        try:
            await self._ledger.write(USE, used)
        except StoreError:
            self._used = {**used, **self._used}
            raise

    async def follow(self) -> None:
        """Do that for ever, once a minute; the supervisor runs it."""
        while True:
            await asyncio.sleep(_TELL_S)
            await self.tell_used()

    def forget(self) -> None:
        """Look every key up anew: one was revoked."""
        self._known.clear()

    async def _find(self, key_hash: str) -> StoredKey | None:
        until, known = self._known.get(key_hash, (0.0, None))
        if known is not None and until > time.monotonic():
            return known
        began = time.monotonic()
        found = await self._ledger.read(find_key, key_hash)
        self._known.pop(key_hash, None)
        if found is not None:
            self._remember(key_hash, found, began + self._remember_s)
        return found

    def _remember(self, key_hash: str, key: StoredKey, until: float) -> None:
        while len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[key_hash] = (until, key)


def forbidden(name: str, scope: Scope) -> AccessError:
    """Whoever has that name may not do this."""
    return AccessError(
        f"The key {name!r} does not have the scope {scope.value!r}. "
        "Use one that has, or let an admin make one (POST /v1/keys).",
        code="forbidden",
        scope=scope.value,
    )


def allows(scopes: Collection[str], scope: Scope) -> bool:
    """Whether these scopes cover that one: ``admin`` covers all, ``write`` covers ``read``."""
    covering = {scope, Scope.ADMIN} | ({Scope.WRITE} if scope is Scope.READ else set())
    return not covering.isdisjoint(scopes)
