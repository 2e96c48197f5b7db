"""Contents of files as answers: to be saved and not shown, whole or in part.

What is in a file is somebody else's, and it comes from the address that the hub's own pages have:
so no browser runs it, guesses what it is, or keeps it for others.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from hub.errors import InvalidError
from hub.filing import Filing
from hub.model.file import StoredFile

_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))", re.ASCII)
_UNPLAIN = re.compile(r"[^ !#$&'()+,\-.0-9;=@A-Z\[\]^_`a-z{}~]")
_SAFE = {
    "accept-ranges": "bytes",
    "cache-control": "private",
    "content-security-policy": "sandbox",
}


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from ``start`` to before ``end``."""

    start: int
    end: int


async def content_of(filing: Filing, file: StoredFile, request: Request) -> Response:
    """The answer to who asks for a file's content.

    Raises:
        InvalidError: ``range_unsatisfiable``.
        StoreError: as :meth:`hub.filing.Filing.read`.
    """
    etag = f'"{file.sha256}"'
    headers = {**_SAFE, "content-disposition": disposition(file.name), "etag": etag}
    if etag in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    part = part_of(request.headers, file.size, etag)
    start, end = (0, file.size) if part is None else (part.start, part.end)
    headers |= {"content-length": str(end - start), "content-type": file.content_type}
    if part is not None:
        headers["content-range"] = f"bytes {start}-{end - 1}/{file.size}"
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(None, status, headers)
    content: AsyncIterator[bytes] = await filing.read(file, start, end)
    return StreamingResponse(content, status, headers)


def part_of(headers: Headers, size: int, etag: str) -> Part | None:
    """Which part is asked for; None for the whole, also where the question cannot be read.

    Several parts at once are answered with the whole, as RFC 9110 allows.

    Raises:
        InvalidError: ``range_unsatisfiable``.
    """
    found = _RANGE.fullmatch(headers.get("range", "").strip())
    if found is None or headers.get("if-range", etag) != etag:
        return None
    first, last, suffix = (None if each is None else int(each) for each in found.groups())
    if first is None:
        start, end = max(0, size - (suffix or 0)), size
    else:
        start, end = first, size if last is None else min(last + 1, size)
        if last is not None and last < first:
            return None
    if start >= size:
        raise InvalidError(
            f"The file has {size:,} bytes, and none of them is in this range.",
            code="range_unsatisfiable",
            size=size,
        )
    return Part(start, end)


def disposition(name: str) -> str:
    """``Content-Disposition`` by RFC 6266: plain for old clients, exact for all others."""
    return f"attachment; filename=\"{_UNPLAIN.sub('_', name)}\"; filename*=UTF-8''{quote(name, '')}"
