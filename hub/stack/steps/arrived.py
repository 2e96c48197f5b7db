"""Steps on the request that a run answers, byte by byte as it came."""

import base64
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs

from pydantic import AliasChoices, Field, field_validator

from hub.errors import HubError, InvalidError, SignatureError, StepError
from hub.model.http import Headers
from hub.model.json import Json, loads
from hub.model.time import US_PER_S
from hub.signature import parse_secret, verify_hmac, verify_standard
from hub.stack.revealing import Revealing
from hub.stack.step import OptionalValue, Value, WorldStep, text_of
from hub.stack.turn import Turn

STANDARD = "webhook-signature"
_STANDARD_FIELDS = (STANDARD, "webhook-id", "webhook-timestamp")
_HEADER = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request as it came; ``fields`` are the header fields that signatures stand in."""

    body: bytes
    fields: dict[str, str] | None
    """None where they were not kept, because the hub itself has looked at them."""


async def arrived(turn: Turn) -> Arrived:
    """What came: the request to an endpoint, an event's body, else the input as JSON.

    Raises:
        StepError: ``raw_unavailable``.
    """
    course = turn.course
    if course.raw is not None:
        return Arrived(base64.b64decode(course.raw["body"]), course.raw["fields"])
    if "request" in course.facts:
        raise StepError(
            "The request was not kept as it came: this step has to stand in the stack of the "
            "endpoint that takes it.",
            code="raw_unavailable",
        )
    body = await turn.world.event_body(turn.run.event_id)
    if body is None:
        given = turn.run.input or ""
        body = given if isinstance(given, bytes) else given.encode()
    return Arrived(body, None)


class GetAllRawInput(WorldStep):
    """Gives the body as it came: text, or read as what it is.

    In a run that no request began that is the input, as JSON.
    """

    function: Literal["get_all_raw_input"]
    encoding: OptionalValue = Field(
        None, description="`raw` (text, the default), `base64`, `json` or `form`."
    )
    output_variable: str | None = Field(
        None,
        validation_alias=AliasChoices("output_variable", "output"),
        description="The variable that gets it, as `as` does; without both `raw_input`.",
    )

    async def act(self, turn: Turn, path: str) -> Json:
        encoding = "raw" if self.encoding is None else self.encoding.evaluate(turn.scope)
        reads = _ENCODINGS.get(str(encoding or "raw").lower())
        if reads is None:
            raise StepError(
                f"'encoding' is one of {', '.join(_ENCODINGS)}, not {str(encoding)[:60]!r}.",
                code="field_invalid",
            )
        return reads((await arrived(turn)).body)

    def bind(self, turn: Turn, output: Json) -> None:
        """Bind the body to its name."""
        turn.scope.assign(self.as_ or self.output_variable or "raw_input", output)


class VerifySignature(WorldStep):
    """Goes on only if a signature over the request's exact body fits; else it raises.

    The field `webhook-signature` is checked as Standard Webhooks says; any other one holds the
    HMAC of the body, as hexadecimal digits or base64, with or without `sha256=` before it.
    Sources check signatures by themselves: this step is for endpoints.
    """

    function: Literal["verify_signature"]
    signature_header: str = Field(
        STANDARD,
        validation_alias=AliasChoices("signature_header", "header"),
        description="The header field with the signature, written out.",
    )
    secret: Value = Field(description="The secret that both sides know; may be `{{env.NAME}}`.")
    algorithm: Literal["sha1", "sha256", "sha512"] = Field(
        "sha256", description="Of the HMAC: `sha256`, `sha512` or `sha1`."
    )

    @field_validator("signature_header")
    @classmethod
    def _plain(cls, name: str) -> str:
        if not _HEADER.fullmatch(name):
            raise ValueError("The name of the header field has to be written out: X-Signature")
        return name.lower()

    @property
    def fields(self) -> frozenset[str]:
        """The header fields that it reads, in lower case."""
        return frozenset(_STANDARD_FIELDS if self._is_standard else [self.signature_header])

    @property
    def _is_standard(self) -> bool:
        return self.signature_header == STANDARD

    async def act(self, turn: Turn, path: str) -> Json:
        secret = text_of(self.secret.evaluate(Revealing(turn.scope, turn.world.secret)), "secret")
        request = await arrived(turn)
        if request.fields is None:
            raise StepError(
                "There is no signature to check here: this run was begun by no request to an "
                "endpoint. What a source takes, it checks itself: set its verification.",
                code="signature_unavailable",
            )
        try:
            self._verify(secret, request.body, request.fields, turn.world.now_us())
        except (SignatureError, InvalidError) as error:
            raise StepError(error.message, code=error.code) from error
        return True

    def _verify(self, secret: str, body: bytes, fields: dict[str, str], now_us: int) -> None:
        if self._is_standard:
            verify_standard(
                [parse_secret(secret)], Headers(list(fields.items())), body, now_us / US_PER_S
            )
        else:
            given = fields.get(self.signature_header)
            verify_hmac(secret.encode(), given, body, self.algorithm)


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise StepError(
            "The body is no UTF-8 text: read it with the encoding base64.", code="raw_not_text"
        ) from error


def _json(body: bytes) -> Json:
    try:
        return loads(body)
    except (HubError, ValueError) as error:
        raise StepError(f"The body is no JSON: {error}", code="raw_not_json") from error


def _form(body: bytes) -> Json:
    try:
        fields = parse_qs(_text(body), keep_blank_values=True, max_num_fields=1000)
    except ValueError as error:
        raise StepError("The form has more than 1000 fields.", code="raw_not_form") from error
    return {
        name: values[0] if len(values) == 1 else list(values) for name, values in fields.items()
    }


_ENCODINGS = {
    "raw": _text,
    "base64": lambda body: base64.b64encode(body).decode(),
    "json": _json,
    "form": _form,
    "x-www-form-urlencoded": _form,
}
