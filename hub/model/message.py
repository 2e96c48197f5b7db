"""Message: something said on a channel, live to whoever listens and kept for a while."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Self

import orjson

from hub.errors import InvalidError, TooLargeError
from hub.model.channel import check_channel
from hub.model.time import to_iso

MAX_DATA_BYTES = 256 * 1024
EARLIEST = "earliest"
"""In place of a position: everything that history holds."""

_ID = re.compile(r"[!-~]{1,200}")
_EVENT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_POSITION = re.compile(r"([0-9a-z]{1,32})-([0-9]{1,15})-([0-9]{1,15})")
_LINE_ENDS = str.maketrans("\r\n", "  ")


class Position(NamedTuple):
    """Where a message stands among all of the hub; ``epoch`` names the life of one Redis."""

    epoch: str
    ms: int
    seq: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The reverse of ``str``; None for anything else."""
        found = _POSITION.fullmatch(text)
        return cls(found[1], int(found[2]), int(found[3])) if found else None

    def __str__(self) -> str:
        return f"{self.epoch}-{self.ms}-{self.seq}"


@dataclass(frozen=True)
class Message:
    """One message. Its encoded forms are made once, however many read them."""

    id: str
    channel: str
    event: str
    data: str = field(repr=False)
    """JSON text."""
    ts: int
    position: str | None = None
    """Given by publishing."""
    sender: str | None = None
    """Who said it, where the token of whoever did has a subject: ``from`` in the envelope."""

    @cached_property
    def place(self) -> Position | None:
        """The position, parsed."""
        return Position.parse(self.position) if self.position else None

    @cached_property
    def envelope(self) -> bytes:
        """See :func:`encode_envelope`."""
        return encode_envelope(self)

    @cached_property
    def sse(self) -> bytes:
        """See :func:`sse_event`."""
        return sse_event(self)

    @cached_property
    def named_sse(self) -> bytes:
        """See :func:`sse_event`."""
        return sse_event(self, named=True)


@dataclass(frozen=True, slots=True)
class History:
    """What a channel remembers after a position."""

    messages: tuple[Message, ...]
    gap: bool
    """Messages may be missing between the position that was asked for and the first one."""
    position: Position
    """Where the hub stood when this was read: every later message has a higher one."""


def encode_envelope(message: Message) -> bytes:
    """The message as JSON on one line.

    ``position`` stands in it for readers that throw the ``id:`` lines of a stream away.
    """
    told = {
        "id": message.id,
        "event": message.event,
        "channel": message.channel,
        # outside of strings, where JSON allows no line ends, they are mere space
        "data": orjson.Fragment(message.data.translate(_LINE_ENDS)),
        "ts": to_iso(message.ts),
        "position": message.position,
    }
    if message.sender is not None:
        told["from"] = message.sender
    return orjson.dumps(told)


def sse_event(message: Message, *, named: bool = False) -> bytes:
    """The message as a server-sent event, with its position as the id."""
    name = f"event: {_CONTROL.sub('', message.event)}\n" if named else ""
    at = f"id: {message.position}\n" if message.position else ""
    head = f"{at}{name}data: "
    return b"%b%b\n\n" % (head.encode(), message.envelope)


def check_message(message: Message) -> Message:
    """The message, if it can be published.

    Raises:
        InvalidError: ``channel_invalid`` or ``message_invalid``.
        TooLargeError: its data are longer than 256 KiB.
    """
    check_channel(message.channel)
    if not _ID.fullmatch(message.id):
        raise InvalidError(
            "The id of a message is 1 to 200 visible ASCII characters.", code="message_invalid"
        )
    if not _EVENT.fullmatch(message.event):
        raise InvalidError(
            "The event of a message is 1 to 200 characters, none of them a control character.",
            code="message_invalid",
        )
    size = len(message.data.encode())
    if size > MAX_DATA_BYTES:
        raise TooLargeError(
            f"The data of a message are at most {MAX_DATA_BYTES} bytes (256 KiB) of JSON, these "
            f"are {size}: send a part, or a link to the whole.",
            limit_bytes=MAX_DATA_BYTES,
        )
    return message
