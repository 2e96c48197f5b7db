"""A view: one request to a page by somebody who is signed in, and the pages it is made of."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.bootstrap import Hub
from hub.dashboard.render import environment
from hub.dashboard.sessions import Session, Sessions
from hub.errors import HubError, InvalidError
from hub.model.json import Json
from hub.model.key import Scope
from hub.web.api.body import read_bytes
from hub.web.desk import Desk
from hub.web.problems import status_of
from hub.web.uploads import Upload, page_upload_of

SAID: Final = "hub_said"
"""The cookie that carries a sentence to the next page."""
_SAID_MOST: Final = 1_000
_FORM: Final = "application/x-www-form-urlencoded"
_WITH_FILE: Final = "multipart/form-data"


@dataclass(slots=True)
class View:
    """What a page's function is given."""

    hub: Hub
    request: Request
    session: Session
    sessions: Sessions
    desk: Desk
    path: str
    """The page's path as its pages' table has it, such as ``/dashboard/events/{id}``."""
    form: dict[str, str] = field(default_factory=dict)
    """What a form has sent, by name; of one that came more than once the last."""
    forms: dict[str, list[str]] = field(default_factory=dict)
    """The same with all that came."""
    upload: Upload | None = None
    """The file of a form that has one; it is read once, as it comes."""

    @property
    def root(self) -> str:
        """The URL that the hub is reached under, without a slash at its end."""
        public = self.hub.settings.public_url
        return str(public or self.request.base_url).rstrip("/")

    @property
    def given(self) -> dict[str, str]:
        """What the URL asks for beside the page; empty values are left out."""
        return {name: value for name, value in self.request.query_params.items() if value}

    def part(self, name: str) -> str:
        """A part of the path."""
        return str(self.request.path_params[name])

    def may(self, scope: str) -> bool:
        """Whether whoever is signed in may do what needs this scope."""
        return self.desk.may(Scope(scope))

    async def ask(
        self,
        method: str,
        path: str,
        parts: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        body: Json = None,
    ) -> Any:
        """The answer to an operation of the API. Raises HubError as the operation."""
        return await self.desk.ask(method, path, parts, query=query, body=body)

    async def page_of(
        self, path: str, *filters: str, parts: Mapping[str, str] | None = None, **fixed: str
    ) -> Any:
        """A page of a list: ``items``, and in ``more`` the query of the next one.

        ``filters`` are those of the operation that the URL may name, beside ``cursor``;
        ``fixed`` ones have a value of the page's own.
        """
        wanted = {**{name: self.given.get(name) for name in (*filters, "cursor")}, **fixed}
        found = await self.ask("GET", path, parts, query=wanted)
        following = dict(parse_qsl(urlsplit(found["next"] or "").query))
        found["more"] = following.get("cursor")
        return found

    def page(self, template: str, status: int = 200, /, **context: Any) -> Response:
        """A page: ``template`` with what it needs, beside what every page has."""
        said = _said(self.request)
        text = (
            environment()
            .get_template(template)
            .render(**{"view": self, "said": said, "asked": self.given, "problem": None, **context})
        )
        response = Response(text, status, media_type="text/html")
        if said is not None:
            response.delete_cookie(SAID, path="/", httponly=True, samesite="lax")
        return response

    def refused(self, error: HubError, template: str, /, **context: Any) -> Response:
        """The same page, with what was wrong; ``problem`` tells it. It keeps what was typed."""
        return self.page(template, status_of(error), **{**context, "problem": error})

    def go(self, path: str, said: str = "", *, is_bad: bool = False) -> Response:
        """On to another page, which says a sentence first."""
        response = RedirectResponse(path, 303)
        if said:
            text = quote(json.dumps({"text": said[:_SAID_MOST], "is_bad": is_bad}))
            response.set_cookie(SAID, text, max_age=60, path="/", httponly=True, samesite="lax")
        return response

    async def act(self, doing: Awaitable[Any], path: str, said: str) -> Response:
        """Do something, go on to a page, and say there that it is done or why it is not."""
        try:
            await doing
        except HubError as error:
            return self.go(path, error.message, is_bad=True)
        return self.go(path, said)


Handle: TypeAlias = Callable[[View], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page, or what its forms are sent to: what it needs, and the function that makes it."""

    method: str
    path: str
    handle: Handle
    scope: Scope = Scope.READ


def bare(template: str, status: int = 200, /, **context: Any) -> Response:
    """A page for whoever is not signed in."""
    text = environment().get_template(template).render(view=None, said=None, **context)
    return Response(text, status, media_type="text/html")


async def sent_of(
    request: Request, timeout_s: float
) -> tuple[list[tuple[str, str]], Upload | None]:
    """The fields of a form, and the file behind them, of which nothing is read yet.

    Raises:
        HubError: as :func:`form_of`.
    """
    if _kind_of(request) != _WITH_FILE:
        return await form_of(request, timeout_s), None
    fields, upload = await page_upload_of(request, timeout_s)
    return _typed(fields), upload


async def form_of(request: Request, timeout_s: float) -> list[tuple[str, str]]:
    """The fields of a form, in their order.

    Raises:
        InvalidError: ``content_type_unsupported``, ``form_broken`` and as the body's reading.
        TooLargeError: over the bounds of the API.
    """
    kind = _kind_of(request)
    if kind != _FORM:
        raise InvalidError(
            f"This takes a form, not {kind[:100]!r}.", code="content_type_unsupported"
        )
    raw = await read_bytes(request, timeout_s)
    try:
        fields = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidError("The form cannot be read.", code="form_broken") from error
    return _typed(fields)


def _kind_of(request: Request) -> str:
    return request.headers.get("content-type", _FORM).partition(";")[0].strip().lower()


def _typed(fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Browsers send the ends of lines as CR LF, whatever was typed."""
    return [(name, value.replace("\r\n", "\n")) for name, value in fields]


def _said(request: Request) -> dict[str, Any] | None:
    try:
        said = json.loads(unquote(request.cookies.get(SAID, "")))
        return {"text": str(said["text"]), "is_bad": bool(said["is_bad"])}
    except (ValueError, KeyError, TypeError):
        return None
