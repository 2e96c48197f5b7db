"""Files on their way in: streamed from a request, raw or as the one part of a form."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from multipart import MultipartError, MultipartSegment, PushMultipartParser
from multipart import parse_options_header as parse_options
from starlette.requests import ClientDisconnect, Request

from hub.errors import InvalidError
from hub.filing import too_large

_FORM = "multipart/form-data"
_LEAST_BYTES_PER_S = 16_384
_MAX_PARTS = 1
_MAX_FIELDS = 50
_FIELDS_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Upload:
    """What comes in: ``content`` is read once; name and type are as the sender gave them."""

    content: AsyncIterator[bytes]
    name: str
    content_type: str | None


async def upload_of(
    request: Request, name: str | None, most_bytes: int, timeout_s: float
) -> Upload:
    """The file in a request's body. ``name`` counts before what a form calls it.

    ``timeout_s`` is how long the sender may be silent beside the time that its bytes take at 16
    KiB/s.

    Raises:
        TooLargeError: ``file_too_large``: the sender says so itself.
        InvalidError: ``content_encoding_unsupported``, ``form_broken``; later, while the content
            is read, ``body_timeout`` and ``form_broken``, and ClientDisconnect.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise InvalidError(
            "Compressed bodies are not taken: send the file as it is.",
            code="content_encoding_unsupported",
        )
    kind = request.headers.get("content-type")
    body = _arriving(request, timeout_s)
    if (kind or "").partition(";")[0].strip().lower() == _FORM:
        return await _of_form(body, kind or "", name)
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:18]) > most_bytes:
        raise too_large(most_bytes)
    return Upload(body, name or "file", kind)


async def page_upload_of(
    request: Request, timeout_s: float
) -> tuple[list[tuple[str, str]], Upload | None]:
    """The fields of a page's form, and the file behind them, which is its last part.

    Raises:
        InvalidError: ``form_broken``; later, as :func:`upload_of`.
    """
    boundary = _boundary_of(request.headers.get("content-type", ""))
    events = _events(
        _arriving(request, timeout_s),
        PushMultipartParser(boundary, max_segment_count=_MAX_FIELDS),
    )
    fields: list[tuple[str, bytearray]] = []
    size = 0
    async for event in events:
        if isinstance(event, MultipartSegment):
            if event.filename is not None:
                upload = Upload(_last_bytes_of(events), event.filename, event.content_type)
                return _decoded(fields), upload
            fields.append((event.name, bytearray()))
            continue
        size += len(event)
        if size > _FIELDS_BYTES:
            raise _broken("what stands beside its file is too long")
        fields[-1][1].extend(event)
    return _decoded(fields), None


async def _arriving(request: Request, timeout_s: float) -> AsyncIterator[bytes]:
    """The body as it comes; only the time that the sender takes is counted."""
    waited, size, more = 0.0, 0, True
    while more:
        began = time.monotonic()
        allowed = timeout_s + size / _LEAST_BYTES_PER_S - waited
        try:
            async with asyncio.timeout(allowed):
                message = await request.receive()
        except TimeoutError:
            raise InvalidError(
                f"The body came too slowly: {size:,} bytes in {waited + allowed:.0f} s "
                f"(HUB_BODY_TIMEOUT_S, and {_LEAST_BYTES_PER_S:,} bytes/s). Send it again.",
                code="body_timeout",
            ) from None
        waited += time.monotonic() - began
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part: bytes = message.get("body", b"")
        size += len(part)
        more = message.get("more_body", False)
        if part:
            yield part


async def _of_form(body: AsyncIterator[bytes], kind: str, name: str | None) -> Upload:
    parser = PushMultipartParser(_boundary_of(kind), max_segment_count=_MAX_PARTS)
    events = _events(body, parser)
    first = await anext(events, None)
    if not isinstance(first, MultipartSegment) or first.filename is None:
        raise _broken("its one part must be a file; name, keep_s and all else go into the query")
    return Upload(_bytes_of(events), name or first.filename, first.content_type)


def _boundary_of(kind: str) -> str:
    boundary: str = parse_options(kind)[1].get("boundary", "")
    if not boundary:
        raise _broken("its Content-Type names no boundary")
    return boundary


async def _events(
    body: AsyncIterator[bytes], parser: PushMultipartParser
) -> AsyncIterator[MultipartSegment | bytes]:
    """The head of a part, then its content."""
    with parser:
        async for block in body:
            for event in _parsed(parser, block):
                yield event
        for event in _parsed(parser, b""):
            yield event


def _parsed(parser: PushMultipartParser, block: bytes) -> Iterator[MultipartSegment | bytes]:
    try:
        for event in parser.parse(block):
            if event:
                yield event if isinstance(event, MultipartSegment) else bytes(event)
    except (MultipartError, ValueError) as error:
        raise _broken(str(error)[:200]) from error


async def _bytes_of(events: AsyncIterator[MultipartSegment | bytes]) -> AsyncIterator[bytes]:
    async for event in events:
        if isinstance(event, bytes):
            yield event


async def _last_bytes_of(events: AsyncIterator[MultipartSegment | bytes]) -> AsyncIterator[bytes]:
    async for event in events:
        if isinstance(event, MultipartSegment):
            raise _broken("its file must be its last part")
        yield event


def _decoded(fields: list[tuple[str, bytearray]]) -> list[tuple[str, str]]:
    try:
        return [(name, bytes(value).decode()) for name, value in fields]
    except UnicodeDecodeError as error:
        raise _broken("a field of it is not UTF-8 text") from error


def _broken(why: str) -> InvalidError:
    return InvalidError(
        f"This form cannot be taken: {why}. Send one file in it, "
        "or the file itself as the body, with ?name=.",
        code="form_broken",
    )
