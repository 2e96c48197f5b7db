"""A body is read while it comes; only who has to wait for it is under a time limit."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from hub.errors import InvalidError, TooLargeError
from hub.receive.body import Receive, SenderGone, read_body

LONG_S = 30.0


class Sender:
    """Sends pieces, each when it is let."""

    def __init__(self, *pieces: bytes, slow: bool = False, ends: bool = True) -> None:
        self.left = list(pieces)
        self.asked = asyncio.Event()
        self.go = asyncio.Semaphore(0)
        self.cancelled = False
        self._slow = slow
        self._ends = ends

    async def __call__(self) -> MutableMapping[str, Any]:
        self.asked.set()
        if self._slow:
            try:
                await self.go.acquire()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
        if not self.left:
            return {"type": "http.disconnect"}
        piece = self.left.pop(0)
        return {
            "type": "http.request",
            "body": piece,
            "more_body": bool(self.left) or not self._ends,
        }


async def timers(receive: Receive) -> list[float]:
    """For how long limits were set while a body of three bytes was read."""
    loop = asyncio.get_running_loop()
    before, set_for = loop.call_at, list[float]()

    def call_at(when: float, *args: Any, **kwargs: Any) -> asyncio.TimerHandle:
        set_for.append(when - loop.time())
        return before(when, *args, **kwargs)

    loop.call_at = call_at  # type: ignore[method-assign]
    try:
        assert await read_body(receive, 3, LONG_S) == b"abc"
    finally:
        loop.call_at = before  # type: ignore[method-assign]
    return set_for


async def test_what_is_there_sets_no_timer() -> None:
    assert await timers(Sender(b"a", b"", b"bc")) == []


async def test_what_is_waited_for_has_one() -> None:
    sender = Sender(b"a", b"bc", slow=True)
    reading = asyncio.create_task(timers(sender))
    for _ in range(2):
        await asyncio.sleep(0)
        sender.go.release()
    assert await reading == [pytest.approx(LONG_S, abs=1)]


async def test_the_time_is_for_the_whole_body() -> None:
    sender = Sender(b"a", b"b", slow=True)
    sender.go.release()
    with pytest.raises(InvalidError) as refusal:
        await read_body(sender, 10, 0.05)
    assert refusal.value.code == "body_timeout"
    assert sender.cancelled


async def test_who_is_cancelled_while_waiting_is_cancelled() -> None:
    sender = Sender(b"a", slow=True)
    reading = asyncio.create_task(read_body(sender, 10, LONG_S))
    await sender.asked.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert sender.cancelled


@pytest.mark.parametrize("slow", [False, True])
async def test_a_sender_that_goes_and_one_that_sends_too_much(slow: bool) -> None:
    for sender, error in (
        (Sender(b"a", slow=slow, ends=False), SenderGone),
        (Sender(b"abc", b"d", slow=slow), TooLargeError),
    ):
        sender.go.release()
        sender.go.release()
        with pytest.raises(error):
            await read_body(sender, 3, LONG_S)
