"""Signing in by OpenID Connect: what an identity provider is asked, and its answers looked at.

The code flow with PKCE. The provider is asked through the hub's own client, so that the address
guard and the limits on time and size hold for it too. What is said to whoever signs in tells
nothing of how the hub is set; the log says why.
"""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import structlog

from hub.errors import AccessError, InvalidError, OutboundError, SignatureError
from hub.model.http import OutboundRequest
from hub.model.json import Json, loads
from hub.outbound.client import Sender
from hub.outbound.jwks import Jwks
from hub.outbound.oauth import basic_of
from hub.signature import any_equal, exact, unverified, verify_token

CALLBACK: Final = "/login/oidc/callback"
"""Where providers send people back to, below the hub's address."""
_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_CAP_BYTES: Final = 262_144
_WAIT_S: Final = 10.0
_LASTS_S: Final = 3600.0
_LONGEST_SUBJECT: Final = 255
_REASONS: Final = ("error", "error_description")
_log = structlog.get_logger("hub.oidc")


@dataclass(frozen=True, slots=True)
class Registration:
    """What a provider and the hub know of each other."""

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    redirect_uri: str
    scope: str = "openid"
    allow_private: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """One sign-in, by the secret that only the browser has which began it.

    All that goes along to the provider follows from that secret, so that nothing has to be kept.
    """

    secret: str = field(repr=False)

    @property
    def state(self) -> str:
        """What the provider gives back with the code."""
        return self._of("state")

    @property
    def nonce(self) -> str:
        """What the provider writes into the ID token."""
        return self._of("nonce")

    @property
    def verifier(self) -> str:
        """What proves at the exchange of the code who has asked for it (RFC 7636)."""
        return self._of("verifier")

    @property
    def challenge(self) -> str:
        """What is told of that beforehand, S256."""
        return _base64url(hashlib.sha256(self.verifier.encode()).digest())

    def _of(self, what: str) -> str:
        return _base64url(hmac.digest(self.secret.encode(), what.encode(), hashlib.sha256))


@dataclass(frozen=True, slots=True)
class _Known:
    """What a provider says of itself."""

    authorize_url: str
    token_url: str
    jwks_url: str
    by_post: bool
    """The client's secret is taken in the form alone."""


