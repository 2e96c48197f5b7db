"""Problems: what goes wrong, as RFC 9457 answers. The only place that knows errors' statuses.

No body has a top-level ``error``: n8n would take it for a failure of its own and send again.
"""

from http import HTTPStatus
from typing import Any

import structlog
from starlette.responses import Response
from starlette.types import Scope

from hub.errors import (
    AccessError,
    ConflictError,
    ExpressionError,
    HubError,
    InvalidError,
    LimitError,
    NotFoundError,
    OutboundError,
    SignatureError,
    StepError,
    StoreError,
    TooLargeError,
)
from hub.model.json import dumps
from hub.web.always import NO_PAGE

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

_BY_CODE = {
    "body_timeout": 408,
    "content_encoding_unsupported": 415,
    "content_type_unsupported": 415,
    "document_broken": 422,
    "forbidden": 403,
    "head_timeout": 408,
    "headers_too_large": 431,
    "headers_too_many": 431,
    "method_not_allowed": 405,
    "range_unsatisfiable": 416,
    "idempotency_key_reused": 422,
    "input_invalid": 422,
    "stack_invalid": 422,
    "too_many_requests": 429,
    "validation": 422,
}
_BY_CLASS: dict[type[Exception], int] = {
    ExpressionError: 422,
    InvalidError: 400,
    SignatureError: 401,
    AccessError: 401,
    NotFoundError: 404,
    ConflictError: 409,
    TooLargeError: 413,
    StoreError: 503,
    LimitError: 422,
    StepError: 422,
    OutboundError: 502,
}
_OURS = frozenset({"type", "title", "status", "detail", "instance", "code", "message", "error"})
_log = structlog.get_logger("hub.web")


def problem(error: Exception, scope: Scope | None = None, *, status: int | None = None) -> Response:
    """The answer for an error. What nobody foresaw is logged, and its text stays inside.

    ``status`` is given where it is not the error's own: the failure of a run.
    """
    if not isinstance(error, HubError):
        _log.error("request.broken", path=scope and scope["path"], exc_info=error)
        error = HubError("The hub itself failed; its log says why.")
    details = error.details if status or status_of(error) != 500 else {}
    status = status or status_of(error)
    body = _body(error, status, details)
    if scope is not None:
        body["instance"] = scope["path"]
    return Response(_encoded(body), status, _headers(error, status), MEDIA_TYPE)


def as_problem(error: HubError) -> bytes:
    """The same as JSON, where nothing is answered by HTTP: a command says it so."""
    status = status_of(error)
    return _encoded(_body(error, status, error.details))


def status_of(error: HubError) -> int:
    """The HTTP status that an error is answered with."""
    if isinstance(error, (InvalidError, AccessError)) and error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((_BY_CLASS[each] for each in type(error).__mro__ if each in _BY_CLASS), 500)


def _body(error: HubError, status: int, details: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
        "code": error.code,
        "message": error.message,
        **{name: value for name, value in details.items() if name not in _OURS},
    }


def _headers(error: HubError, status: int) -> dict[str, str]:
    headers = {"cache-control": "no-store", **NO_PAGE}
    if status == 429:
        headers["retry-after"] = str(error.details.get("retry_after_s", RETRY_AFTER_S))
    elif isinstance(error, AccessError):
        headers["www-authenticate"] = _challenge(error)
    elif isinstance(error, StoreError):
        headers["retry-after"] = str(RETRY_AFTER_S)
    elif "retry_after_s" in error.details:
        headers["retry-after"] = str(error.details["retry_after_s"])
    elif status == 405:
        headers["allow"] = str(error.details.get("allow", ""))
    elif status == 416:
        headers["content-range"] = f"bytes */{error.details.get('size', '*')}"
    return headers


def _challenge(error: AccessError) -> str:
    """What RFC 6750 wants said: why the key does not do, and which scope would."""
    scope = error.details.get("scope")
    if error.code == "forbidden":
        return f'Bearer realm="hub", error="insufficient_scope", scope="{scope}"'
    return 'Bearer realm="hub"'


def _encoded(body: dict[str, Any]) -> bytes:
    """Foreign text in a message may be no proper text; then it is mended, details are left out."""
    try:
        return dumps(body)
    except InvalidError:
        kept = {name: value for name, value in body.items() if name in _OURS}
        mended = {
            name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
            for name, value in kept.items()
        }
        return dumps(mended)
