"""What browsers fetch: ``/hub.js`` for any page, what the API is, and on ``hub up`` a page to try
channels on."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.errors import HubError
from hub.model.json import dumps
from hub.web.openapi import document, page_of
from hub.web.problems import problem

DEMO_CHANNEL: Final = "demo"
Mint: TypeAlias = Callable[[], Awaitable[str]]
"""Makes a token, good for minutes, to subscribe to ``demo`` and to publish on it."""

_STATIC: Final = Path(__file__).parent / "static"
_ANY_PAGE: Final = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "cache-control": "public, max-age=300",
}
_OWN_PAGE: Final = {
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
}
_COMMENTS: Final = re.compile(r"^\s*//.*\n", re.MULTILINE)
_SPACE: Final = re.compile(r"\s*([{}()=,;:?+*<>|&!-]+)\s*")
_NEEDLESS: Final = re.compile(r"[,;]+}")


def client_routes() -> Iterator[Route]:
    """``GET /hub.js``."""
    script = shortened((_STATIC / "hub.js").read_text())
    yield _asset("/hub.js", "text/javascript", script.encode(), _ANY_PAGE)


def demo_routes(mint: Mint) -> Iterator[Route]:
    """``GET /demo`` and what it is made of; ``POST /demo/token`` gives its page a token."""
    for path, name, media_type in (
        ("/demo", "demo.html", "text/html"),
        ("/demo.js", "demo.js", "text/javascript"),
        ("/demo.css", "demo.css", "text/css"),
    ):
        yield _asset(path, media_type, (_STATIC / name).read_bytes(), _OWN_PAGE)

    async def token(request: Request) -> Response:
        try:
            body = dumps({"token": await mint(), "channel": DEMO_CHANNEL})
        except HubError as error:
            return problem(error, request.scope)
        return Response(body, 200, {"cache-control": "no-store"}, "application/json")

    yield Route("/demo/token", token, methods=["POST"])


def api_routes() -> Iterator[Route]:
    """``GET /openapi.json``, and ``GET /docs`` for people; made when somebody asks first."""
    yield _made("/openapi.json", _openapi)
    yield _made("/docs", _docs)
    yield _asset("/docs/style.css", "text/css", (_STATIC / "docs.css").read_bytes(), _OWN_PAGE)


@cache
def _openapi() -> "_Asset":
    return _Asset(dumps(document()), "application/json", _ANY_PAGE)


@cache
def _docs() -> "_Asset":
    return _Asset(page_of(document()).encode(), "text/html", _OWN_PAGE)


def shortened(script: str) -> str:
    """A script without comments and needless space.

    It knows no grammar: a script has its comments on lines of their own, no space beside
    punctuation within a text, and every statement ends in ``;`` or ``}``.
    """
    return _NEEDLESS.sub("}", _SPACE.sub(r"\1", _COMMENTS.sub("", script)))


class _Asset:
    """Something that stays as it is."""

    def __init__(self, content: bytes, media_type: str, fields: Mapping[str, str]) -> None:
        self._content = content
        self._media_type = media_type
        self._etag = f'"{sha256(content).hexdigest()[:32]}"'
        self._fields = {**fields, "etag": self._etag}

    def answer(self, request: Request) -> Response:
        """All of it, or that the browser has it."""
        known = request.headers.get("if-none-match", "")
        if self._etag in known or known.strip() == "*":
            return Response(None, 304, self._fields)
        return Response(self._content, 200, self._fields, self._media_type)


def _asset(path: str, media_type: str, content: bytes, fields: Mapping[str, str]) -> Route:
    asset = _Asset(content, media_type, fields)

    async def endpoint(request: Request) -> Response:
        return asset.answer(request)

    return Route(path, endpoint)


def _made(path: str, make: Callable[[], _Asset]) -> Route:
    async def endpoint(request: Request) -> Response:
        return (await asyncio.to_thread(make)).answer(request)

    return Route(path, endpoint)
