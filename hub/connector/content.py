"""Bodies of every kind that senders use, read as one value each.

JSON is itself and a form an object of its fields. XML is an object by the rules of ``xmltodict``:
attributes as ``@name``, text beside them as ``#text``, what is repeated as a list. A text is a
text, and a file or any other bytes an object ``{"content_type", "bytes", "base64"}``, in a form
with its ``filename``; ``bytes`` is their number.
"""

import base64
from collections.abc import Iterator
from xml.parsers.expat import ExpatError

import xmltodict
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser
from multipart import parse_options_header as parse_options

from hub.connector.reading import (
    FORM,
    MAX_QUERY_FIELDS,
    fields_of,
    gathered,
    parse_query,
    quoted,
)
from hub.errors import InvalidError
from hub.model.http import InboundRequest
from hub.model.json import MAX_DEPTH, Json, loads

_MULTIPART = "multipart/form-data"
_XML = ("application/xml", "text/xml")
_BEGINS_JSON = (b"{", b"[")


def parse_content(request: InboundRequest) -> Json:
    """The body by its content type; of a GET, a HEAD or a bodiless request the query.

    Raises:
        InvalidError: ``json_broken``, ``json_too_deep``, ``query_too_long``, ``form_broken``,
            ``xml_broken``, ``text_broken``.
    """
    if request.method in ("GET", "HEAD") or not request.body:
        return parse_query(request)
    given = request.headers.get("content-type") or ""
    kind = given.partition(";")[0].strip().lower()
    if kind in ("", "application/json") or kind.endswith("+json"):
        return loads(request.body)
    if kind == FORM:
        return _form(request.body)
    _, options = parse_options(given)
    if kind == _MULTIPART:
        return _parts(request.body, options.get("boundary", ""))
    if kind in _XML or kind.endswith("+xml"):
        return _xml(request.body, options.get("charset"))
    if kind.startswith("text/"):
        return _text(request.body, options.get("charset"))
    return _bytes(request.body, kind)


def _form(body: bytes) -> Json:
    """``curl -d`` calls JSON a form, too: no field's name begins with a bracket."""
    if body.lstrip().startswith(_BEGINS_JSON):
        return loads(body)
    return fields_of(body.decode("utf-8", "replace"))


def _parts(body: bytes, boundary: str) -> Json:
    try:
        pairs = [
            (part.name or "", _part(part, b"".join(chunks)))
            for part, chunks in _segments(body, boundary)
        ]
    except ParserLimitReached as error:
        raise InvalidError(
            f"The form has more than {MAX_QUERY_FIELDS} parts, or a part with too many header "
            "fields. Send less at once.",
            code="query_too_long",
        ) from error
    except (MultipartError, ValueError) as error:
        raise InvalidError(
            f"The body is no proper multipart/form-data: {quoted(str(error))}. "
            "Let your HTTP client set the Content-Type with its boundary.",
            code="form_broken",
        ) from error
    return gathered(pairs)


def _segments(body: bytes, boundary: str) -> Iterator[tuple[MultipartSegment, list[bytes]]]:
    if not boundary:
        raise ValueError("its Content-Type names no boundary")
    part, chunks = None, list[bytes]()
    with PushMultipartParser(boundary, max_segment_count=MAX_QUERY_FIELDS) as parser:
        for block in (body, b""):
            for event in parser.parse(block):
                if isinstance(event, MultipartSegment):
                    part, chunks = event, []
                elif event:
                    chunks.append(bytes(event))
                elif part is not None:
                    yield part, chunks


def _part(part: MultipartSegment, body: bytes) -> Json:
    if part.filename is None:
        return _text(body, part.charset)
    named: dict[str, Json] = {"filename": part.filename}
    return named | _bytes(body, part.content_type or "application/octet-stream")


def _xml(body: bytes, charset: str | None) -> Json:
    try:
        value = xmltodict.parse(body, encoding=charset)
    except (ExpatError, ValueError, LookupError) as error:
        raise InvalidError(
            f"The body is not valid XML: {quoted(str(error))}.", code="xml_broken"
        ) from error
    if body.count(b"</") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise InvalidError(f"XML nested deeper than {MAX_DEPTH} levels.", code="json_too_deep")
    return value


def _depth(value: Json) -> int:
    depth, level = 0, [value]
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, (dict, list))
        ]
    return depth


def _text(body: bytes, charset: str | None) -> str:
    try:
        return body.decode(charset or "utf-8")
    except (UnicodeError, LookupError) as error:
        raise InvalidError(
            f"The text is not what its content type says: {quoted(str(error))}. "
            "Send it as UTF-8, or bytes as application/octet-stream.",
            code="text_broken",
        ) from error


def _bytes(body: bytes, kind: str) -> dict[str, Json]:
    return {
        "content_type": kind,
        "bytes": len(body),
        "base64": base64.b64encode(body).decode(),
    }
