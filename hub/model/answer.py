"""Answer: what a caller gets back, of a run or as it is set."""

import re
from dataclasses import dataclass

from hub.model.http import Pairs
from hub.model.json import loads

SAFE_FIELDS: Pairs = (
    ("cache-control", "no-store"),
    ("content-security-policy", "sandbox"),
)
"""On what others decide the text of: it may not speak for the hub's own pages."""
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e]{0,4000}")
_REFUSED = frozenset({
    "connection", "content-length", "content-security-policy",
    "content-security-policy-report-only", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "set-cookie", "te", "trailer", "transfer-encoding",
    "upgrade", "x-content-type-options",
})  # fmt: skip
"""Fields of one connection, and those that would speak for the whole origin of the hub."""
_BODILESS = (204, 304)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: ``body`` is JSON text; status and headers count over HTTP."""

    body: str
    status: int = 200
    headers: Pairs = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """An answer as it goes out; ``content_type`` is None where there is no body."""

    status: int
    headers: dict[str, str]
    content_type: str | None
    body: bytes | None


def rendered(answer: Answer) -> Rendered:
    """As HTTP has it: JSON, or the plain text where its content type says so."""
    headers = {**dict(answer.headers), **dict(SAFE_FIELDS)}
    kind = headers.pop("content-type", "application/json")
    if answer.status in _BODILESS:
        return Rendered(answer.status, headers, None, None)
    body = answer.body.encode()
    if not _is_json(kind):
        value = loads(answer.body)
        body = value.encode() if isinstance(value, str) else body
    return Rendered(answer.status, headers, kind, body)


def field_problem(name: str, value: str) -> str | None:
    """Why a header field cannot be set on an answer, if it cannot."""
    if name.lower() in _REFUSED:
        return (
            f"The header field {name!r} cannot be set: it speaks for the connection, "
            "or for all pages of the hub."
        )
    if not (_FIELD_NAME.fullmatch(name) and _FIELD_VALUE.fullmatch(value)):
        return (
            f"The header field {name[:60]!r} must have a proper name, and a value of printable "
            "ASCII characters."
        )
    return None


def _is_json(kind: str) -> bool:
    plain = kind.partition(";")[0].strip().lower()
    return plain == "application/json" or plain.endswith("+json")
