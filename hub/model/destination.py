"""Destination: where deliveries go."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, field_validator

from hub.model.scheme import HeaderName, Shape

DEFAULT_SCHEDULE_S = (5.0, 30.0, 120.0, 600.0, 3600.0, 10800.0, 28800.0, 86400.0, 86400.0)
_RESERVED = ("host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade")
_OURS = ("idempotency-key", "webhook-id", "webhook-timestamp", "webhook-signature")
HeaderValue = Annotated[str, StringConstraints(max_length=4096, pattern=r"^[\x20-\x7e]*$")]


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


Auth = Annotated[AuthHeader | AuthBasic | AuthApiKey, Field(discriminator="mode")]


class Sign(Shape):
    """Signs each attempt after Standard Webhooks; one signature for each secret."""

    scheme: Literal["standard"] = "standard"
    secrets: tuple[str, ...] = Field(min_length=1, max_length=10)


class Destination(Shape):
    """A destination as people set it."""

    SECRETS: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("auth", "value"),
        ("auth", "password"),
        ("auth", "key"),
        ("sign", "secrets"),
    )

    connector: str = "standard"
    url: str = Field(max_length=8192)
    auth: Auth | None = None
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    sign: Sign | None = None
    timeout_s: float = Field(30.0, gt=0, le=300)
    retry_schedule_s: tuple[Annotated[float, Field(ge=0, le=30 * 86400)], ...] = Field(
        DEFAULT_SCHEDULE_S, max_length=50
    )
    allow_private: bool = Field(False, description="Private addresses are allowed (admin).")

    @field_validator("headers")
    @classmethod
    def _none_of_ours(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name.lower() in _RESERVED + _OURS:
                raise ValueError(f"{name!r} is set by the hub")
        return value
