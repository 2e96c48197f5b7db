"""Source: an address that takes requests of one sender."""

from typing import Annotated, ClassVar, Literal

from pydantic import (
    Discriminator,
    Field,
    JsonValue,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from hub.model.answer import Answer, field_problem
from hub.model.json import dumps_text
from hub.model.scheme import HeaderName, Retired, Scheme, Secret, Shape

SLUG = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
Slug = Annotated[str, StringConstraints(pattern=f"^{SLUG}$")]
Token = Annotated[str, StringConstraints(min_length=8, max_length=1000)]

Origin = Annotated[
    str, StringConstraints(pattern=r"^(\*|weweb|https?://[A-Za-z0-9.-]+(:\d{1,5})?)/?$")
]
"""Where a page stands, as browsers tell it: ``https://app.example.com``."""

TEXT = "text/plain; charset=utf-8"
HOUR_S = 3600
KEY_WINDOW_S = 48 * HOUR_S
"""Make's re-runs last 40 hours."""
HASH_WINDOW_S = 600
"""Equal clicks an hour apart are no duplicates."""


class VerifyNone(Shape):
    """Anybody may send. It must be said."""

    mode: Literal["none"]


class VerifyHeader(Shape):
    """A token in a header field of the sender's choice."""

    mode: Literal["header"]
    header: HeaderName = Field(description="Such as `X-Api-Key`.")
    secrets: tuple[Token, ...] = Field(
        min_length=1, max_length=10, description="The tokens; any of them counts."
    )


class VerifyStandard(Shape):
    """Standard Webhooks: signed id, timestamp and body."""

    mode: Literal["standard"]
    secrets: tuple[str, ...] = Field(
        min_length=1, max_length=10, description="`whsec_…`; without one the hub makes it."
    )


class VerifyBasic(Shape):
    """A user and a password, as HTTP's Basic sends them."""

    mode: Literal["basic"]
    user: str = Field(min_length=1, max_length=200, pattern=r"^[^:\x00-\x1f]*$")
    secrets: tuple[Token, ...] = Field(min_length=1, max_length=10, description="Passwords.")


class VerifyJwt(Shape):
    """A signed token (JWT) as bearer."""

    mode: Literal["jwt"]
    secrets: tuple[Secret, ...] = Field(
        (), max_length=10, description="Of tokens that are signed by HS256, HS384, HS512."
    )
    public_keys: tuple[str, ...] = Field(
        (), max_length=10, description="PEM; of tokens signed by RS, PS, ES and EdDSA."
    )
    issuer: str | None = Field(None, max_length=500, description="What `iss` has to be.")
    audience: str | None = Field(None, max_length=500, description="What `aud` has to be.")

    @model_validator(mode="after")
    def _either(self) -> "VerifyJwt":
        if bool(self.secrets) == bool(self.public_keys):
            raise ValueError("Give either 'secrets' or 'public_keys'")
        return self


class VerifyKey(Shape):
    """One of the hub's API keys as bearer, with the scope `ingest`."""

    mode: Literal["key"]


class VerifyHmac(Scheme):
    """An HMAC over the body, or more of the request, as its sender makes it."""

    mode: Literal["hmac"]
    secrets: tuple[Secret, ...] = Field(min_length=1, max_length=10)


class VerifyPreset(Shape):
    """As the source's connector knows that its sender signs."""

    mode: Literal["preset"]
    secrets: tuple[Secret, ...] = Field(
        min_length=1, max_length=10, description="As its sender shows them."
    )


Verify = Annotated[
    VerifyNone
    | VerifyHeader
    | VerifyBasic
    | VerifyJwt
    | VerifyKey
    | VerifyHmac
    | VerifyStandard
    | VerifyPreset,
    Field(discriminator="mode", description="How its sender is known."),
]


class Dedup(Shape):
    """What makes two requests the same, and how long that is remembered."""

    by: Annotated[
        str,
        StringConstraints(pattern=r"^(none|hash|header:[A-Za-z0-9_-]{1,100}|body:[^\s]{1,200})$"),
    ] = Field(description="`header:NAME`, `body:order.id`, `hash` of the body, or `none`.")
    window_s: int | None = Field(
        None,
        ge=1,
        le=30 * 24 * HOUR_S,
        description="How long it is remembered; without it keys 48 hours, hashes 10 minutes.",
    )

    def window_us(self) -> int:
        """The window in microseconds; 48 h for keys and 10 min for hashes unless set; none: 0."""
        if self.by == "none":
            return 0
        default = HASH_WINDOW_S if self.by == "hash" else KEY_WINDOW_S
        return (self.window_s or default) * 1_000_000


class FixedAnswer(Shape):
    """What a sender is told, whatever becomes of its request."""

    status: int = Field(200, ge=200, le=299)
    headers: dict[str, str] = Field(default_factory=dict, max_length=50)
    body: JsonValue = Field(None, description="JSON; with another content type a text.")

    @field_validator("headers")
    @classmethod
    def _proper(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            problem = field_problem(name, text)
            if problem is not None:
                raise ValueError(problem)
        return {name.lower(): text for name, text in value.items()}

    def answer(self) -> Answer:
        """As it is sent: nothing without a body, a text as text unless told."""
        if self.body is None:
            return Answer('""', self.status, (*self.headers.items(), ("content-type", TEXT)))
        headers = dict(self.headers)
        if isinstance(self.body, str):
            headers.setdefault("content-type", TEXT)
        return Answer(dumps_text(self.body), self.status, tuple(headers.items()))


Redacted = Annotated[
    str, StringConstraints(pattern=r"^(header:[A-Za-z0-9_-]{1,100}|body:[^\s]{1,200})$")
]


class Limit(Shape):
    """So many requests in so many seconds."""

    requests: int = Field(ge=1, le=1_000_000)
    per_s: float = Field(gt=0, le=86_400)


class Source(Shape):
    """A source as people set it."""

    SECRETS: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("verify", "secrets"),
        ("retired", "secrets"),
    )

    connector: str = Field("standard", description="Whose dialect its sender speaks.")
    verify: Verify
    retired: Retired | None = Field(
        None, description="Secrets of before a rotation, and how long they count as well."
    )
    dedup: Dedup | None = Field(
        None, description="What makes two requests the same. Without it: the sender's own id."
    )
    task: str | None = Field(None, description="The task that runs for each event.")
    event_type: str | None = Field(
        None, max_length=2000, description="The event's type: a text, or an expression."
    )
    filter: str | None = Field(
        None,
        max_length=2000,
        description="An expression; what it does not hold for is recorded and starts nothing.",
    )
    batch: Literal["one", "each"] = Field(
        "one", description="`each`: a list becomes an event for each of its items."
    )
    respond: Annotated[
        Annotated[Literal["accepted", "result"], Tag("word")]
        | Annotated[FixedAnswer, Tag("answer")],
        Discriminator(lambda given: "word" if isinstance(given, str) else "answer"),
    ] = Field(
        "accepted",
        description="`accepted`: at once, with the event's id. `result`: what the run answers. "
        "Or an answer of your own.",
    )
    wait_s: float = Field(
        25.0, gt=0, le=300, description="How long `result` waits; then it tells the run's URL."
    )
    cors: tuple[Origin, ...] | None = Field(
        None,
        max_length=50,
        description="Origins of the pages that may send from a browser; `weweb` for WeWeb's, "
        "`*` for any. Without it the connector says.",
    )
    limit: Limit | None = Field(None, description="How much it takes; the rest gets 429.")
    limit_per_address: Limit | None = Field(
        None, description="How much it takes of one address; the rest gets 429."
    )
    max_body_bytes: int | None = Field(
        None, ge=1, le=104_857_600, description="What is larger gets 413."
    )
    redact: tuple[Redacted, ...] = Field(
        (),
        max_length=50,
        description="Fields that are masked before an event is recorded, and that nothing behind "
        "it sees: `body:card.number`, `body:items.*.iban`, `header:x-national-id`.",
    )
    keep_s: int | None = Field(
        None,
        ge=60,
        le=3_153_600_000,
        description="How long its events are kept, and all that came of them, instead of what the "
        "settings say.",
    )

    @property
    def window_us(self) -> int:
        """For how long a request is told from its repetition at most, in microseconds."""
        return KEY_WINDOW_S * 1_000_000 if self.dedup is None else self.dedup.window_us()

    def setting_at(self, now_s: float) -> Verify:
        """How requests are verified at a moment, with the secrets that count then."""
        if self.retired is None or now_s >= self.retired.until.timestamp():
            return self.verify
        own = getattr(self.verify, "secrets", ())
        return self.verify.model_copy(update={"secrets": (*own, *self.retired.secrets)})

    @model_validator(mode="after")
    def _one_result(self) -> "Source":
        if self.respond == "result" and self.batch == "each":
            raise ValueError("With 'batch': 'each' there is no one result: respond 'accepted'")
        return self

    @model_validator(mode="after")
    def _outlasts_dedup(self) -> "Source":
        if self.keep_s is not None and self.keep_s * 1_000_000 < self.window_us:
            raise ValueError(
                f"'keep_s' is less than the {self.window_us // 1_000_000} s for which a repeated "
                "request is known: keep events longer, or set 'window_s' of 'dedup' to less"
            )
        return self
