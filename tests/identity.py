"""A small identity provider (OpenID Connect): it knows one person, and lies where a test wants."""

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from tests.issuers import RSA, issued, jwk
from tests.outbound.servers import Exchange, RawServer

CLIENT, CLIENT_SECRET = "the hub", "a secret: of the hub's + own"
_JSON = "Content-Type: application/json"


@dataclass
class IdentityProvider:
    """Signs one person in without asking. ``claims`` are what its tokens say; None leaves out."""

    redirect_uri: str
    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "u-1", "groups": ["staff"]})
    said: dict[str, Any] = field(default_factory=dict)
    """Said instead of what is so of its own configuration."""
    methods: list[str] | None = None
    """How clients may prove themselves; None: it does not say."""
    key: Any = RSA
    algorithm: str = "RS256"
    is_down: bool = False
    token_answer: dict[str, Any] | None = None
    refuses: str | None = None
    asked: list[str] = field(default_factory=list)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    async def __call__(self, exchange: Exchange) -> None:
        while True:
            form = (await exchange.request()).decode()
            head = exchange.heads[-1].decode().split("\r\n")
            method, target, _ = head[0].split(" ")
            parts = urlsplit(target)
            self.asked.append(f"{method} {parts.path}")
            if self.is_down:
                await exchange.answer(b"", status="503 Service Unavailable")
            elif parts.path == "/authorize":
                where = self.consent(target)
                await exchange.answer(b"", f"Location: {where}", status="302 Found")
            elif parts.path == "/token":
                proof = next(
                    (each for each in head if each.lower().startswith("authorization")), ""
                )
                status, said = self._token(dict(parse_qsl(form)), proof.partition(": ")[2])
                await exchange.answer(json.dumps(said).encode(), _JSON, status=status)
            elif parts.path == "/keys":
                body = json.dumps({"keys": [jwk(RSA, kid="one")]}).encode()
                await exchange.answer(body, _JSON)
            else:
                await exchange.answer(json.dumps(self._configuration()).encode(), _JSON)

    def consent(self, url: str) -> str:
        """Where a browser is sent that comes to this address of ``/authorize``."""
        wish = dict(parse_qsl(urlsplit(url).query))
        assert wish["response_type"] == "code"
        assert wish["client_id"] == CLIENT
        assert wish["redirect_uri"] == self.redirect_uri
        assert wish["code_challenge_method"] == "S256"
        assert "openid" in wish["scope"].split()
        if self.refuses is not None:
            given = {"error": "access_denied", "error_description": self.refuses}
        else:
            given = {"code": secrets.token_hex(8)}
            self._codes[given["code"]] = wish
        return f"{self.redirect_uri}?{urlencode({**given, 'state': wish['state']})}"

    def _configuration(self) -> dict[str, Any]:
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        if self.methods is not None:
            said["token_endpoint_auth_methods_supported"] = self.methods  # type: ignore[assignment]
        return {**said, **self.said}

    def _token(self, form: dict[str, str], proof: str) -> tuple[str, dict[str, Any]]:
        if self._client(form, proof) != (CLIENT, CLIENT_SECRET):
            return "401 Unauthorized", {"error": "invalid_client"}
        wish = self._codes.pop(form["code"], None)  # a code works once
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        fits = wish is not None and wish["code_challenge"] == challenge
        if wish is None or not fits or form["redirect_uri"] != self.redirect_uri:
            return "400 Bad Request", {"error": "invalid_grant"}
        if self.token_answer is not None:
            return "200 OK", self.token_answer
        claims = {"iss": self.issuer, "aud": CLIENT, "nonce": wish["nonce"], **self.claims}
        token = issued(self.key, self.algorithm, "one", **claims)
        return "200 OK", {"access_token": "not asked for", "id_token": token}

    def _client(self, form: dict[str, str], proof: str) -> tuple[str, str | None]:
        if self.methods == ["client_secret_post"]:
            return form["client_id"], form.get("client_secret")
        pair = base64.b64decode(proof.removeprefix("Basic ")).decode().replace("+", " ")
        name, _, secret = pair.partition(":")
        return unquote(name), unquote(secret)


@asynccontextmanager
async def identity_provider(redirect_uri: str) -> AsyncIterator[IdentityProvider]:
    """Such a provider, on a free port of loopback."""
    provider = IdentityProvider(redirect_uri)
    server = RawServer(provider)
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    provider.issuer = f"http://127.0.0.1:{port}"
    yield provider
    listening.close()
    await server.stop()
