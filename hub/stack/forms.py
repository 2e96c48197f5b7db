"""Forms: ``multipart/form-data`` as browsers write it (RFC 7578), for what is delivered with files.

The boundary follows from the content: the same form is the same bytes each time, and no content
can hold the boundary that is made from it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from hub.expr import text_of
from hub.model.file import safe_name, safe_type
from hub.model.json import Json

_ESCAPED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
_WHOLE = "payload"
"""The field that holds what is no object."""


@dataclass(frozen=True, slots=True)
class FormFile:
    """A file of a form."""

    name: str
    content_type: str
    content: bytes = field(repr=False)


def form_of(value: Json, files: Iterable[FormFile]) -> tuple[bytes, str]:
    """The body and its content type. An object's fields are fields of the form.

    Null is left out, lists and objects are JSON. The files are ``file``, ``file2``, ``file3`` …
    """
    parts = [*_fields(value), *_files(files)]
    digest = sha256()
    for head, content in parts:
        digest.update(b"%d %d %b%b" % (len(head), len(content), head, content))
    boundary = f"hub-{digest.hexdigest()[:40]}"
    line = b"--" + boundary.encode()
    body = b"".join(
        b"".join((line, b"\r\n", head, b"\r\n\r\n", content, b"\r\n")) for head, content in parts
    )
    return body + line + b"--\r\n", f"multipart/form-data; boundary={boundary}"


def _fields(value: Json) -> Iterator[tuple[bytes, bytes]]:
    fields = value if isinstance(value, dict) else {_WHOLE: value}
    for name, each in fields.items():
        if each is not None:
            yield _head(name), _bytes(text_of(each))


def _files(files: Iterable[FormFile]) -> Iterator[tuple[bytes, bytes]]:
    for n, file in enumerate(files, 1):
        told = f'; filename="{safe_name(file.name).translate(_ESCAPED)}"'
        kind = f"\r\nContent-Type: {safe_type(file.content_type)}"
        yield _head("file" if n == 1 else f"file{n}", told + kind), file.content


def _head(name: str, more: str = "") -> bytes:
    return _bytes(f'Content-Disposition: form-data; name="{name.translate(_ESCAPED)}"{more}')


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")
