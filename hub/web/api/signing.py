"""``/v1/signing-key``: the hub's own key, by which who gets a notice knows whom it is from."""

from starlette.responses import Response

from hub.model.json import dumps_text
from hub.model.key import Scope
from hub.signature import new_secret
from hub.store.objects import PUT, SIGNING, PutObject
from hub.web.api.call import Call, Operation, answer
from hub.web.shown.access import SigningKey, SigningKeyRotated

_KEPT = 2
"""So many sign at once: the new one, and the one that others still verify with."""


async def _get(call: Call) -> Response:
    return answer({"scheme": "standard", "secrets": len(call.hub.catalog.now.signing_secrets)})


async def _rotate(call: Call) -> Response:
    await call.hub.catalog.refresh()
    secrets = [new_secret(), *call.hub.catalog.now.signing_secrets][:_KEPT]
    body = dumps_text({"secrets": secrets})
    await call.hub.ledger.write(PUT, PutObject(*SIGNING, body))
    await call.hub.catalog.refresh()
    return answer({"scheme": "standard", "secret": secrets[0], "secrets": len(secrets)})


_SEE = "See how many secrets sign notices"
_ROTATE = "Sign with a new secret, which is shown this once; the last one signs too"
OPERATIONS = (
    Operation(
        *("GET", "/v1/signing-key", Scope.ADMIN, _get, _SEE),
        gives={200: SigningKey},
        name="get_signing_key",
    ),
    Operation(
        *("POST", "/v1/signing-key/rotate", Scope.ADMIN, _rotate, _ROTATE),
        gives={200: SigningKeyRotated},
        name="rotate_signing_key",
    ),
)
