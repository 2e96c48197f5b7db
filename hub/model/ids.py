"""Ids: a prefix that says what it is, and a UUIDv7 that says when it was made."""

from typing import Literal

import uuid_utils

Prefix = Literal["evt", "run", "dlv", "att", "src", "dst", "sub", "sch", "key", "msg", "wrk"]


def new_id(prefix: Prefix) -> str:
    """For example ``evt_0197c0de…`` (32 hex digits, ordered by time of making)."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"
