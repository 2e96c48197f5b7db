"""Sessions: who is signed in, by a cookie that no script reads and no other site sends along.

The cookie holds 32 random bytes; the ledger keeps their hash. What a form must bring to change
something follows from the same bytes, so that another site cannot know it.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from hub.dashboard.cookies import Cookies
from hub.errors import ConflictError
from hub.model.key import hash_of
from hub.model.time import US_PER_S
from hub.signature import any_equal, exact
from hub.store.keys import StoredKey, an_admin_key
from hub.store.ledger import Ledger
from hub.store.sessions import CLOSE, ENTER, OPEN, Entry, NewSession, find_session

COOKIE: Final = "hub_session"
LIFE_S: Final = 7 * 24 * 3600
LINK_LIFE_S: Final = 3600
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in. ``token`` is what the cookie holds."""

    token: str
    key: StoredKey

    @property
    def csrf(self) -> str:
        """What a form of this session's pages brings."""
        return hmac.digest(self.token.encode(), b"csrf", hashlib.sha256).hex()

    def is_own(self, given: str) -> bool:
        """Whether that is what a form of this session's pages brings."""
        return any_equal([self.csrf.encode()], [exact(given)])


class Sessions:
    """Opens them, knows them, ends them."""

    def __init__(self, ledger: Ledger, cookies: Cookies | None = None) -> None:
        self._ledger = ledger
        self._cookies = cookies or Cookies()

    async def find(self, request: Request) -> Session | None:
        """The session that a request belongs to."""
        token = self._cookies.read(request, COOKIE)
        if not token or len(token) > _LONGEST:
            return None
        key = await self._ledger.read(find_session, hash_of(token))
        return Session(token, key) if key is not None else None

    async def open_for(
        self, *, key_id: str | None = None, user_id: str | None = None, life_s: int = LIFE_S
    ) -> str:
        """Sign a key or a user in; gives what the cookie holds."""
        token = secrets.token_urlsafe(32)
        life_us = life_s * US_PER_S
        await self._ledger.write(OPEN, NewSession(hash_of(token), life_us, key_id, user_id))
        return token

    async def enter(self, link: str) -> str | None:
        """Use a link up; gives what the cookie holds, None if the link is not good any more."""
        token = secrets.token_urlsafe(32)
        entry = Entry(hash_of(link[:_LONGEST]), hash_of(token), LIFE_S * US_PER_S)
        return token if await self._ledger.write(ENTER, entry) else None

    async def close(self, session: Session) -> None:
        """Sign out."""
        await self._ledger.write(CLOSE, hash_of(session.token))

    def keep(self, request: Request, response: Response, token: str) -> None:
        """Have the browser keep a session."""
        self._cookies.put(request, response, COOKIE, token, LIFE_S)

    def forget(self, request: Request, response: Response) -> None:
        """Have the browser forget its session."""
        self._cookies.drop(request, response, COOKIE)


async def new_link(ledger: Ledger, root: str) -> str:
    """The address that signs somebody in once, within the hour, as a key that may do everything.

    Raises:
        ConflictError: ``no_admin_key``.
    """
    key_id = await ledger.read(an_admin_key)
    if key_id is None:
        raise ConflictError(
            "No key may do everything now: make one with `hub key new NAME --scope admin`.",
            code="no_admin_key",
        )
    link = secrets.token_urlsafe(24)
    life_us = LINK_LIFE_S * US_PER_S
    await ledger.write(OPEN, NewSession(hash_of(link), life_us, key_id, is_link=True))
    return f"{root}/login?link={link}"
