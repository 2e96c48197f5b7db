"""Purge: what people ask to be removed, and how far that has come."""

from dataclasses import dataclass, field
from enum import StrEnum


class PurgeStatus(StrEnum):
    """``running``: it is worked on, whatever process is there; ``done``."""

    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: those for which all of it holds. Times are microseconds since the epoch."""

    source: str | None = None
    since: int | None = None
    until: int | None = None
    by: str | None = None
    """Where ``value`` stands: ``body:customer.email``, ``header:x-user``, ``path``, ``key``."""
    value: str | None = None
    tables: tuple[tuple[str, str], ...] = ()
    """Records go too whose field holds the value: names of tables and fields."""


@dataclass(frozen=True, slots=True)
class Purge:
    """A purge as it stands. ``counts`` are rows that went, by their tables.

    ``matched`` events and runs were meant so far; ``left`` of them stay, because something of
    them goes on. ``position`` says where it goes on itself.
    """

    id: str
    wanted: Wanted
    status: PurgeStatus
    position: str
    matched: int
    left: int
    created_at: int
    finished_at: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
