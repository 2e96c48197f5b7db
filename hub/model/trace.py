"""Trace: where something stands in a trace that goes through many programs (W3C Trace Context).

Ids follow from those of events and runs, so that whoever carries one on, in another process or
after a crash, knows its place without having been told.
"""

import re
import secrets
from dataclasses import dataclass
from hashlib import blake2b

HEADER = "traceparent"
_TEXT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 1


@dataclass(frozen=True, slots=True)
class Trace:
    """A span's place: ids of 128 and 64 bits, neither 0, and whether anybody wants it written."""

    trace_id: int
    span_id: int
    sampled: bool = True

    @classmethod
    def parse(cls, text: str | None) -> "Trace | None":
        """What a ``traceparent`` field says; None where it says nothing that can be used."""
        found = _TEXT.fullmatch(text.strip()) if text is not None and len(text) <= 200 else None
        if found is None or found[1] == "ff" or (found[1] == "00" and found[5]):
            return None
        trace_id, span_id = int(found[2], 16), int(found[3], 16)
        if not trace_id or not span_id:
            return None
        return cls(trace_id, span_id, bool(int(found[4], 16) & _SAMPLED))

    def __str__(self) -> str:
        """The field for whoever is called next."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{int(self.sampled):02x}"

    def child(self, of: str | None = None) -> "Trace":
        """A place below: that of an event or a run by its id, else a new one."""
        span_id = secrets.randbits(64) or 1 if of is None else span_of(of)
        return Trace(self.trace_id, span_id, self.sampled)


def trace_of(an_id: str) -> int:
    """The trace that an event or a run begins."""
    return int.from_bytes(blake2b(an_id.encode(), digest_size=16).digest()) or 1


def span_of(an_id: str) -> int:
    """The span of an event or a run."""
    return int.from_bytes(blake2b(an_id.encode(), digest_size=8).digest()) or 1
