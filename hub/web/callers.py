"""Who calls an endpoint: a key, a token of the owner's own issuer, or anybody so many times."""

from typing import Any

import jwt
from starlette.requests import Request

from hub.errors import AccessError, HubError
from hub.model.key import Scope
from hub.model.source import Limit
from hub.receive.pace import Pace
from hub.stack.shapes import JwtAuth, PublicAuth
from hub.stack.task import Endpoint
from hub.store.catalog import Catalog
from hub.web.access import Access

_SHARED = ("HS256", "HS384", "HS512")
_PUBLIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY_S = 30
_LONGEST_TOKEN = 8192
_MINUTE_S = 60.0


class Callers:
    """Says who a caller is, for ``auth`` in the stack."""

    def __init__(self, access: Access, catalog: Catalog) -> None:
        self._access = access
        self._catalog = catalog
        self._pace = Pace()

    async def identify(self, request: Request, endpoint: Endpoint) -> dict[str, Any]:
        """``{kind, user, key, claims}``.

        Raises:
            AccessError: ``unauthorized``, ``forbidden``, ``too_many_requests``.
        """
        auth = endpoint.auth
        if isinstance(auth, PublicAuth):
            address = request.client.host if request.client else ""
            self._pace.take(
                (endpoint.task, address), Limit(requests=auth.per_minute, per_s=_MINUTE_S)
            )
            return {"kind": "public", "user": None, "key": None, "claims": None}
        if isinstance(auth, JwtAuth):
            claims = self._claims(request.headers.get("authorization"), auth)
            user = {**claims, "id": claims.get("sub")}
            return {"kind": "jwt", "user": user, "key": None, "claims": claims}
        key = await self._access.require(request, Scope.RUN)
        shown = {"id": key.id, "name": key.name}
        return {"kind": "key", "user": None, "key": shown, "claims": None}

    def _claims(self, authorization: str | None, auth: JwtAuth) -> dict[str, Any]:
        kind, _, token = (authorization or "").partition(" ")
        if kind.lower() != "bearer" or not 0 < len(token.strip()) <= _LONGEST_TOKEN:
            raise AccessError("Send 'Authorization: Bearer TOKEN' with a token of your sign-in.")
        name = auth.secret or auth.public_key or ""
        variable = self._catalog.now.variables.get(name)
        if variable is None:
            raise HubError(
                f"There is no variable {name!r}, which this endpoint checks tokens by.",
                code="env_unknown",
            )
        try:
            claims: dict[str, Any] = jwt.decode(
                token.strip(),
                variable.value,
                algorithms=list(_SHARED if auth.secret else _PUBLIC),
                issuer=auth.issuer,
                audience=auth.audience,
                leeway=_LEEWAY_S,
                options={"require": ["exp"]},
            )
        except jwt.PyJWTError as error:
            raise AccessError(f"The token is not taken: {error}.") from error
        return claims
