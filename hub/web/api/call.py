"""A call of the management API, and the operations it is made of."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive

from hub.bootstrap import Hub
from hub.errors import InvalidError, NotFoundError
from hub.model.ids import Prefix
from hub.model.json import Json, dumps
from hub.model.key import Scope
from hub.model.time import from_iso
from hub.store.errand import errand_of
from hub.store.keys import StoredKey
from hub.web.access import Access
from hub.web.always import NO_PAGE
from hub.web.api.body import read_json, read_text, validated
from hub.web.paging import Page, page_of, query_of

S = TypeVar("S", bound=BaseModel)
_HEADERS = {"cache-control": "no-store", **NO_PAGE}


@dataclass(frozen=True, slots=True)
class Call:
    """One request whose key is known and may do it."""

    hub: Hub
    access: Access
    request: Request
    key: StoredKey

    @property
    def root(self) -> str:
        """The URL that the hub is reached under, without a slash at its end."""
        public = self.hub.settings.public_url
        return str(public or self.request.base_url).rstrip("/")

    def given(self, name: str) -> str:
        """A part of the path.

        Raises:
            InvalidError: ``path_invalid``: no name holds control characters.
        """
        text = str(self.request.path_params[name])
        if not text.isprintable():
            raise InvalidError(
                "The path holds a character that no name can have.", code="path_invalid"
            )
        return text

    def id(self, prefix: Prefix, noun: str) -> str:
        """The id in the path.

        Raises:
            NotFoundError: it is no id of such a thing.
        """
        text = self.given("id")
        if not re.fullmatch(prefix + r"_[0-9a-f]{32}", text):
            raise missing(noun, text)
        return text

    def page(self, *filters: str) -> Page:
        """See :func:`hub.web.paging.page_of`."""
        return page_of(self.request, self.root, filters)

    def query(self, *known: str) -> dict[str, str]:
        """See :func:`hub.web.paging.query_of`."""
        return query_of(self.request, known)

    async def json(self) -> Json:
        """The body as JSON."""
        return await read_json(self.request, self.hub.settings.body_timeout_s)

    async def body_or_none(self, shape: type[S]) -> S:
        """The body as a shape, all of whose fields may be left out, and the body itself too."""
        read = await read_json(self.request, self.hub.settings.body_timeout_s, empty={})
        return self._meant(validated(shape, read))

    async def text(self) -> str:
        """The body as text."""
        return await read_text(self.request, self.hub.settings.body_timeout_s)

    async def body(self, shape: type[S]) -> S:
        """The body as a shape."""
        return self._meant(validated(shape, await self.json()))

    def reading(self, receive: Receive) -> "Call":
        """The same call, whose body is given anew."""
        return replace(self, request=Request(self.request.scope, receive))

    def _meant(self, wish: S) -> S:
        """A wish; where it is a dry run it changes nothing, and the audit says nothing of it."""
        errand = errand_of(self.hub.ledger)
        if errand is not None and getattr(wish, "dry_run", False):
            errand.is_audited = False
        return wish


Handle: TypeAlias = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that the API does; ``body`` is the shape of what it is sent.

    All but those that read are audited; ``unaudited`` says why one is not.
    """

    method: str
    path: str
    scope: Scope
    handle: Handle
    summary: str
    body: type[BaseModel] | None = None
    unaudited: str | None = None


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer; numbers stay exact."""
    return Response(dumps(body), status, {**_HEADERS, **(headers or {})}, "application/json")


def text_answer(text: str) -> Response:
    """A plain text answer."""
    return Response(text, 200, _HEADERS, "text/plain")


def nothing() -> Response:
    """The answer of what has been removed."""
    return Response(None, 204, _HEADERS)


def missing(noun: str, name: str) -> NotFoundError:
    """There is no such thing."""
    code = f"{noun.replace(' ', '_')}_unknown"
    return NotFoundError(f"There is no {noun} {name[:200]!r}.", code=code)


def known_word(name: str, value: str | None, words: tuple[str, ...]) -> str | None:
    """A filter's value, if it is one of the words.

    Raises:
        InvalidError: ``query_invalid``.
    """
    if value is None or value in words:
        return value
    raise InvalidError(
        f"{name!r} is one of {', '.join(words)}, not {value[:100]!r}.", code="query_invalid"
    )


def known_time(name: str, value: str | None) -> int | None:
    """A filter's value as a time, in microseconds since the epoch.

    Raises:
        InvalidError: ``query_invalid``.
    """
    if value is None:
        return None
    try:
        return max(0, from_iso(value.replace(" ", "+")))
    except (ValueError, OverflowError) as error:
        raise InvalidError(
            f"{name!r} must be an ISO 8601 date and time, such as 2026-11-23T20:15:00Z.",
            code="query_invalid",
        ) from error
