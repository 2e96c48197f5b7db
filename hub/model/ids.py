"""Ids: a prefix that says what it is, and a UUIDv7 that says when it was made."""

import re
from typing import Literal

import uuid_utils

Prefix = Literal[
    "evt",
    "run",
    "dlv",
    "att",
    "src",
    "dst",
    "sub",
    "sch",
    "key",
    "msg",
    "wrk",
    "fil",
    "aud",
    "req",
    "pur",
    "usr",
]


def new_id(prefix: Prefix) -> str:
    """For example ``evt_0197c0de…`` (32 hex digits, ordered by time of making)."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"


def pattern_of(prefix: Prefix) -> str:
    """What every such id looks like, as a regular expression."""
    return f"^{prefix}_[0-9a-f]{{32}}$"


def is_id(prefix: Prefix, text: str) -> bool:
    """Whether it looks like such an id."""
    return re.fullmatch(pattern_of(prefix)[1:-1], text) is not None


def made_at(an_id: str) -> int:
    """When an id was made, in microseconds since the epoch, to the millisecond."""
    return int(an_id.partition("_")[2][:12], 16) * 1000


def first_id(prefix: Prefix, us: int) -> str:
    """What comes before every id that was made at that time or later."""
    return f"{prefix}_{max(0, us) // 1000:012x}{'0' * 20}"
