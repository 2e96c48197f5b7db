"""Senders that show one of the hub's API keys, where a source asks for one."""

from hub.errors import AccessError, SignatureError
from hub.model.http import InboundRequest
from hub.model.key import Scope
from hub.receive.verify import CheckKey
from hub.web.access import Access, allows, forbidden


def key_check(access: Access) -> CheckKey:
    """What refuses a request without a key that has the scope ``ingest``."""

    async def check(request: InboundRequest) -> None:
        given = request.headers.get("authorization")
        if given is None or given.partition(" ")[0].lower() != "bearer":
            raise SignatureError(
                "Send 'Authorization: Bearer KEY' with an API key of the hub that has the scope "
                "'ingest'.",
                code="token_missing",
            )
        try:
            key = await access.find(given, request.ip)
        except AccessError as error:
            if error.code != AccessError.default_code:
                raise
            raise SignatureError(error.message, code="token_wrong") from error
        if not allows(key.scopes, Scope.INGEST):
            raise SignatureError(forbidden(key.name, Scope.INGEST).message, code="token_wrong")

    return check
