"""The application of the dashboard: who may see a page, whose form it is, what went wrong."""

import time
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import quote, urlsplit

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hub.bootstrap import Hub
from hub.dashboard.assets import static_routes
from hub.dashboard.cookies import Cookies
from hub.dashboard.elsewhere import elsewhere_routes
from hub.dashboard.pages import PAGES
from hub.dashboard.policy import Policy
from hub.dashboard.sessions import Session, Sessions
from hub.dashboard.signing_in import PATH as LOGIN
from hub.dashboard.signing_in import SigningIn
from hub.dashboard.view import Page, View, bare, sent_of
from hub.errors import AccessError, HubError, NotFoundError
from hub.model.channel import EVERYTHING, Can
from hub.model.channel_token import NewToken
from hub.model.json import dumps
from hub.model.key import Scope
from hub.web.access import Access, allows, forbidden
from hub.web.desk import Desk
from hub.web.problems import problem, status_of
from hub.web.tokens import mint
from hub.web.uploads import Upload

_LIVE_S = 900
_SAME = ("same-origin", "none")
_log = structlog.get_logger("hub.dashboard")


def build_dashboard(hub: Hub, access: Access) -> Starlette:
    """The application for ``/``, ``/dashboard/*``, ``/login``, ``/login/*`` and ``/static/*``."""
    cookies = Cookies(hub.settings.public_url)
    sessions = Sessions(hub.ledger, cookies)
    door = Door(hub, access, sessions)
    signing_in = SigningIn(hub, access, sessions)
    app = Starlette(
        routes=[
            *_routes(door, PAGES),
            Route("/dashboard/live", door.live),
            Route("/dashboard/sign-out", door.sign_out, methods=["POST"]),
            Route(LOGIN, signing_in.show, methods=["GET"]),
            Route(LOGIN, door.from_here(signing_in.enter), methods=["POST"]),
            *elsewhere_routes(hub, access, signing_in, sessions, cookies),
            *static_routes(),
        ],
        middleware=[Middleware(Policy)],
        exception_handlers={HTTPException: _nothing_there},
    )
    app.router.redirect_slashes = False
    return app


def is_of_dashboard(path: str) -> bool:
    """Whether a path is one of these."""
    return path in ("/", LOGIN) or path.startswith(("/dashboard/", "/login/", "/static/"))


