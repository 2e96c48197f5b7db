"""Scheme: how a sender signs its requests with an HMAC, and where the parts of that stand."""

import re
from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
"""One that the other side may have chosen: the hub has no say in its length."""
PIECES = ("body", "timestamp", "id", "method", "url", "path")
_PIECE = re.compile(r"\{([a-z_]*)\}")


class Shape(BaseModel):
    """What people write: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Retired(Shape):
    """Secrets of before a rotation: they count as well for a while."""

    secrets: tuple[Secret, ...] = Field(min_length=1, max_length=10)
    until: AwareDatetime


class Scheme(Shape):
    """An HMAC over a text that is put together from pieces of the request."""

    header: HeaderName = Field(description="The header field with the signature.")
    algorithm: Literal["sha1", "sha256", "sha512"] = Field("sha256", description="Of the HMAC.")
    encoding: Literal["hex", "base64"] = Field("hex", description="How its digest is written.")
    prefix: str = Field("", max_length=100, description="Before the digest, as in `sha256=`.")
    field: str | None = Field(
        None,
        min_length=1,
        max_length=50,
        description="Where the header holds `t=…,v1=…`: the name of the signature, `v1`.",
    )
    separator: Literal[",", ";", " "] = Field(",", description="Between such fields.")
    signed: str = Field(
        "{body}",
        max_length=500,
        description="What is signed: {body}, {timestamp}, {id}, {method}, {url}, {path} and text.",
    )
    timestamp_header: HeaderName | None = Field(
        None, description="The header field with the time of signing."
    )
    timestamp_field: str | None = Field(
        None, min_length=1, max_length=50, description="Its name in the signature's header: `t`."
    )
    timestamp_unit: Literal["s", "ms"] = Field("s", description="Seconds or milliseconds.")
    id_header: HeaderName | None = Field(None, description="The header field with the id.")
    tolerance_s: int = Field(300, ge=1, le=86_400, description="How old a signature may be.")
    key_encoding: Literal["text", "base64", "hex"] = Field(
        "text", description="What the secret's characters stand for."
    )

    @field_validator("signed")
    @classmethod
    def _known_pieces(cls, text: str) -> str:
        unknown = sorted(set(_PIECE.findall(text)) - set(PIECES))
        if unknown:
            raise ValueError(
                f"There is no piece {{{unknown[0]}}}: there are "
                + ", ".join(f"{{{piece}}}" for piece in PIECES)
            )
        if "{body}" not in text:
            raise ValueError("A signature that leaves the {body} out says nothing of it")
        return text

    @model_validator(mode="after")
    def _places(self) -> "Scheme":
        named = self.timestamp_header is not None or self.timestamp_field is not None
        if named != ("{timestamp}" in self.signed):
            raise ValueError(
                "A timestamp counts only if it is signed: name its place by timestamp_header or "
                "timestamp_field, and put {timestamp} into 'signed'"
            )
        if self.timestamp_field is not None and self.field is None:
            raise ValueError("timestamp_field stands beside the signature: name that by 'field'")
        if ("{id}" in self.signed) != (self.id_header is not None):
            raise ValueError("{id} in 'signed' and id_header belong together")
        return self

    def text(self, pieces: dict[str, bytes]) -> bytes:
        """What is signed, as bytes."""
        parts = _PIECE.split(self.signed)  # text and names in turn
        return b"".join(
            part.encode() if n % 2 == 0 else pieces[part] for n, part in enumerate(parts)
        )
