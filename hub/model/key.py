"""API keys: what they look like, and what they may do."""

import hashlib
import secrets
from enum import StrEnum

_PREFIX = "hub_"


class Scope(StrEnum):
    """What a key may do; ``admin`` may do all of it."""

    ADMIN = "admin"
    WRITE = "write"
    READ = "read"
    INGEST = "ingest"
    RUN = "run"
    PUBLISH = "publish"


def new_key() -> str:
    """A fresh key: 32 random bytes, told apart by its prefix."""
    return _PREFIX + secrets.token_urlsafe(32)


def hash_of(key: str) -> str:
    """What is kept of a key: with 256 random bits one round of SHA-256 is enough."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def prefix_of(key: str) -> str:
    """The beginning by which people tell their keys apart."""
    return key[:8]
