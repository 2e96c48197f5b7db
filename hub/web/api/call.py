"""A call of the management API, and the operations it is made of."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive

from hub.bootstrap import Hub
from hub.errors import InvalidError, NotFoundError
from hub.model.ids import Prefix, is_id
from hub.model.json import Json, dumps
from hub.model.key import Scope
from hub.model.time import from_iso
from hub.store.errand import errand_of
from hub.store.keys import StoredKey
from hub.web.access import Access
from hub.web.always import NO_PAGE
from hub.web.api.body import read_json, read_text, validated
from hub.web.paging import Page, page_of, query_of
from hub.web.parameters import Parameter
from hub.web.shown.base import Given

S = TypeVar("S", bound=BaseModel)
_HEADERS = {"cache-control": "no-store", **NO_PAGE}


@dataclass(frozen=True, slots=True)
class Call:
    """One request whose key is known and may do it."""

    hub: Hub
    access: Access
    request: Request
    key: StoredKey
    operation: "Operation"

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
        if not is_id(prefix, text):
            raise missing(noun, text)
        return text

    def page(self) -> Page:
        """See :func:`hub.web.paging.page_of`; the operation says which filters there are."""
        return page_of(self.request, self.root, self.operation.query)

    def query(self) -> dict[str, str]:
        """See :func:`hub.web.paging.query_of`; the operation says which parameters there are."""
        return query_of(self.request, self.operation.query)

    async def json(self) -> Json:
        """The body as JSON; where the operation needs none, an empty one is an empty object."""
        empty: Json = {} if self.operation.optional else None
        return await read_json(self.request, self.hub.settings.body_timeout_s, empty)

    async def text(self) -> str:
        """The body as text."""
        return await read_text(self.request, self.hub.settings.body_timeout_s)

    async def body(self, shape: type[S]) -> S:
        """The body as a shape."""
        wish = validated(shape, await self.json())
        errand = errand_of(self.hub.ledger)
        if errand is not None and getattr(wish, "dry_run", False):
            errand.is_audited = False  # it changes nothing
        return wish

    def reading(self, receive: Receive) -> "Call":
        """The same call, whose body is given anew."""
        return replace(self, request=Request(self.request.scope, receive))


Handle: TypeAlias = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that the API does: how it is asked for, and what it may answer.

    All but those that read are audited; ``unaudited`` says why one is not.
    """

    method: str
    path: str
    scope: Scope
    handle: Handle
    summary: str
    body: Given = None
    """What it is sent."""
    optional: bool = False
    """Nothing need be sent: all may be left out."""
    query: tuple[Parameter, ...] = ()
    gives: Mapping[int, Given] = field(default_factory=dict)
    """What it answers, by status; its problems are not among them."""
    problems: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Codes of problems of its own, by status, beside those that all like it have."""
    unaudited: str | None = None
    name: str = ""
    """What clients that are made from the document call it, where method and path do not say."""


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
