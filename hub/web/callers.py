"""Who calls an endpoint: a key, a token of the owner's own issuer, or anybody so many times."""

from typing import Any

from starlette.requests import Request

from hub.errors import AccessError, HubError, SignatureError
from hub.model.key import Scope
from hub.model.source import Limit
from hub.receive.pace import Pace
from hub.signature import verify_jwt
from hub.stack.shapes import JwtAuth, PublicAuth
from hub.stack.task import Endpoint
from hub.store.catalog import Catalog
from hub.web.access import Access

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
        name = auth.secret or auth.public_key or ""
        variable = self._catalog.now.variables.get(name)
        if variable is None:
            raise HubError(
                f"There is no variable {name!r}, which this endpoint checks tokens by.",
                code="env_unknown",
            )
        keys: dict[str, Any] = {"secrets" if auth.secret else "public_keys": (variable.value,)}
        try:
            return verify_jwt(authorization, issuer=auth.issuer, audience=auth.audience, **keys)
        except SignatureError as error:
            raise AccessError(error.message) from error