class Door:
    """Lets in whoever is signed in, and what their own pages send."""

    def __init__(self, hub: Hub, access: Access, sessions: Sessions) -> None:
        self._hub = hub
        self._access = access
        self._sessions = sessions

    def endpoint(self, by_method: dict[str, Page]) -> Callable[[Request], Awaitable[Response]]:
        """What answers requests for a path, by their method."""

        async def endpoint(request: Request) -> Response:
            page = by_method["GET" if request.method == "HEAD" else request.method]
            session: Session | None = None
            try:
                session = await self._sessions.find(request)
                if session is None:
                    return _sign_in_first(request)
                return await self._show(page, request, session)
            except ClientDisconnect:
                return Response(status_code=400)  # nobody is left to read it
            except Exception as error:  # noqa: BLE001 - whatever it is, a page says it
                return self._broken(request, session, error)

        return endpoint

    def from_here(
        self, handle: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """What answers a form that no other site's page may have sent."""

        async def endpoint(request: Request) -> Response:
            try:
                _check_origin(request)
            except AccessError as error:
                return bare("broken.html", status_of(error), problem=error)
            return await handle(request)

        return endpoint

    async def live(self, request: Request) -> Response:
        """``GET /dashboard/live``: a token to follow channels with, for a while."""
        try:
            session = await self._sessions.find(request)
            if session is None:
                raise AccessError("Nobody is signed in: the session has ended.")
            if not allows(session.key.scopes, Scope.READ):
                raise forbidden(session.key.name, Scope.READ)
        except HubError as error:
            return problem(error, request.scope)
        can = (Can.SUBSCRIBE, Can.PRESENCE)  # the latter to hear who is there, too
        token, ends_s = mint(self._hub, NewToken(channels=EVERYTHING, can=can, ttl_s=_LIVE_S))
        body = dumps({"token": token, "ends_in_s": max(1, round(ends_s - time.time()))})
        return Response(body, 200, media_type="application/json")

    async def sign_out(self, request: Request) -> Response:
        """``POST /dashboard/sign-out``."""
        session = await self._sessions.find(request)
        response = RedirectResponse(LOGIN, 303)
        if session is not None:
            try:
                await self._form(request, session)
            except HubError as error:
                return self._broken(request, session, error)
            await self._sessions.close(session)
            _log.info("session.closed", by=session.key.id)
        self._sessions.forget(request, response)
        return response

    async def _show(self, page: Page, request: Request, session: Session) -> Response:
        started = time.perf_counter()
        view = self._view(page.path, request, session)
        if request.method == "POST":
            view.forms, view.upload = await self._form(request, session)
            view.form = {name: values[-1] for name, values in view.forms.items()}
        if not view.desk.may(page.scope):
            raise forbidden(session.key.name, page.scope)
        response = await page.handle(view)
        say = _log.info if request.method == "POST" else _log.debug
        say(
            "page.answered",
            page=f"{page.method} {page.path}",
            by=session.key.id,
            status=response.status_code,
            duration_ms=round((time.perf_counter() - started) * 1000, 2),
        )
        return response

    def _view(self, path: str, request: Request, session: Session) -> View:
        url = request.url
        port = url.port or {"https": 443}.get(url.scheme, 80)
        client = (request.client.host, request.client.port) if request.client else None
        desk = Desk(
            self._hub,
            self._access,
            session.key,
            scheme=url.scheme,
            server=(url.hostname or self._hub.settings.host, port),
            client=client,
        )
        return View(self._hub, request, session, self._sessions, desk, path)

    async def _form(
        self, request: Request, session: Session
    ) -> tuple[dict[str, list[str]], Upload | None]:
        """What a form has sent, if it is one of this session's own pages.

        Raises:
            AccessError: ``form_foreign``.
        """
        _check_origin(request)
        fields: dict[str, list[str]] = {}
        sent, upload = await sent_of(request, self._hub.settings.body_timeout_s)
        for name, value in sent:
            fields.setdefault(name, []).append(value)
        (given, *_) = fields.pop("csrf", [request.headers.get("x-csrf-token", "")])
        if not session.is_own(given):
            raise _foreign()
        return fields, upload

    def _broken(self, request: Request, session: Session | None, error: Exception) -> Response:
        """A page that says what went wrong."""
        if not isinstance(error, HubError):
            _log.error("page.broken", path=request.url.path, exc_info=error)
            error = HubError("The hub itself failed; its log says why.")
        if session is None:
            return bare("broken.html", status_of(error), problem=error)
        return self._view("", request, session).page("broken.html", status_of(error), problem=error)


def _routes(door: Door, pages: Iterable[Page]) -> Iterable[Route]:
    by_path: dict[str, dict[str, Page]] = {}
    for each in pages:
        by_path.setdefault(each.path, {})[each.method] = each
    for path, by_method in by_path.items():
        yield Route(path, door.endpoint(by_method), methods=list(by_method))


def _check_origin(request: Request) -> None:
    """What a browser says of where a form comes from, if it says it.

    Raises:
        AccessError: ``form_foreign``.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if site not in _SAME:
        raise _foreign()
    # it is "null" where the page sends no referrer, which says nothing
    if origin not in (None, "null") and urlsplit(origin).netloc != request.headers.get("host"):
        raise _foreign()


def _foreign() -> AccessError:
    return AccessError(
        "This form is not of this session's pages, or the session has ended since it was shown. "
        "Load the page again, and send it from there.",
        code="forbidden",
    )


def _sign_in_first(request: Request) -> Response:
    """Off to the sign-in; a part that a page asks for brings the whole page there."""
    onward = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method != "GET":
        onward = "/"
    where = f"{LOGIN}?next={quote(onward, safe='/')}" if onward != "/" else LOGIN
    if request.headers.get("hx-request"):
        return Response(None, 200, {"hx-redirect": where})
    return RedirectResponse(where, 303)


async def _nothing_there(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    missing = NotFoundError("There is no such page.", code="path_unknown")
    return bare("broken.html", status, problem=missing)
