"""Passwords: made unreadable by argon2id with its library's defaults, as RFC 9106 wants it.

Each takes 64 MiB and some 50 ms, so few are worked on at a time, beside the event loop.
"""

import asyncio
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

LEAST, MOST = 12, 200
"""Characters of a password."""
_AT_ONCE: Final = 2
_hasher = PasswordHasher()
_room = asyncio.Semaphore(_AT_ONCE)


async def hashed(password: str) -> str:
    """What is kept of it."""
    async with _room:
        return await asyncio.to_thread(_hasher.hash, password)


async def is_right(kept: str | None, password: str) -> bool:
    """Whether it is the password that ``kept`` was made of.

    Without one that takes as long: nobody learns by the time which names there are.
    """
    async with _room:
        return await asyncio.to_thread(_is_right, kept, password)


def _is_right(kept: str | None, password: str) -> bool:
    if kept is None:
        _hasher.hash(password)
        return False
    try:
        return _hasher.verify(kept, password)
    except (Argon2Error, InvalidHashError):
        return False
