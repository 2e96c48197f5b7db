"""Issuer: who makes signed tokens (JWT) for people, and what those may do on channels."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from hub.model.channel import Right, bind, claim_text, is_reserved
from hub.model.scheme import Secret, Shape

KEY_FIELDS = ("jwks_url", "public_keys", "secrets")
"""Where an issuer's keys stand: in one of these."""
_LONGEST_MEMBER = 200

Pem = Annotated[str, StringConstraints(min_length=1, max_length=16_384)]
ClaimPath = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.:/-]{0,99}$")]
"""A claim's name, or the way to one inside another: ``app_metadata.team``."""


class Issuer(Shape):
    """An issuer as people set it."""

    SECRETS: ClassVar[tuple[tuple[str, ...], ...]] = (("secrets",),)

    issuer: str | None = Field(
        None,
        min_length=1,
        max_length=500,
        description="What `iss` has to be, to the letter; needed with `jwks_url`.",
    )
    audience: str | None = Field(
        None, min_length=1, max_length=500, description="What `aud` has to be or to hold."
    )
    jwks_url: str | None = Field(
        None, min_length=1, max_length=8192, description="Where it publishes its keys (JWKS)."
    )
    public_keys: tuple[Pem, ...] = Field(
        (), max_length=10, description="PEM; of tokens signed by RS, PS, ES and EdDSA."
    )
    secrets: tuple[Secret, ...] = Field(
        (),
        max_length=10,
        validate_default=True,
        description="Of tokens that are signed by HS256, HS384, HS512.",
    )
    may: tuple[Right, ...] = Field(
        min_length=1,
        max_length=50,
        description="What its tokens are good for; `{sub}` in a channel stands for that claim.",
    )
    member: ClaimPath = Field("sub", description="The claim that names whoever has the token.")
    allow_private: bool = Field(
        False, description="`jwks_url` may be on a private address (admin)."
    )

    @field_validator("jwks_url")
    @classmethod
    def _names_issuer(cls, url: str | None, info: ValidationInfo) -> str | None:
        if url is not None and info.data.get("issuer", "") is None:
            raise ValueError("With 'jwks_url' give 'issuer' too: what its tokens' iss says")
        return url

    @field_validator("secrets")
    @classmethod
    def _one_way(cls, secrets: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """Told at ``secrets``: a file may leave them out, since the hub may have them."""
        others = [info.data.get(name, "wrong") for name in KEY_FIELDS if name != "secrets"]
        given = sum(map(bool, (secrets, *others)))
        if not given:
            raise ValueError("'secrets' is missing, or give 'jwks_url' or 'public_keys'")
        if given > 1 and "wrong" not in others:
            raise ValueError("Give one of 'jwks_url', 'public_keys' and 'secrets'")
        return secrets


def rights_of(issuer: Issuer, claims: Mapping[str, Any]) -> tuple[Right, ...]:
    """What a token with these claims is good for.

    A claim never leads to a channel on which the hub itself speaks, unless the pattern's own text
    does: whoever may call themselves ``runs`` gets none by ``{name}.*``.
    """
    found = []
    for right in issuer.may:
        bound = ((each, bind(each, claims)) for each in right.channels)
        channels = tuple(to for each, to in bound if to is not None and not _strays(each, to))
        if channels:
            found.append(Right.model_construct(channels=channels, can=right.can))
    return tuple(found)


def _strays(pattern: str, channel: str) -> bool:
    return is_reserved(channel) and not is_reserved(pattern.partition("{")[0])


def member_of(issuer: Issuer, claims: Mapping[str, Any]) -> str | None:
    """Who has the token, if its claim is a text or a number that can be shown."""
    text = claim_text(claims, issuer.member)
    fits = text is not None and text.isprintable() and 0 < len(text) <= _LONGEST_MEMBER
    return text if fits else None
