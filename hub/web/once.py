"""Requests that happen once: ``Idempotency-Key``, as in the IETF's draft of that header field.

The first answer is kept for a day, sealed with a key that is made of the caller's own API key:
whoever reads the database cannot read the secrets that are shown once in some answers.
"""

import hashlib
import hmac
import re
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO, TypeAlias, cast

import structlog
from starlette.requests import Request
from starlette.responses import Response

from hub import fault_points
from hub.errors import ConflictError, HubError, InvalidError, StoreError
from hub.model.ids import new_id
from hub.model.json import dumps_text, loads
from hub.store.errand import Claim, in_use
from hub.store.idempotency import ANSWER, CLAIM, RELEASE, Answered, Standing, Wish
from hub.store.sealing import Keyring
from hub.web.api.body import parts_of
from hub.web.api.call import Call
from hub.web.problems import problem, status_of

FIELD = "idempotency-key"
REPLAYED = "idempotency-replayed"
MAX_CHARS = 255
MAX_BYTES = 1 << 30
_IN_MEMORY_BYTES, _PART_BYTES = 5 << 20, 1 << 20
_VISIBLE = re.compile(r"[!-~]+")
_PASSING = frozenset({408, 429})
"""Refusals that say nothing of the request itself: it may be sent again, and is tried anew."""
Handle: TypeAlias = Callable[[Call, Claim], Awaitable[Response]]
_log = structlog.get_logger("hub.web")


def wanted_key(request: Request) -> str | None:
    """The ``Idempotency-Key`` of a request, if it has one.

    Raises:
        InvalidError: ``idempotency_key_invalid``.
    """
    given = request.headers.getlist(FIELD)
    if not given:
        return None
    key = given[0].strip()
    bare = key.removeprefix('"').removesuffix('"')
    if len(given) == 1 and bare and len(key) <= MAX_CHARS and _VISIBLE.fullmatch(key):
        return key
    raise InvalidError(
        f"'Idempotency-Key' must be given once, with 1 to {MAX_CHARS} visible ASCII characters, "
        "such as a UUID.",
        code="idempotency_key_invalid",
    )


async def once(call: Call, key: str, handle: Handle) -> Response:
    """Handle a request, or give the answer that the same request got before.

    Raises:
        InvalidError: ``idempotency_key_reused``.
        ConflictError: ``idempotency_key_in_use``, ``idempotency_outcome_lost``.
        StoreError: as the ledger does.
    """
    claim = Claim(call.key.id, key, new_id("req"))
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as spooled:
        file = cast(BinaryIO, spooled)
        wish = Wish(claim, await _hash(call, file))
        standing = await call.hub.ledger.write(CLAIM, wish)
        if standing.is_ != "mine":
            return _before(call, claim, standing)
        fault_points.at("errand.claimed")
        return await _first(call.reading(_again(file)), claim, handle)


def _before(call: Call, claim: Claim, standing: Standing) -> Response:
    """The answer where this request may not act."""
    if standing.is_ == "answered" and standing.answer is not None:
        return _opened(call, claim, standing.answer)
    if standing.is_ == "other":
        raise InvalidError(
            "This Idempotency-Key was sent before with another request (method, path, query or "
            "body): make a new key for each request, and keep it for its repeats.",
            code="idempotency_key_reused",
        )
    if standing.is_ == "busy":
        raise in_use(standing.retry_after_s)
    raise ConflictError(
        "This request was begun, and the hub ended or failed before its answer was kept: what it "
        "changes may be done, or under way still. Look, and send the rest with a new key.",
        code="idempotency_outcome_lost",
    )


async def _first(call: Call, claim: Claim, handle: Handle) -> Response:
    """Act, and keep the answer; what the hub failed at may be tried anew if nothing was done."""
    try:
        response = await handle(call, claim)
    except HubError as error:
        if _is_kept(status_of(error)):
            await _keep(call, claim, problem(error, call.request.scope))
        else:
            await _release(call, claim)
        raise
    except Exception:
        await _release(call, claim)
        raise
    fault_points.at("errand.done")
    await _keep(call, claim, response)
    return response


def _is_kept(status: int) -> bool:
    return status < 500 and status not in _PASSING


async def _keep(call: Call, claim: Claim, response: Response) -> None:
    """Keep an answer; what was done is done, even where that fails."""
    headers = [pair for pair in response.headers.items() if pair[0] != "content-length"]
    text = dumps_text([response.status_code, headers, bytes(response.body).decode()])
    sealed = _keyring(call).seal(text, _place(claim))
    try:
        await call.hub.ledger.write(ANSWER, Answered(claim, sealed))
    except StoreError as error:
        _log.warning("answer.lost", path=call.request.scope["path"], message=error.message)


async def _release(call: Call, claim: Claim) -> None:
    try:
        await call.hub.ledger.write(RELEASE, claim)
    except StoreError as error:  # its lease ends by itself
        _log.warning("claim.abandoned", path=call.request.scope["path"], message=error.message)


def _opened(call: Call, claim: Claim, sealed: str) -> Response:
    status, headers, body = cast(Any, loads(_keyring(call).open(sealed, _place(claim))))
    return Response(body.encode(), status, {**dict(headers), REPLAYED: "true"})


def _keyring(call: Call) -> Keyring:
    own = call.request.headers["authorization"].partition(" ")[2].strip()
    return Keyring([hmac.digest(own.encode(), b"hub answers", "sha256")])


def _place(claim: Claim) -> str:
    return f"{claim.key_id}/{claim.key}"


async def _hash(call: Call, file: BinaryIO) -> str:
    """Take the body into a file; gives the hash of all that is asked for.

    Raises:
        TooLargeError: ``body_too_large``.
        InvalidError: ``body_timeout``.
    """
    scope, timeout_s = call.request.scope, call.hub.settings.body_timeout_s
    digest = hashlib.sha256()
    asked = (scope["method"], scope["path"], scope["query_string"].decode("latin-1"))
    digest.update(dumps_text([*asked, call.request.headers.get("content-type")]).encode())
    async for part in parts_of(call.request, timeout_s, MAX_BYTES):
        digest.update(part)
        file.write(part)
    return digest.hexdigest()


def _again(file: BinaryIO) -> Callable[[], Awaitable[dict[str, Any]]]:
    """The body as the server would give it."""
    size = file.tell()
    file.seek(0)

    async def receive() -> dict[str, Any]:
        part = file.read(_PART_BYTES)
        return {"type": "http.request", "body": part, "more_body": file.tell() < size}

    return receive