class Provider:
    """An identity provider. ``clock`` gives seconds."""

    def __init__(
        self,
        client: Sender,
        registration: Registration,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._registration = registration
        self._jwks = Jwks(client)
        self._now_s = clock
        self._lock = asyncio.Lock()
        self._known: _Known | None = None
        self._until_s = 0.0
        self._failed_s = 0.0
        self.trouble = ""
        """Why it could not be asked the last time, for whoever runs the hub."""

    @property
    def issuer(self) -> str:
        """What its tokens' ``iss`` says."""
        return self._registration.issuer

    async def address(self, passage: Passage) -> str:
        """Where the browser goes to sign in.

        Raises:
            OutboundError: ``provider_unavailable``.
        """
        url = (await self._configuration()).authorize_url
        asking = {
            "response_type": "code",
            "client_id": self._registration.client_id,
            "redirect_uri": self._registration.redirect_uri,
            "scope": self._registration.scope,
            "state": passage.state,
            "nonce": passage.nonce,
            "code_challenge": passage.challenge,
            "code_challenge_method": "S256",
        }
        return f"{url}{'&' if '?' in url else '?'}{urlencode(asking)}"

    async def claims(self, code: str, passage: Passage) -> dict[str, Any]:
        """What the provider says of whoever brings its code: the claims of the ID token.

        Raises:
            AccessError: the code, or the token that it gives, is not good.
            OutboundError: ``provider_unavailable``, ``keys_unavailable``.
        """
        known = await self._configuration()
        token = await self._exchange(known, code, passage)
        try:
            header, _ = unverified(token)
            keys = await self._jwks.keys(
                known.jwks_url,
                header.get("kid"),
                allow_private=self._registration.allow_private,
            )
            claims = verify_token(
                token, keys, issuer=self.issuer, audience=self._registration.client_id
            )
        except SignatureError as error:
            raise self._not_taken(error.message) from error
        self._check(claims, passage)
        return claims

    def _check(self, claims: Mapping[str, Any], passage: Passage) -> None:
        """What a verified ID token has to say beside: OpenID Connect Core, 3.1.3.7.

        Raises:
            AccessError: it does not.
        """
        nonce, subject = claims.get("nonce"), claims.get("sub")
        client_id, audience = self._registration.client_id, claims.get("aud")
        if not isinstance(nonce, str) or not any_equal([passage.nonce.encode()], [exact(nonce)]):
            raise self._not_taken("its nonce is another sign-in's")
        if not _is_subject(subject):
            raise self._not_taken("it has no usable sub")
        if claims.get("azp", client_id) != client_id:
            raise self._not_taken("its azp is another client")
        if isinstance(audience, list) and len(audience) > 1 and "azp" not in claims:
            raise self._not_taken("it is for several clients, and has no azp")

    async def _exchange(self, known: _Known, code: str, passage: Passage) -> str:
        """The ID token for a code."""
        ours = self._registration
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": ours.redirect_uri,
            "client_id": ours.client_id,
            "code_verifier": passage.verifier,
        }
        headers = [("content-type", "application/x-www-form-urlencoded")]
        if ours.client_secret is not None:
            if known.by_post:
                form["client_secret"] = ours.client_secret
            else:
                headers.append(("authorization", basic_of(ours.client_id, ours.client_secret)))
        status, said = await self._ask("POST", known.token_url, headers, urlencode(form).encode())
        if said.get("error") == "invalid_grant":  # RFC 6749, 5.2; all else is how the hub is set
            raise AccessError("This sign-in is over, or was used already: begin again.")
        token = said.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise self._unavailable(f"{known.token_url} answers {status}", said)
        return token

    async def _configuration(self) -> _Known:
        """What the provider says of itself; fetched once for all that want it at the same time."""
        asked_s = self._now_s()
        async with self._lock:
            if self._known is None or self._now_s() >= self._until_s:
                if self._failed_s >= asked_s:
                    raise self._unavailable("it failed a moment ago", {})
                try:
                    self._known = await self._discover()
                except OutboundError:
                    self._failed_s = self._now_s()
                    raise
                self._until_s = self._now_s() + _LASTS_S
            return self._known

    async def _discover(self) -> _Known:
        url = self.issuer.rstrip("/") + _WELL_KNOWN
        status, said = await self._ask("GET", url, [])
        if status != 200:
            raise self._unavailable(f"{url} answers {status}", said)
        if said.get("issuer") != self.issuer:
            told = str(said.get("issuer"))[:200]
            raise self._unavailable(f"its issuer is {told!r}: set HUB_OIDC_ISSUER to that", {})
        methods = said.get("token_endpoint_auth_methods_supported")
        by_post = isinstance(methods, list) and "client_secret_basic" not in methods
        return _Known(
            self._url(said, "authorization_endpoint"),
            self._url(said, "token_endpoint"),
            self._url(said, "jwks_uri"),
            by_post,
        )

    def _url(self, said: Mapping[str, Json], name: str) -> str:
        """An address that the provider names, no less encrypted than its own."""
        url = said.get(name)
        schemes = ("https", urlsplit(self.issuer).scheme)
        if not isinstance(url, str) or urlsplit(url).scheme not in schemes:
            raise self._unavailable(f"its {name} is no address of {schemes[1]}", {})
        return url

    async def _ask(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes = b""
    ) -> tuple[int, dict[str, Any]]:
        """A status, and the object that was said; empty where it was none."""
        fields = (("accept", "application/json"), *headers)
        try:
            answer = await self._client.send(
                OutboundRequest(method, url, fields, body),
                timeout_s=_WAIT_S,
                allow_private=self._registration.allow_private,
                cap_bytes=_CAP_BYTES,
            )
        except OutboundError as error:
            raise self._unavailable(error.message, {}) from error
        try:
            said = {} if answer.truncated else loads(answer.body)
        except InvalidError:
            said = {}
        return answer.status, said if isinstance(said, dict) else {}

    def _not_taken(self, why: str) -> AccessError:
        _log.warning("identity.refused", issuer=self.issuer, message=why)
        return AccessError("What the identity provider says of you is not taken: begin again.")

    def _unavailable(self, why: str, said: Mapping[str, Any]) -> OutboundError:
        reason = {name: str(said[name])[:200] for name in _REASONS if name in said}
        self.trouble = " ".join((why, *reason.values()))
        _log.warning("provider.missed", issuer=self.issuer, message=why, **reason)
        return OutboundError(
            "The identity provider cannot be asked at the moment: try again in a minute, or sign "
            "in another way. The hub's log says what is wrong (provider.missed).",
            code="provider_unavailable",
            may_have_run=False,
        )


def _is_subject(given: object) -> bool:
    """Whether a ``sub`` is as it has to be: OpenID Connect Core, 2."""
    is_text = isinstance(given, str) and given.isascii() and given.isprintable()
    return is_text and 0 < len(str(given)) <= _LONGEST_SUBJECT


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
