"""Signing in: with a key, with a name and a password, or by a link that works once.

:mod:`hub.dashboard.elsewhere` has people sign in with an identity provider.
"""

from urllib.parse import urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hub.bootstrap import Hub
from hub.dashboard.sessions import Sessions
from hub.dashboard.view import bare, form_of
from hub.errors import AccessError, HubError
from hub.settings import Settings
from hub.store.users import password_of
from hub.web.access import Access
from hub.web.passwords import MOST, is_right
from hub.web.problems import status_of

PATH = "/login"
HOME = "/"
_log = structlog.get_logger("hub.dashboard")


class SigningIn:
    """The page ``/login``. Whoever gets it wrong too often is looked at no more for a while."""

    def __init__(self, hub: Hub, access: Access, sessions: Sessions) -> None:
        self._hub = hub
        self._access = access
        self._sessions = sessions
        self._guesses = access.guesses

    async def show(self, request: Request) -> Response:
        """``GET /login``: the form, or with ``link`` the way in."""
        link = request.query_params.get("link")
        onward = local(request.query_params.get("next", HOME))
        if link is None:
            if await self._sessions.find(request):
                return _to(onward)
            return self.form(onward)
        address = address_of(request)
        try:
            self._guesses.check(address)
            token = await self._sessions.enter(link)
            if token is None:
                self._guesses.wrong(address)
                raise AccessError(
                    "This link was used already, or its hour is over. Sign in with a key, or get "
                    "a new link with `hub login`."
                )
        except HubError as error:
            return self.form(onward, problem=error)
        _log.info("session.opened", how="link", address=address)
        return self.let_in(request, token, onward)

    async def enter(self, request: Request) -> Response:
        """``POST /login``."""
        address, name, onward = address_of(request), "", HOME
        try:
            given = dict(await form_of(request, self._hub.settings.body_timeout_s))
            name, onward = given.get("name", ""), local(given.get("next", HOME))
            if given.get("key", "").strip():
                token = await self._by_key(given["key"].strip(), address)
            else:
                token = await self._by_password(name, given.get("password", ""), address)
        except HubError as error:
            _log.info("session.refused", address=address, reason=error.code)
            return self.form(onward, name, error)
        _log.info("session.opened", how="password" if name else "key", address=address)
        return self.let_in(request, token, onward)

    async def _by_key(self, key: str, address: str) -> str:
        found = await self._access.find(f"Bearer {key}", address)
        return await self._sessions.open_for(key_id=found.id)

    async def _by_password(self, name: str, password: str, address: str) -> str:
        self._guesses.check(address)
        found = await self._hub.ledger.read(password_of, name)
        kept = found[1] if found else None
        if len(password) > MOST or not await is_right(kept, password) or found is None:
            self._guesses.wrong(address)
            raise AccessError("This name and this password do not go together.")
        return await self._sessions.open_for(user_id=found[0])

    def form(self, onward: str, name: str = "", problem: HubError | None = None) -> Response:
        """The page, with what was wrong."""
        status = 200 if problem is None else status_of(problem)
        provider = provider_name(self._hub.settings)
        return bare(
            "login.html", status, next=onward, name=name, problem=problem, provider=provider
        )

    def let_in(self, request: Request, token: str, onward: str) -> Response:
        """On to what was asked for, with a session."""
        response = _to(onward)
        self._sessions.keep(request, response, token)
        return response


def provider_name(settings: Settings) -> str | None:
    """What the identity provider is called; None where there is none."""
    if settings.oidc_issuer is None:
        return None
    return settings.oidc_name or urlsplit(settings.oidc_issuer).netloc


def local(path: str) -> str:
    """A path of this hub's own, whatever was asked for."""
    parts = urlsplit(path)
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_local and not parts.scheme and not parts.netloc else HOME


def _to(path: str) -> Response:
    return RedirectResponse(path, 303)


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""
