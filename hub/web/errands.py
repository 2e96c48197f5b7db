"""What holds for every request that changes something: it is audited, and can be sent again.

An operation that reads is handled as it is. Any other runs as the errand of its caller
(:mod:`hub.store.errand`), and under the claim of its ``Idempotency-Key`` if it has one.
"""

import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from hub.model.ids import is_id, new_id
from hub.store.audit import NOTE
from hub.store.errand import Actor, Claim, Errand, errand_of, running
from hub.store.keys import StoredKey
from hub.web.api.call import Call, Operation
from hub.web.once import once, wanted_key

_FITTING = re.compile(r"[\x21-\x7e]{1,100}")
_PLACE = re.compile(r"\{([a-z_]+)(?::path)?\}")
REQUEST_ID = "x-request-id"


async def run(call: Call, operation: Operation) -> Response:
    """Handle a request.

    Raises:
        HubError: what the operation raises; ``idempotency_key_invalid``,
            ``idempotency_key_reused``, ``idempotency_key_in_use``, ``idempotency_outcome_lost``.
    """
    if operation.method == "GET":
        return await operation.handle(call)
    key = wanted_key(call.request)
    if key is None:
        return await _audited(call, operation, None)
    return await once(call, key, _under(operation))


def _under(operation: Operation) -> Callable[[Call, Claim], Awaitable[Response]]:
    async def handle(call: Call, claim: Claim) -> Response:
        return await _audited(call, operation, claim)

    return handle


async def _audited(call: Call, operation: Operation, claim: Claim | None) -> Response:
    if claim is None and operation.unaudited is not None:
        return await operation.handle(call)
    errand = _errand(call, operation, claim)
    with running(errand):
        response = await operation.handle(call)
    if errand.is_audited and not errand.is_noted and response.status_code < 400:
        await call.hub.ledger.write(NOTE, errand)
    response.headers[REQUEST_ID] = errand.request_id or ""
    return response


def _errand(call: Call, operation: Operation, claim: Claim | None) -> Errand:
    request = call.request
    kind, name = subject(operation.path, request.path_params)
    outer = errand_of(call.hub.ledger)  # of a command that asks for the operation
    return Errand(
        ledger=call.hub.ledger,
        actor=outer.actor if outer else _actor(call.key),
        operation=outer.operation if outer else f"{operation.method} {operation.path}",
        kind=kind,
        name=name,
        request_id=_request_id(request),
        ip=request.client.host if request.client else None,
        is_audited=operation.unaudited is None,
        claim=claim,
    )


def _actor(key: StoredKey) -> Actor:
    return Actor("user" if is_id("usr", key.id) else "key", key.id, key.name)


def subject(path: str, given: dict[str, str]) -> tuple[str, str]:
    """What an operation is about, by its path: ``delivery`` and an id, ``record``, ``orders/5``."""
    parts = path.removeprefix("/v1/").split("/")
    places = [at for at, part in enumerate(parts) if _PLACE.fullmatch(part)]
    noun = parts[places[-1] - 1] if places else parts[0]
    names = [str(given[name]) for name in _PLACE.findall(path)]
    return _singular(noun), "/".join(names)


def _singular(noun: str) -> str:
    return noun[:-3] + "y" if noun.endswith("ies") else noun.removesuffix("s")


def _request_id(request: Request) -> str:
    """The caller's own, where it gives one."""
    given = request.headers.get(REQUEST_ID, "")
    return given if _FITTING.fullmatch(given) else new_id("req")
