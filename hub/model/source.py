"""Source: an address that takes requests of one sender."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SLUG = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
Slug = Annotated[str, StringConstraints(pattern=f"^{SLUG}$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
Token = Annotated[str, StringConstraints(min_length=8, max_length=1000)]

HOUR_S = 3600
KEY_WINDOW_S = 48 * HOUR_S
"""Make's re-runs last 40 hours."""
HASH_WINDOW_S = 600
"""Equal clicks an hour apart are no duplicates."""


class Shape(BaseModel):
    """What people write: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class VerifyNone(Shape):
    """Anybody may send. It must be said."""

    mode: Literal["none"]


class VerifyHeader(Shape):
    """A token in a header field of the sender's choice."""

    mode: Literal["header"]
    header: HeaderName
    secrets: tuple[Token, ...] = Field(min_length=1, max_length=10)


class VerifyStandard(Shape):
    """Standard Webhooks: signed id, timestamp and body."""

    mode: Literal["standard"]
    secrets: tuple[str, ...] = Field(min_length=1, max_length=10)


Verify = Annotated[VerifyNone | VerifyHeader | VerifyStandard, Field(discriminator="mode")]


class Dedup(Shape):
    """What makes two requests the same, and how long that is remembered."""

    by: Annotated[
        str,
        StringConstraints(pattern=r"^(none|hash|header:[A-Za-z0-9_-]{1,100}|body:[^\s]{1,200})$"),
    ]
    window_s: int | None = Field(None, ge=1, le=30 * 24 * HOUR_S)

    def window_us(self) -> int:
        """The window in microseconds; 48 h for keys and 10 min for hashes unless set."""
        default = HASH_WINDOW_S if self.by == "hash" else KEY_WINDOW_S
        return (self.window_s or default) * 1_000_000


class Source(Shape):
    """A source as people set it."""

    SECRETS: ClassVar[tuple[tuple[str, ...], ...]] = (("verify", "secrets"),)

    connector: str = "standard"
    verify: Verify
    dedup: Dedup | None = None
    task: str | None = Field(None, description="The task that runs for each event.")
    max_body_bytes: int | None = Field(None, ge=1, le=104_857_600)
