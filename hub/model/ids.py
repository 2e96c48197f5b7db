"""Ids: a prefix that says what it is, and a UUIDv7 that says when it was made."""

from typing import Literal

import uuid_utils

Prefix = Literal["evt", "run", "dlv", "att", "src", "dst", "sub", "sch", "key", "msg", "wrk"]


def new_id(prefix: Prefix) -> str:
    """For example ``evt_0197c0de…`` (32 hex digits, ordered by time of making)."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"


def first_id(prefix: Prefix, us: int) -> str:
    """What comes before every id that was made at that time or later."""
    return f"{prefix}_{max(0, us) // 1000:012x}{'0' * 20}"
