"""Every key that the hub has in Redis, and how long it lives.

Losing all of them loses no work. A key without an end of its own stands in ``PERMANENT``.
"""

from typing import Final

POSITION: Final = "hub:position"
"""Hash ``epoch``, ``ms``, ``seq``: where the hub's messages stand. One key, so that it is there
whole or not at all; made once in the life of a Redis. Permanent, three fields."""

FEED: Final = "hub:feed"
"""Stream of every message, followed by every server. Bounded; ends with the history's time after
the last message."""

JOBS: Final = "hub:jobs"
"""Sorted set of arq's doorbells. Permanent, bounded by queues and slots."""

BEAT: Final = f"{JOBS}:health-check"
"""There while any worker lives: its counts, as arq writes them. Ends 16 s after the last beat."""

NOT_CLOSED: Final = "hub:gates"
"""Set of the names of the gates that are open or half open. Permanent, bounded by their number."""

PERMANENT: Final = frozenset({POSITION, JOBS, NOT_CLOSED})


def gate(name: str) -> str:
    """Hash of the gate of a destination or an origin. Ends two days after its last change."""
    return f"hub:gate:{name}"


CHANNELS: Final = "hub:channels"
"""Sorted set of the channels on which something was said, by when last, in milliseconds. Names
leave after the longest history; ends with it after the last message."""


SERVERS: Final = "hub:servers"
"""Sorted set of the servers with live streams, by when their lease ends, in milliseconds. Ends a
day after the last of them."""


def presence(channel: str) -> str:
    """Hash of who is on a channel, as JSON. Ends a day after the last one came."""
    return f"hub:presence:{channel}"


def connections(server: str) -> str:
    """Hash of a server's connections that are present somewhere, with their members. Ends a day
    after the server was last heard of."""
    return f"hub:connections:{server}"


def channel(name: str) -> str:
    """Stream of a channel's history. Bounded; ends its time after the last message."""
    return f"hub:channel:{name}"


def message(channel: str, message_id: str) -> str:
    """Position under which a message was published first on a channel. Ends after an hour."""
    return f"hub:message:{len(channel)}:{channel}:{message_id}"


def rates(minute: int) -> str:
    """Hash of how much every process counted in a minute since the epoch. Ends a day later."""
    return f"hub:rates:{minute}"


def wanted(channel_name: str) -> str:
    """There while somebody listens to a channel on demand. Ends ten seconds after the last word."""
    return f"hub:wanted:{channel_name}"


def outage(rule: str) -> str:
    """There once a process has told that the ledger does not answer. Ends when it does again, or
    after the rule's quiet time."""
    return f"hub:outage:{rule}"


def drain_job(queue: str, slot: int) -> str:
    """The id of a doorbell. arq's keys of it (``arq:job:…``) end with the job, or after a day."""
    return f"drain:{queue}:{slot}"
