"""Keys, tokens, and what is said on channels, as they are read."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from hub.web.shown.base import KeyId, Moment, Shown, UserId


class KeyShown(Shown):
    """A key; its text is not kept."""

    id: KeyId
    name: str
    prefix: str = Field(description="What its text begins with.")
    scopes: list[str]
    created_at: Moment
    expires_at: Moment | None
    last_used_at: Moment | None = Field(description="A minute late at most.")


class KeyMade(KeyShown):
    """A key with its text."""

    key: str = Field(description="Shown this once.")


class UserShown(Shown):
    """Somebody who signs in to the dashboard."""

    id: UserId
    name: str
    role: Literal["viewer", "operator", "admin"]
    issuer: str | None = Field(
        description="The identity provider that signs them in, and says at each sign-in what "
        "they are called and which role they have. Null: they have a password."
    )
    created_at: Moment
    updated_at: Moment


class AccountShown(Shown):
    """Whoever asks."""

    kind: Literal["key", "user"]
    id: str
    name: str
    scopes: list[str]
    issuer: str | None = Field(description="Who signs this user in, if not the hub.")


class AuditShown(Shown):
    """A change, and who made it."""

    id: str
    at: Moment
    by: dict[str, Any] = Field(description="`kind`, `id` and `name`.")
    operation: str
    kind: str | None
    name: str | None
    changes: list[Any] = Field(description="What it was and what it is; secrets masked.")
    request_id: str | None
    ip: str | None


class TokenMade(Shown):
    """A token for channels."""

    token: str
    expires_at: Moment


class Published(Shown):
    """The message's id."""

    id: str


class MessageShown(Shown):
    """A message."""

    model_config = ConfigDict(populate_by_name=True)

    id: str
    event: str
    channel: str
    data: Any
    ts: Moment
    position: str
    sender: str = Field("", alias="from", description="Who said it, by their token.")


class Messages(Shown):
    """What a channel remembers, the oldest first."""

    items: list[MessageShown]
    next: str | None
    position: str = Field(description="Where to go on from: `after`, or a stream's last event id.")
    gap: bool = Field(description="Messages may be missing before the first.")


class HistoryShown(Shown):
    """A channel that something was said on in the last 30 days."""

    channel: str
    last_at: Moment = Field(description="When something was said there last.")
    public: bool = Field(description="Anybody may subscribe, without a token.")


class MemberShown(Shown):
    """Somebody on a channel."""

    member: str
    since: Moment
    connections: int
    info: Any


class Members(Shown):
    """Who is on a channel now."""

    items: list[MemberShown] = Field(description="At most 1,000.")
    next: None
    count: int


class SigningKey(Shown):
    """How many secrets sign notices."""

    scheme: Literal["standard"]
    secrets: int


class SigningKeyRotated(SigningKey):
    """The hub's new secret."""

    secret: str = Field(description="Shown this once.")
