"""The step that asks something of the world outside, and waits for the answer."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

from pydantic import AliasChoices, Field

from hub.errors import HubError, InvalidError, OutboundError, StepError
from hub.expr import Compiled, truthy
from hub.expr import text_of as as_text
from hub.model.http import OutboundRequest, OutboundResponse
from hub.model.ids import new_id
from hub.model.json import Json, dumps, loads
from hub.model.run import RunAttempt
from hub.stack.ports import Received, Wish
from hub.stack.revealing import Revealing
from hub.stack.step import OptionalValue, Value, WorldStep, object_of, text_of
from hub.stack.steps.tasks import key_of
from hub.stack.turn import NOT_DONE, Turn

TIMEOUT_S = 30.0
MAX_TIMEOUT_S = 600.0
MAX_ANSWER_BYTES = 5 << 20
_KEPT_CHARS = 4_000
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SAFE = ("GET", "HEAD", "OPTIONS")
_FORM = "application/x-www-form-urlencoded"


class ExternalApiRequest(WorldStep):
    """Sends an HTTP request and waits for the answer; what is not taken is an error.

    The result is ``{status, headers, body, duration_ms}``, under ``as`` or ``response``.
    """

    function: Literal["external_api_request"]
    url: Value = Field(description="Where to.")
    method: OptionalValue = Field(None, description="POST where `data` is given, else GET.")
    headers: OptionalValue = Field(None, description="Header fields.")
    data: OptionalValue = Field(
        None,
        validation_alias=AliasChoices("data", "body", "params"),
        description="The body: JSON, unless the content type says otherwise.",
    )
    query: OptionalValue = Field(None, description="Parameters that are added to the URL.")
    ignore_status: OptionalValue = Field(
        None, description="An answer of any status is a result, and no error."
    )
    idempotency_key: OptionalValue = Field(
        None, description="Instead of the hub's own, which is the run and the step."
    )

    @property
    def binds(self) -> str:
        return self.as_ or "response"

    async def _act(self, turn: Turn, path: str) -> None:
        sees = Revealing(turn.scope, turn.world.secret)
        wish = self._wish(turn, path, sees)
        await turn.commit()  # nothing leaves the hub before what led to it is durable
        output = await self._sent(turn, path, wish, sees)
        turn.record(path, self.function, output)
        self.bind(turn, output)

    def _wish(self, turn: Turn, path: str, sees: Revealing) -> Wish:
        """What is sent; after a crash it says the same as the first time.

        Raises:
            StepError: it cannot be sent. No secret stands in the message.
        """
        seen = turn.replayed(f"{path}?") if self._observes else NOT_DONE
        if seen is not NOT_DONE:
            turn.scope.recall(seen)
        try:
            wish = self._made(turn, path, sees)
        except HubError as error:
            raise StepError(sees.hidden(error.message), code=error.code) from error
        if self._observes and seen is NOT_DONE:
            turn.record(f"{path}?", self.function, turn.scope.observed())
        return wish

    @cached_property
    def _observes(self) -> bool:
        """Whether an expression reads the clock or ``env``."""
        parts = (part for part in self.parts() if isinstance(part, Compiled))
        return any(part.reads.clock or part.reads.env for part in parts)

    def _made(self, turn: Turn, path: str, sees: Revealing) -> Wish:
        url = text_of(self.url.evaluate(sees), "url")
        if self.query is not None:
            url = _with_query(url, object_of(self.query.evaluate(sees), "query"))
        method = self._method(turn)
        headers = self._headers(sees)
        body = b""
        if self.data is not None:
            body, kind = _body(self.data.evaluate(sees), headers.get("content-type"))
            headers.setdefault("content-type", kind)
        if method not in _SAFE or self.idempotency_key is not None:
            headers.setdefault("idempotency-key", self._key(turn, path))
        request = OutboundRequest(method, url, tuple(headers.items()), body)
        return Wish(request, self._timeout_s(turn), MAX_ANSWER_BYTES)

    def _method(self, turn: Turn) -> str:
        if self.method is None:
            return "GET" if self.data is None else "POST"
        method = text_of(self.method.evaluate(turn.scope), "method").upper()
        if method not in _METHODS:
            raise StepError(
                f"'method' is one of {', '.join(_METHODS)}, not {method[:20]!r}.",
                code="field_invalid",
            )
        return method

    def _headers(self, sees: Revealing) -> dict[str, str]:
        """Header fields by their names in small letters; what is null is left out."""
        if self.headers is None:
            return {}
        given = object_of(self.headers.evaluate(sees), "headers")
        headers = {name.lower(): as_text(v) for name, v in given.items() if v is not None}
        if sees.has_revealed:  # what was made of a secret, as for Basic, is one too
            credentials = headers.get("authorization", "").rpartition(" ")[2]
            sees.hide(credentials, "headers.authorization")
        return headers

    def _key(self, turn: Turn, path: str) -> str:
        if self.idempotency_key is None:
            return turn.key(path)
        return key_of(self.idempotency_key.evaluate(turn.scope))

    def _timeout_s(self, turn: Turn) -> float:
        """Its own time, or the default one; never beyond the time of what it stands in."""
        has_own = self.timeout is not None or self.timeout_s is not None
        most = MAX_TIMEOUT_S if has_own else TIMEOUT_S
        left_s = turn.left_s()
        return most if left_s is None else max(0.001, min(left_s, most))

    async def _sent(self, turn: Turn, path: str, wish: Wish, sees: Revealing) -> Json:
        started_at = turn.world.now_us()
        shown = sees.hidden(wish.request.url)
        try:
            received = await turn.world.request(wish)
        except (OutboundError, InvalidError) as error:
            took_ms = (turn.world.now_us() - started_at) // 1000
            noted = _attempt(turn, path, wish, shown, started_at)
            message = sees.hidden(error.message)
            turn.effects.attempts.append(noted(took_ms, None, error.code, message, None))
            raise StepError(message, code=error.code, **error.details) from error
        response = received.response
        body, message = sees.hidden(_parsed(response)), sees.hidden(received.message)
        noted = _attempt(turn, path, wish, shown, started_at)
        kept = body if isinstance(body, str) else dumps(body).decode()
        turn.effects.attempts.append(
            noted(
                response.duration_ms,
                response.status,
                received.outcome,
                message,
                kept[:_KEPT_CHARS].replace("\x00", "\ufffd"),
            )
        )
        self._judge(turn, received, message, body)
        return {
            "status": response.status,
            "headers": sees.hidden(dict(response.headers)),
            "body": body,
            "duration_ms": response.duration_ms,
        }

    def _judge(self, turn: Turn, received: Received, message: str, body: Json) -> None:
        response = received.response
        if response.truncated:
            raise StepError(
                f"The answer is larger than {MAX_ANSWER_BYTES >> 20} MiB: ask for less at once.",
                code="answer_too_large",
                status=response.status,
            )
        if received.is_delivered or (
            self.ignore_status is not None and truthy(self.ignore_status.evaluate(turn.scope))
        ):
            return
        raise StepError(
            f"Status {response.status}: {message}",
            code="not_delivered" if 200 <= response.status < 300 else "status_refused",
            status=response.status,
            retry_after_s=received.retry_after_s,
            body=body,
        )


def _attempt(turn: Turn, path: str, wish: Wish, shown: str, started_at: int) -> Any:
    """What notes an attempt when it is over."""

    def noted(
        took_ms: int, status: int | None, outcome: str, message: str, body: str | None
    ) -> RunAttempt:
        return RunAttempt(
            id=new_id("att"),
            run_id=turn.run.id,
            path=path,
            method=wish.request.method,
            url=shown,
            started_at=started_at,
            duration_ms=took_ms,
            status_code=status,
            outcome=outcome,
            message=message,
            response_body=body,
        )

    return noted


def _body(value: Json, kind: str | None) -> tuple[bytes, str]:
    """A body in the content type that is asked for, which is JSON unless said."""
    plain = (kind or "application/json").partition(";")[0].strip().lower()
    if plain == "application/json" or plain.endswith("+json"):
        return dumps(value), "application/json"
    if plain == _FORM:
        fields = object_of(value, "data")
        return _encoded(fields).encode(), _FORM
    return as_text(value).encode(), plain


def _with_query(url: str, query: Mapping[str, Json]) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise StepError(f"'url' cannot be read: {error}.", code="url_invalid") from error
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, _encoded(query))))))


def _encoded(fields: Mapping[str, Json]) -> str:
    """``a=1&b=x&b=y``; what is null is left out."""
    pairs = [
        (name, as_text(each))
        for name, value in fields.items()
        for each in (value if isinstance(value, list) else [value])
        if each is not None
    ]
    return urlencode(pairs)


def _parsed(response: OutboundResponse) -> Json:
    """JSON where the answer says that it is, and text else."""
    kind = (response.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if (kind == "application/json" or kind.endswith("+json")) and not response.truncated:
        try:
            return loads(response.body) if response.body.strip() else None
        except InvalidError:
            pass
    return response.body.decode("utf-8", "replace")
