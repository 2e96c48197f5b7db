"""What the pages are made of beside HTML: style, script, and others' libraries by version.

An address names the content's hash, so that a browser keeps it for good.
"""

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
_FIELDS: Final = {
    "cache-control": "public, max-age=31536000, immutable",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'",
}


@cache
def _content(name: str) -> tuple[bytes, str]:
    content = (_FOLDER / name).read_bytes()
    return content, sha256(content).hexdigest()[:16]


@cache
def _names() -> frozenset[str]:
    found = (each for each in _FOLDER.rglob("*") if each.suffix in _TYPES)
    return frozenset(each.relative_to(_FOLDER).as_posix() for each in found)


def url_of(name: str) -> str:
    """Where a file of the folder is served."""
    return f"/static/{name}?v={_content(name)[1]}"


def static_routes() -> Iterator[Route]:
    """``GET /static/{name}``."""

    async def serve(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _names():
            raise HTTPException(404)
        content, _ = _content(name)
        return Response(content, 200, _FIELDS, _TYPES[Path(name).suffix])

    yield Route("/static/{name:path}", serve)
