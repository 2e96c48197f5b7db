"""How connectors read: bodies, queries, event types, and what an answer means."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from hub.connector.plug import Outcome, Verdict
from hub.errors import InvalidError
from hub.model.http import InboundRequest, OutboundResponse
from hub.model.json import Json, loads

MAX_TYPE = 200
MAX_QUERY_FIELDS = 1000
_QUOTED_BYTES = 4096
_QUOTED = 500
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that a tool says: what an answer of this status with this phrase means."""

    status: int
    phrase: str
    """Looked for without case; an empty one stands for any text."""
    outcome: Outcome
    advice: str
    wait_s: float | None = None
    """For answers without ``Retry-After``."""


def parse_json(request: InboundRequest) -> Json:
    """The body as JSON, whatever JSON media type it claims; a bodiless request is ``{}``.

    Raises:
        InvalidError: ``content_type_unsupported``, ``json_broken``, ``json_too_deep``.
    """
    kind = (request.headers.get("content-type") or "application/json").partition(";")[0]
    kind = kind.strip().lower()
    if not request.body:
        return {}
    if kind != "application/json" and not kind.endswith("+json"):
        raise InvalidError(
            f"This source takes JSON, not {quoted(kind) or 'an empty content type'}. "
            "Send the body as application/json.",
            code="content_type_unsupported",
        )
    return loads(request.body)


def parse_query(request: InboundRequest) -> dict[str, Json]:
    """The query as an object of texts; a name sent twice, or as ``name[]``, holds a list.

    Raises:
        InvalidError: ``query_too_long``.
    """
    return fields_of(request.query.encode("utf-8", "replace").decode())


def parse_body(request: InboundRequest) -> Json:
    """The body as JSON, or as the fields of a form where it says that it is one.

    Raises:
        InvalidError: as ``parse_json`` and ``parse_query``.
    """
    kind = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind == FORM:
        return fields_of(request.body.decode("utf-8", "replace"))
    return parse_json(request)


def fields_of(text: str) -> dict[str, Json]:
    """The fields of a query or a form; a name sent twice, or as ``name[]``, holds a list.

    Raises:
        InvalidError: ``query_too_long``.
    """
    try:
        fields = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError as error:
        raise InvalidError(
            f"There are more than {MAX_QUERY_FIELDS} fields. Send them as a JSON body.",
            code="query_too_long",
        ) from error
    return gathered(fields)


def gathered(pairs: Sequence[tuple[str, Json]]) -> dict[str, Json]:
    """An object of named values; a name given twice, or as ``name[]``, holds a list."""
    found: dict[str, list[Json]] = {}
    for name, value in pairs:
        found.setdefault(name.removesuffix("[]") or name, []).append(value)
    lists = {name.removesuffix("[]") for name, _ in pairs if name.endswith("[]")}
    return {
        name: values if len(values) > 1 or name in lists else values[0]
        for name, values in found.items()
    }


def event_type(value: Json, *names: str) -> str | None:
    """The first of these fields that names a type: 1 to 200 printable characters."""
    if not isinstance(value, dict):
        return None
    for name in names:
        found = value.get(name)
        if isinstance(found, str) and 0 < len(found) <= MAX_TYPE and found.isprintable():
            return found
    return None


def quoted(text: str) -> str:
    """Foreign text for a message: one line, printable, not too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= _QUOTED else line[: _QUOTED - 1] + "…"


def text_of(response: OutboundResponse) -> str:
    """The beginning of an answer's body, as it may be quoted."""
    return quoted(response.body[:_QUOTED_BYTES].decode("utf-8", "replace"))


def retry_after_s(response: OutboundResponse) -> float | None:
    """The seconds of a ``Retry-After`` field, or None. Dates are left to the schedule."""
    text = (response.headers.get("retry-after") or "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def classify_by_status(response: OutboundResponse) -> Verdict:
    """The reading that HTTP itself gives: connectors begin here and add what they know."""
    status, wait = response.status, retry_after_s(response)
    if 200 <= status < 300:
        return Verdict(Outcome.DELIVERED, f"Taken with {status}.")
    if status == 410:
        return Verdict(Outcome.GONE, "410 Gone: this address takes nothing any more.")
    if status == 429:
        return Verdict(Outcome.BACK_PRESSURE, "429: too many requests.", wait)
    if status in (408, 409, 425) or status >= 500:
        return Verdict(Outcome.RETRY, f"Answered {status}.", wait)
    if 300 <= status < 400:
        return Verdict(Outcome.REFUSED, f"{status}: redirects are not followed; set the new URL.")
    return Verdict(Outcome.REFUSED, f"Refused with {status}.")


def classify_by_text(readings: Iterable[Reading], response: OutboundResponse, said: str) -> Verdict:
    """The first of a tool's readings that fits, quoting what it said; else HTTP's own."""
    for reading in readings:
        if reading.status == response.status and reading.phrase.lower() in said.lower():
            return reading_as_verdict(reading, response, said)
    return classify_by_status(response)


def reading_as_verdict(reading: Reading, response: OutboundResponse, said: str) -> Verdict:
    """A reading of this answer: what was said, and what to do about it."""
    wait = retry_after_s(response)
    says = f"Answered {response.status}: {said}" if said else f"Answered {response.status}"
    stop = "" if says.endswith((".", "!", "?", "…")) else "."
    return Verdict(
        reading.outcome, f"{says}{stop} {reading.advice}", reading.wait_s if wait is None else wait
    )
