"""What is known of a download that has begun, and whether an answer goes on with it."""

import re
from dataclasses import dataclass, replace

from hub.model.http import Pairs
from hub.outbound.streaming import Streamed

_CONTENT_RANGE = re.compile(r"bytes\s+([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_UNSATISFIED = re.compile(r"bytes\s+\*/([0-9]{1,18})")
_LENGTH = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Partial:
    """Which version of a data set has been begun. Kept beside the bytes that are there."""

    url: str
    etag: str | None = None
    last_modified: str | None = None
    total: int | None = None
    """Its size in bytes, where the server has said."""
    source: str = ""
    """Where the first of the bytes came from, behind redirects."""
    content_type: str | None = None

    @property
    def validator(self) -> str | None:
        """What ``If-Range`` can ask by: a strong ETag, or else the time of the last change."""
        if self.etag is not None and not self.etag.startswith("W/"):
            return self.etag
        return self.last_modified

    def fields(self, offset: int) -> Pairs:
        """The header fields that ask for what comes from ``offset`` on."""
        if not offset or self.validator is None:
            return ()
        return (("range", f"bytes={offset}-"), ("if-range", self.validator))

    def differs(self, seen: "Partial") -> bool:
        """Whether two answers are of different versions, as far as both tell."""
        pairs = (
            (self.etag, seen.etag),
            (self.last_modified, seen.last_modified),
            (self.total, seen.total),
        )
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)

    def joined(self, seen: "Partial") -> "Partial":
        """The same, with what only the later answer tells."""
        return replace(self, total=seen.total if self.total is None else self.total)


@dataclass(frozen=True, slots=True)
class Part:
    """What an answer brings: from which byte, how many of them where it says, and of what."""

    begin: int
    size: int | None
    of: Partial


def part_of(url: str, answer: Streamed) -> Part | None:
    """What a 200 or 206 brings, None for a 206 that cannot be understood.

    What is packed on its way cannot be continued: its ranges count the packed bytes.
    """
    length = _length(answer)
    etag, changed = answer.headers.get("etag"), answer.headers.get("last-modified")
    came = Partial(url, source=answer.url, content_type=answer.headers.get("content-type"))
    if answer.status == 200:
        if answer.coding != "identity":
            return Part(0, None, came)
        return Part(0, length, replace(came, etag=etag, last_modified=changed, total=length))
    found = _CONTENT_RANGE.fullmatch((answer.headers.get("content-range") or "").strip())
    if found is None or answer.coding != "identity":
        return None
    begin, end = int(found[1]), int(found[2])
    size = end - begin + 1
    if size < 1 or length not in (None, size) or (found[3] != "*" and int(found[3]) <= end):
        return None
    total = None if found[3] == "*" else int(found[3])
    of = replace(came, etag=etag, last_modified=changed, total=total)
    return Part(begin, size, of)


def size_refused(answer: Streamed) -> int | None:
    """The size of the whole, as a 416 tells it."""
    found = _UNSATISFIED.fullmatch((answer.headers.get("content-range") or "").strip())
    return None if found is None else int(found[1])


def _length(answer: Streamed) -> int | None:
    text = (answer.headers.get("content-length") or "").strip()
    return int(text) if _LENGTH.fullmatch(text) else None
