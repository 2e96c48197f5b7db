"""What subscribers of one channel have heard, and whether it is all, once and in order."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from hub.bench.latency import Latency, latency
from hub.model.message import Position

END = "bench.end"
"""The event of the last message; its data tell how many were published before it."""

_HELLO, _ID, _DATA = b": hello ", b"id: ", b"data: "


@dataclass(frozen=True, slots=True)
class Said:
    """One message, as it stands in a stream."""

    position: Position
    at_ns: int
    """When it was sent, by the wall clock."""
    count: int | None
    """In the last message: how many were published before."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """What it came to."""

    subscribers: int
    messages: int
    """Heard by all of them together, without the last one."""
    published: int | None
    """As the last message tells."""
    last_ns: int
    """When the last of those was heard, by the wall clock."""
    ended_ns: int
    """When the last subscriber heard the last message."""
    latency: Latency
    """From the sending to the hearing, over all subscribers."""
    faults: Mapping[str, int]
    """What went wrong, and how many times."""


@dataclass(slots=True)
class Ear:
    """What one subscriber has heard."""

    count: int = 0
    last: Position | None = None
    hello: bool = False
    done: bool = False
    rest: bytes = b""


@dataclass
class Heard:
    """What all subscribers have heard.

    A message's bytes are read once: every subscriber gets the same. Its positions only grow, so
    a subscriber whose positions did too, and who has heard as many as there were, has heard
    each of them once.
    """

    ears: list[Ear] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    last_ns: int = 0
    ended_ns: int = 0
    published: int | None = None
    _said: dict[bytes, Said | None] = field(default_factory=dict)
    _positions: dict[int, Position] = field(default_factory=dict)
    _lags_ns: list[int] = field(default_factory=list)

    def ear(self) -> Ear:
        """One subscriber more."""
        self.ears.append(Ear())
        return self.ears[-1]

    def add(self, ear: Ear, data: bytes, now_ns: int) -> None:
        """Some bytes of a subscriber's stream, which may begin and end anywhere."""
        *blocks, ear.rest = (ear.rest + data).split(b"\n\n")
        for block in blocks:
            if block in self._said:
                said = self._said[block]
            elif block.startswith(_HELLO):
                ear.hello, said = True, None
            else:
                said = self._said[block] = self._read(block)
            if said is not None:
                self._hear(ear, said, now_ns)

    def fault(self, text: str, times: int = 1) -> None:
        """Something went wrong."""
        if times:
            self.faults[text] = self.faults.get(text, 0) + times

    def is_over(self, patience_s: float) -> bool:
        """Whether all heard the last message, or some did and no other has for so long."""
        if not self.ended_ns:
            return False
        since_s = (time.time_ns() - max(self.ended_ns, self.last_ns)) / 1e9
        return since_s > patience_s or all(each.done for each in self.ears)

    def told(self) -> Hearing:
        """What it came to, once nothing more is heard."""
        expected = self.published or 0
        more = [each.count - expected for each in self.ears]
        self.fault("messages were lost", -sum(n for n in more if n < 0))
        self.fault("messages were too many", sum(n for n in more if n > 0))
        deaf = sum(not each.done for each in self.ears)
        self.fault("subscribers did not hear the last message", deaf)
        return Hearing(
            subscribers=len(self.ears),
            messages=sum(each.count for each in self.ears),
            published=self.published,
            last_ns=self.last_ns,
            ended_ns=self.ended_ns,
            latency=latency(each / 1e6 for each in self._lags_ns),
            faults=self.faults,
        )

    def _hear(self, ear: Ear, said: Said, now_ns: int) -> None:
        if ear.last is not None and said.position <= ear.last:
            self.fault("messages were repeated or out of order")
        if ear.done:
            self.fault("messages came after the last one")
        ear.last = said.position
        if said.count is not None:
            ear.done, self.published, self.ended_ns = True, said.count, now_ns
            return
        ear.count += 1
        self.last_ns = now_ns
        self._lags_ns.append(now_ns - said.at_ns)

    def _read(self, block: bytes) -> Said | None:
        """What a block tells; None for a heartbeat."""
        lines = block.split(b"\n")
        data = _after(_DATA, lines)
        if data is None:
            if lines[0] != b":":
                self.fault(f"streams told {lines[0].decode(errors='replace')!r}")
            return None
        position = Position.parse((_after(_ID, lines) or b"").decode())
        envelope = orjson.loads(data)
        if position is None or str(position) != envelope["position"]:
            raise ValueError(f"This is no message with its position: {block!r}")
        if envelope["event"] == END:
            return Said(position, 0, envelope["data"]["count"])
        n, at_ns = envelope["data"]["n"], envelope["data"]["at"]
        if self._positions.setdefault(n, position) != position:
            self.fault("messages were published twice")
        return Said(position, at_ns, None)


def _after(name: bytes, lines: Sequence[bytes]) -> bytes | None:
    return next((each[len(name) :] for each in lines if each.startswith(name)), None)
