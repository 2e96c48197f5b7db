"""A connection: what is written in one round of the event loop leaves in one piece."""

import asyncio
from typing import Any

from hub.web.protocol import Gathering


class Recorder:
    """A transport that notes what is sent on it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def gathering(transport: Any) -> Gathering:
    """A gathering transport in the running loop."""
    return Gathering(transport, asyncio.get_running_loop())


async def test_head_and_body_leave_together() -> None:
    transport = Recorder()
    line = gathering(transport)
    line.write(b"HTTP/1.1 202 Accepted\r\n\r\n")
    line.write(b"{}")
    assert transport.sent == []
    await asyncio.sleep(0)
    assert transport.sent == [b"HTTP/1.1 202 Accepted\r\n\r\n{}"]


async def test_each_round_is_sent_for_itself() -> None:
    transport = Recorder()
    line = gathering(transport)
    for part in (b"a", b"b"):
        line.write(part)
        await asyncio.sleep(0)
    assert transport.sent == [b"a", b"b"]


async def test_what_was_written_leaves_before_the_end() -> None:
    transport = Recorder()
    line = gathering(transport)
    line.write(b"the last word")
    line.close()
    assert (transport.sent, line.is_closing()) == ([b"the last word"], True)
    await asyncio.sleep(0)
    assert transport.sent == [b"the last word"]


async def test_much_is_not_held_back() -> None:
    transport = Recorder()
    line = gathering(transport)
    for _ in range(100):
        line.write(b"x" * 10_000)
    assert sum(map(len, transport.sent)) > 900_000
    await asyncio.sleep(0)
    assert sum(map(len, transport.sent)) == 1_000_000
