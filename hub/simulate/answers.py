"""What the world outside answers in a simulation: by a table of answers, or nothing special."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from hub.errors import InvalidError, OutboundError
from hub.model.destination import Tls
from hub.model.http import Headers, OutboundRequest, OutboundResponse
from hub.model.json import Json, dumps
from hub.outbound.client import Sender

FAILURES = {
    "timeout": "There was no complete answer in time.",
    "connect_failed": "No connection could be made.",
    "dns_failed": "The name could not be looked up.",
    "tls_failed": "TLS could not be agreed on.",
    "answer_broken": "The answer broke off.",
}
"""How there may be no answer, with what is said of it."""


class StubAnswer(BaseModel):
    """An answer, or how there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: int = Field(200, ge=100, le=599, description="The status.")
    body: Any = Field(None, description="The body: text as it is, anything else as JSON.")
    headers: dict[str, str] = Field(default_factory=dict, description="Header fields.")
    failure: str | None = Field(
        None,
        description=f"No answer at all: {', '.join(FAILURES)}.",
        pattern=f"^(?:{'|'.join(FAILURES)})$",
    )
    takes_s: float = Field(0, ge=0, le=3600, description="How long it takes, in seconds.")


StubAnswers: TypeAlias = dict[
    str, StubAnswer | Annotated[tuple[StubAnswer, ...], Field(min_length=1)]
]
"""By the beginning of a URL, the longest counts: one answer, or several in turn, the last for ever.

The key ``*`` stands for every other URL.
"""
_ADAPTER: TypeAdapter[StubAnswers] = TypeAdapter(StubAnswers)


def parse_answers(value: Json) -> StubAnswers:
    """The table of answers.

    Raises:
        InvalidError: ``answers_invalid``.
    """
    try:
        return _ADAPTER.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "/".join(str(part) for part in first["loc"])
        raise InvalidError(
            f"The answers cannot be used: {place}: {first['msg']}. Give an object of URLs and "
            'answers, such as {"https://api.example.com/": {"status": 200, "body": {}}}.',
            code="answers_invalid",
        ) from None


@dataclass
class StubSender:
    """Sends nothing: answers from the table."""

    answers: StubAnswers
    pass_time: Callable[[int], None]
    """Moves the clock on, by microseconds."""
    _asked: Counter[str] = field(default_factory=Counter)

    async def send(
        self,
        request: OutboundRequest,
        *,
        timeout_s: float,
        allow_private: bool = False,
        tls: Tls | None = None,
        cap_bytes: int = 65_536,
    ) -> OutboundResponse:
        """The answer of the table."""
        answer = self._next(request.url)
        took_s = min(answer.takes_s, timeout_s)
        self.pass_time(int(took_s * 1_000_000))
        if answer.failure is not None or answer.takes_s > timeout_s:
            code = answer.failure or "timeout"
            may_have_run = code in ("timeout", "answer_broken")
            raise OutboundError(FAILURES[code], code=code, may_have_run=may_have_run)
        body, kind = _encoded(answer.body)
        headers = {"content-type": kind} | {k.lower(): v for k, v in answer.headers.items()}
        truncated = len(body) > cap_bytes
        pairs = Headers(headers.items())
        return OutboundResponse(
            answer.status, pairs, body[:cap_bytes], truncated, int(took_s * 1000)
        )

    def _next(self, url: str) -> StubAnswer:
        found = max((key for key in self.answers if url.startswith(key)), key=len, default="*")
        given = self.answers.get(found, StubAnswer())
        if isinstance(given, StubAnswer):
            return given
        place = min(self._asked[found], len(given) - 1)
        self._asked[found] += 1
        return given[place]


@dataclass
class MappedSender:
    """Really sends, to other addresses: the beginning of a URL is replaced by another one."""

    inner: Sender
    mapped: dict[str, str]

    async def send(
        self,
        request: OutboundRequest,
        *,
        timeout_s: float,
        allow_private: bool = False,
        tls: Tls | None = None,
        cap_bytes: int = 65_536,
    ) -> OutboundResponse:
        """Send it where the map says; addresses of the map may be private ones."""
        found = max(
            (key for key in self.mapped if request.url.startswith(key)), key=len, default=None
        )
        if found is not None:
            url = self.mapped[found] + request.url[len(found) :]
            request = OutboundRequest(request.method, url, request.headers, request.body)
        return await self.inner.send(
            request,
            timeout_s=timeout_s,
            allow_private=allow_private or found is not None,
            tls=tls,
            cap_bytes=cap_bytes,
        )


def _encoded(body: Json) -> tuple[bytes, str]:
    if body is None:
        return b"", "text/plain"
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return dumps(body), "application/json"
