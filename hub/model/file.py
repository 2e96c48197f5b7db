"""Files: what is known of one beside its content, and names and types that are safe to tell."""

import re
import unicodedata
from dataclasses import dataclass

from hub.model.json import Json

MAX_NAME_BYTES = 200
MAX_KEEP_S = 3_153_600_000
"""A century."""
UNKNOWN_TYPE = "application/octet-stream"
_NAMELESS = "file"
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
_MAX_ENDING = 20
_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:;[\x20-\x7e]*)?", re.ASCII)
_MAX_TYPE = 200


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is kept. Times are microseconds since the epoch, ``size`` is in bytes."""

    id: str
    name: str
    content_type: str
    size: int
    sha256: str
    """In hexadecimal digits."""
    blob: str
    """The name of its content, where contents lie."""
    created_at: int
    expires_at: int
    run_id: str | None = None
    event_id: str | None = None

    def reference(self) -> dict[str, Json]:
        """How it stands in events, records and results: ``{"file", "name", …}``."""
        return {
            "file": self.id,
            "name": self.name,
            "content_type": self.content_type,
            "size": self.size,
        }


def safe_name(text: str) -> str:
    """A file's name without folders, control characters or a direction of its own.

    At most 200 bytes in UTF-8; what is cut keeps its ending. ``file`` where nothing is left.
    """
    last = re.split(r"[/\\]", text)[-1]
    name = "".join(each for each in last if unicodedata.category(each) not in _UNSEEN).strip()
    if not name.strip("."):
        return _NAMELESS
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending.encode()) > _MAX_ENDING:
        stem, dot, ending = name, "", ""
    room = MAX_NAME_BYTES - len((dot + ending).encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip() + dot + ending


def safe_type(text: str | None) -> str:
    """A content type that can stand in a header field; what is none is ``UNKNOWN_TYPE``."""
    given = (text or "").strip()
    return given if len(given) <= _MAX_TYPE and _TYPE.fullmatch(given) else UNKNOWN_TYPE
