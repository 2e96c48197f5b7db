"""Signing in with an identity provider (OpenID Connect), where one is set.

The browser goes to the provider with what follows from a secret in a cookie of a few minutes, and
comes back with a code. What the provider then says of its owner makes or finds a user, whose
role goes by a claim at each sign-in. Such a session is short: nobody asks the provider meanwhile.
"""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hub.bootstrap import Hub, registration_of
from hub.dashboard.cookies import Cookies
from hub.dashboard.sessions import Sessions
from hub.dashboard.signing_in import PATH as LOGIN
from hub.dashboard.signing_in import SigningIn, address_of, local
from hub.errors import AccessError, HubError
from hub.model.ids import new_id
from hub.model.user import Role
from hub.outbound.oidc import CALLBACK, Passage, Provider
from hub.signature import any_equal, exact
from hub.store.errand import Actor, Errand, running
from hub.store.identities import ARRIVE, Arrival, user_of
from hub.web.access import Access

PATH: Final = f"{LOGIN}/oidc"
COOKIE: Final = "hub_signing_in"
_MINUTES_S: Final = 600
_LIFE_S: Final = 12 * 3600
_LONGEST_PATH, _LONGEST_CODE, _LONGEST_NAME = 2000, 4000, 100
_NAMES: Final = ("preferred_username", "email", "name", "sub")
_ANY: Final = "*"
_log = structlog.get_logger("hub.dashboard")


def elsewhere_routes(
    hub: Hub, access: Access, signing_in: SigningIn, sessions: Sessions, cookies: Cookies
) -> Iterator[Route]:
    """``GET /login/oidc`` and where the provider sends people back to; none without a provider."""
    registration = registration_of(hub.settings)
    if registration is not None:
        provider = Provider(hub.client, registration)
        elsewhere = Elsewhere(hub, access, signing_in, sessions, cookies, provider)
        yield Route(PATH, elsewhere.begin, methods=["GET"])
        yield Route(CALLBACK, elsewhere.end, methods=["GET"])


class Elsewhere:
    """Sends people to the provider, and lets in whom it sends back."""

    def __init__(
        self,
        hub: Hub,
        access: Access,
        signing_in: SigningIn,
        sessions: Sessions,
        cookies: Cookies,
        provider: Provider,
    ) -> None:
        self._hub = hub
        self._guesses = access.guesses
        self._signing_in = signing_in
        self._sessions = sessions
        self._cookies = cookies
        self._provider = provider

    async def begin(self, request: Request) -> Response:
        """``GET /login/oidc``: off to the provider."""
        onward = local(request.query_params.get("next", "/"))[:_LONGEST_PATH]
        secret = secrets.token_urlsafe(32)
        try:
            self._guesses.check(address_of(request))
            address = await self._provider.address(Passage(secret))
        except HubError as error:
            return self._signing_in.form(onward, problem=error)
        response = RedirectResponse(address, 303)
        kept = f"{secret}.{quote(onward, safe='')}"
        self._cookies.put(request, response, COOKIE, kept, _MINUTES_S)
        return response

    async def end(self, request: Request) -> Response:
        """``GET /login/oidc/callback``: back from the provider."""
        address = address_of(request)
        secret, _, path = self._cookies.read(request, COOKIE).partition(".")
        onward = local(unquote(path) or "/")
        try:
            self._guesses.check(address)
            code = self._code(request.query_params, Passage(secret) if secret else None)
            try:
                claims = await self._provider.claims(code, Passage(secret))
            except AccessError:
                self._guesses.wrong(address)
                raise
            user_id = await self._arrived(claims, address)
            token = await self._sessions.open_for(user_id=user_id, life_s=_LIFE_S)
        except HubError as error:
            _log.info("session.refused", address=address, how="provider", reason=error.code)
            response = self._signing_in.form(onward, problem=error)
        else:
            _log.info("session.opened", how="provider", address=address)
            response = self._signing_in.let_in(request, token, onward)
        self._cookies.drop(request, response, COOKIE)
        return response

    def _code(self, given: Mapping[str, str], passage: Passage | None) -> str:
        """The code that the browser brings, if it is this browser's own sign-in.

        Raises:
            AccessError: it is not, or the provider has refused.
        """
        state = given.get("state", "")
        if passage is None or not any_equal([passage.state.encode()], [exact(state)]):
            root = self._hub.settings.root
            raise AccessError(
                "This sign-in did not begin in this browser, or took more than ten minutes: begin "
                f"again at {root}{LOGIN}."
            )
        if given.get("iss", self._provider.issuer) != self._provider.issuer:
            raise AccessError("Another identity provider has answered than was asked: begin again.")
        if "error" in given:
            told = " ".join(f"{given['error']} {given.get('error_description', '')}".split())
            raise AccessError(f"The identity provider does not let you in: {told[:300]}.")
        code = given.get("code", "")
        if not 0 < len(code) <= _LONGEST_CODE:
            raise AccessError("The identity provider has sent no code: begin again.")
        return code

    async def _arrived(self, claims: Mapping[str, Any], address: str) -> str:
        """The user that somebody is.

        Raises:
            AccessError: no value of the claim gives a role.
        """
        settings, issuer, subject = self._hub.settings, self._provider.issuer, claims["sub"]
        known = await self._hub.ledger.read(user_of, issuer, subject)
        role = role_of(claims, settings.oidc_claim, settings.oidc_role_of)
        name = _name(claims)
        arrival = Arrival(known or new_id("usr"), issuer, subject, name, role)
        actor = Actor("user", arrival.user_id, name)
        operation, request_id = f"GET {CALLBACK}", new_id("req")
        errand = Errand(
            self._hub.ledger, actor, operation, "user", arrival.user_id, request_id, address
        )
        with running(errand):
            user_id = await self._hub.ledger.write(ARRIVE, arrival)
        if user_id is None:
            raise AccessError(
                f"The identity provider knows you, {name}, and gives you no role in this hub. Its "
                "administrator can.",
                code="forbidden",
            )
        return user_id


def role_of(claims: Mapping[str, Any], claim: str, roles: Mapping[str, str]) -> Role | None:
    """The role that may most of those that a claim's values give.

    An address of mail counts only where the provider says that it has been verified: with many
    of them anybody may write anybody's address into their account.
    """
    values = _values(claims, claim)
    if claim == "email" and claims.get("email_verified") not in (True, "true"):
        values = []
    given = {roles[each] for each in (*values, _ANY) if each in roles}
    return next((each for each in reversed(Role) if each in given), None)


def _values(claims: Mapping[str, Any], claim: str) -> list[str]:
    found: Any = claims
    for name in (claim,) if claim in claims else claim.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    values = found if isinstance(found, list) else [found]
    return [each for each in values if isinstance(each, str) and each != _ANY]


def _name(claims: Mapping[str, Any]) -> str:
    """What somebody is called, as the audit and the pages tell of them."""
    for each in _NAMES:
        told = claims.get(each)
        if isinstance(told, str):
            line = "".join(sign if sign.isprintable() else " " for sign in told)
            name = " ".join(line.split())[:_LONGEST_NAME]
            if name:
                return name
    return "nobody"
