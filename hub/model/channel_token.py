"""Channel token: lets a browser listen or speak on some channels, for a while."""

from typing import Any

from pydantic import Field, field_validator

from hub.model.channel import Can, ChannelPattern, Right, is_reserved
from hub.model.json import dumps
from hub.model.scheme import Shape

MAX_TTL_S = 86_400
TTL_S = 300
_INFO_BYTES = 1_024


class NewToken(Shape):
    """What a token is to be for."""

    channels: tuple[ChannelPattern, ...] = Field(
        min_length=1, max_length=100, description="Channels; `*` stands for any text."
    )
    can: tuple[Can, ...] = Field(
        (Can.SUBSCRIBE,), min_length=1, description="`subscribe`, `publish`, `presence`."
    )
    ttl_s: int = Field(TTL_S, ge=1, le=MAX_TTL_S, description="Seconds until it ends.")
    sub: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Who has it: `from` in what they publish, and their name among members.",
    )
    info: Any = Field(None, description="What other members see of them, at most 1 KiB of JSON.")

    @field_validator("channels")
    @classmethod
    def _without_claims(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if "{" in each:
                raise ValueError(f"{each!r} has a claim in it: write its value")
        return value

    @field_validator("sub")
    @classmethod
    def _printable(cls, value: str | None) -> str | None:
        if value is not None and not value.isprintable():
            raise ValueError("holds a character that cannot be shown")
        return value

    @field_validator("info")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if value is not None and len(dumps(value)) > _INFO_BYTES:
            raise ValueError(f"is longer than {_INFO_BYTES} bytes of JSON")
        return value

    @property
    def is_reserved(self) -> bool:
        """Whether it lets somebody see what the hub itself tells."""
        return any(map(is_reserved, self.channels))

    @property
    def right(self) -> Right:
        """What it lets somebody do."""
        return Right(channels=self.channels, can=self.can)
