"""Destination: where deliveries go."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    Discriminator,
    Field,
    JsonValue,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from hub.model.scheme import HeaderName, Retired, Scheme, Secret, Shape

DEFAULT_SCHEDULE_S = (5.0, 30.0, 120.0, 600.0, 3600.0, 10800.0, 28800.0, 86400.0, 86400.0)
_RESERVED = ("host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade")
_OURS = ("idempotency-key", "webhook-id", "webhook-timestamp", "webhook-signature")
HeaderValue = Annotated[str, StringConstraints(max_length=4096, pattern=r"^[\x20-\x7e]*$")]
Token = Annotated[str, StringConstraints(min_length=1, max_length=8192, pattern=r"^[\x21-\x7e]+$")]


class AuthHeader(Shape):
    """A header field with a token, as n8n's Header Auth wants it."""

    mode: Literal["header"]
    name: HeaderName
    value: HeaderValue


class AuthBasic(Shape):
    """User and password."""

    mode: Literal["basic"]
    user: str
    password: str


class AuthApiKey(Shape):
    """Make's key, sent as ``x-make-apikey``."""

    mode: Literal["apikey"]
    key: HeaderValue


class AuthBearer(Shape):
    """A token that does not change, as ``Authorization: Bearer``."""

    mode: Literal["bearer"]
    token: Token


