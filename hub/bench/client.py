"""One connection of the load generator: sends rendered bytes, tells when the answer is there."""

import asyncio
from dataclasses import dataclass
from typing import Protocol, cast

import httptools


@dataclass(frozen=True, slots=True)
class Shot:
    """A request under way: its number, and when it was due by the monotonic clock."""

    n: int
    due: float


class Owner(Protocol):
    """Whom a connection tells."""

    def answered(self, connection: "Connection", shot: Shot, status: int) -> None:
        """The answer is complete; the connection is free."""

    def ended(self, connection: "Connection", shot: Shot | None) -> None:
        """The connection is gone, and with it the request that was under way."""


class Connection(asyncio.Protocol):
    """A keep-alive connection with one request under way at most."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._shot: Shot | None = None
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        shot, self._shot, self._transport = self._shot, None, None
        self._owner.ended(self, shot)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def on_message_complete(self) -> None:
        shot, self._shot = self._shot, None
        if shot is None or not self._parser.should_keep_alive():
            self.close()
        if shot is not None:
            self._owner.answered(self, shot, self._parser.get_status_code())

    def send(self, shot: Shot, data: bytes) -> bool:
        """Begin a request; false if the connection is closing, and nothing was sent."""
        if self._transport is None or self._transport.is_closing():
            return False
        self._shot = shot
        self._transport.write(data)
        return True

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()