class AuthJwt(Shape):
    """A signed token (JWT) as bearer, made anew for each attempt, as n8n's JWT Auth wants it."""

    mode: Literal["jwt"]
    algorithm: Literal["HS256", "HS384", "HS512", "RS256", "ES256"] = Field(
        "HS256", description="HS with a passphrase, RS256 and ES256 with a private key."
    )
    key: str = Field(
        min_length=1,
        max_length=16_384,
        description="The passphrase that n8n has too, or a private key in PEM.",
    )
    claims: dict[str, JsonValue] = Field(
        default_factory=dict, max_length=50, description="What it says beside `iat` and `exp`."
    )
    ttl_s: int = Field(300, ge=1, le=86_400, description="How long it counts.")

    @field_validator("claims")
    @classmethod
    def _none_of_ours(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        for name in ("iat", "exp"):
            if name in value:
                raise ValueError(f"{name!r} is set by the hub, for each attempt")
        return value


class AuthOAuth2(Shape):
    """A token of an authorization server as bearer, by client credentials (RFC 6749, 4.4)."""

    mode: Literal["oauth2"]
    token_url: str = Field(max_length=8192, description="Where tokens are asked for.")
    client_id: str = Field(min_length=1, max_length=1000)
    client_secret: str = Field(min_length=1, max_length=4096)
    scope: str | None = Field(None, max_length=2000, description="What is asked for, with blanks.")
    audience: str | None = Field(None, max_length=2000, description="Some servers want it.")
    style: Literal["basic", "body"] = Field(
        "basic", description="Where id and secret stand: in `Authorization`, or in the form."
    )


Auth = Annotated[
    AuthHeader | AuthBasic | AuthApiKey | AuthBearer | AuthJwt | AuthOAuth2,
    Field(discriminator="mode"),
]


class Sign(Shape):
    """Signs each attempt after Standard Webhooks; one signature for each secret."""

    scheme: Literal["standard"] = "standard"
    secrets: tuple[str, ...] = Field(
        min_length=1,
        max_length=10,
        description="`whsec_…`, which both sides know, and private keys, `whsk_…`.",
    )
    secret_kind: Literal["whsec", "whsk"] = Field(
        "whsec", description="What the hub makes where no secret is given."
    )


class SignHmac(Scheme):
    """Signs each attempt by an HMAC in a header field of the receiver's choice."""

    scheme: Literal["hmac"]
    secrets: tuple[Secret, ...] = Field(min_length=1, max_length=10)

    @model_validator(mode="after")
    def _has_room(self) -> "SignHmac":
        for name in (self.header, self.timestamp_header, self.id_header):
            if name is not None and name.lower() in (*_RESERVED, "idempotency-key"):
                raise ValueError(f"{name!r} is set by the hub")
        if len(self.secrets) > 1 and self.field is None:
            raise ValueError(
                f"{self.header} has room for one signature: give one secret, or name the "
                "signatures by 'field'"
            )
        return self


def _scheme_of(given: Any) -> Any:
    """Standard Webhooks unless told."""
    if isinstance(given, dict):
        return given.get("scheme", "standard")
    return getattr(given, "scheme", None)


Signing = Annotated[
    Annotated[Sign, Tag("standard")] | Annotated[SignHmac, Tag("hmac")],
    Discriminator(
        _scheme_of,
        custom_error_type="scheme_unknown",
        custom_error_message="'scheme' is 'standard' or 'hmac'",
    ),
]


Pem = Annotated[str, StringConstraints(min_length=1, max_length=65_536)]


class Tls(Shape):
    """How TLS is agreed on with a destination. Certificates are always checked."""

    ca: Pem | None = Field(
        None, description="Certificates (PEM) that vouch for its own, beside the public ones."
    )
    client_cert: Pem | None = Field(
        None, description="The certificate (PEM) that the hub shows, with those in between."
    )
    client_key: Pem | None = Field(None, description="Its private key (PEM), without a password.")

    @model_validator(mode="after")
    def _both_halves(self) -> "Tls":
        if (self.client_cert is None) != (self.client_key is None):
            raise ValueError("'client_cert' and 'client_key' belong together")
        if self.ca is None and self.client_cert is None:
            raise ValueError("Give 'ca', or 'client_cert' and 'client_key', or all of them")
        return self


class Pacing(Shape):
    """How fast a destination takes requests, over all workers together."""

    requests: int | None = Field(
        None, ge=1, le=100_000, description="So many in `per_s`, spread evenly."
    )
    per_s: float = Field(1.0, gt=0, le=86_400, description="The time that `requests` are for.")
    concurrency: int | None = Field(
        None, ge=1, le=1000, description="So many under way at once; 1: one after the other."
    )

    @model_validator(mode="after")
    def _says_something(self) -> "Pacing":
        if self.requests is None and self.concurrency is None:
            raise ValueError("Give 'requests' (with 'per_s'), or 'concurrency', or both")
        return self


class Breaker(Shape):
    """When a destination is left alone because it fails, and when it is tried again."""

    failure_rate: float = Field(
        0.5, gt=0, le=1, description="It opens when so much of what was sent failed."
    )
    min_calls: int = Field(10, ge=1, le=10_000, description="But not before so many were sent.")
    window_s: float = Field(60.0, ge=1, le=3600, description="Of the last so many seconds.")
    open_s: float = Field(
        30.0, ge=0.1, le=3600, description="Until one is tried; doubled while that fails."
    )
    longest_open_s: float = Field(600.0, ge=0.1, le=86_400, description="No longer than this.")


class Ordering(Shape):
    """What has the same key goes out one after the other, in the order in which it came."""

    key: str = Field(min_length=1, max_length=2000, description="An expression; null: in no order.")


class DestinationState(StrEnum):
    """Whether deliveries go out. What comes meanwhile is kept."""

    ACTIVE = "active"
    PAUSED = "paused"
    """By hand, for a while."""
    DISABLED = "disabled"
    """By hand, or by the hub: it is gone, or has failed for long."""


class Destination(Shape):
    """A destination as people set it."""

    SECRETS: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("auth", "value"),
        ("auth", "password"),
        ("auth", "key"),
        ("auth", "token"),
        ("auth", "client_secret"),
        ("sign", "secrets"),
        ("retired", "secrets"),
        ("tls", "client_key"),
    )

    connector: str = Field("standard", description="Whose dialect its receiver speaks.")
    url: str = Field(max_length=8192, description="Where it is sent.")
    auth: Auth | None = Field(None, description="How the hub shows who it is.")
    headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict, description="More header fields for each request."
    )
    sign: Signing | None = Field(
        None, description="Whether and how requests are signed; without a secret one is made."
    )
    retired: Retired | None = Field(
        None, description="Secrets of before a rotation, and how long they sign as well."
    )
    tls: Tls | None = Field(None, description="Certificates of your own.")
    timeout_s: float = Field(30.0, gt=0, le=300, description="How long an answer may take.")
    retry_schedule_s: tuple[Annotated[float, Field(ge=0, le=30 * 86400)], ...] = Field(
        DEFAULT_SCHEDULE_S, max_length=50, description="The pauses between the attempts."
    )
    pacing: Pacing | None = Field(None, description="Without it: as the connector's tool wants.")
    breaker: Breaker = Field(default_factory=lambda: Breaker())
    ordering: Ordering | None = Field(None, description="Whether some wait for one another.")
    transform: dict[str, JsonValue] | list[JsonValue] | str | None = Field(
        None, description="Expressions; what is sent instead of the event's or the step's body."
    )
    state: DestinationState = DestinationState.ACTIVE
    state_reason: str | None = Field(
        None, max_length=1000, description="Why it is paused or disabled; the hub's own, or yours."
    )
    allow_private: bool = Field(False, description="Private addresses are allowed (admin).")

    @property
    def takes(self) -> bool:
        """Whether deliveries go out to it now."""
        return self.state is DestinationState.ACTIVE

    def signing_at(self, now_s: float) -> Sign | SignHmac | None:
        """How attempts are signed at a moment, with the secrets that sign then.

        Where a header has room for one signature the oldest secret makes it until the overlap is
        over: the receiver has that long to get to know the new one.
        """
        if self.sign is None or self.retired is None or now_s >= self.retired.until.timestamp():
            return self.sign
        if isinstance(self.sign, SignHmac) and self.sign.field is None:
            return self.sign.model_copy(update={"secrets": self.retired.secrets[-1:]})
        return self.sign.model_copy(update={"secrets": (*self.sign.secrets, *self.retired.secrets)})

    @field_validator("headers")
    @classmethod
    def _none_of_ours(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name.lower() in _RESERVED + _OURS:
                raise ValueError(f"{name!r} is set by the hub")
        return value
