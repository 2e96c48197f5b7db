"""Channel: a name that messages are published on, how it is set, and who may do what on it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from hub.errors import InvalidError
from hub.model.scheme import Shape

HISTORY_MESSAGES = 1_000
HISTORY_S = 86_400
MAX_HISTORY_MESSAGES = 10_000
MAX_HISTORY_S = 2_592_000

_CHANNEL = re.compile(r"[A-Za-z0-9_.:/-]{1,200}")
_PATTERN = re.compile(r"(?:[A-Za-z0-9_.:/*-]|\{[A-Za-z_][A-Za-z0-9_.:/-]{0,99}\}){1,200}")
_CLAIM = re.compile(r"\{([^{}]*)\}")
_ANY = "*"
DELIVERIES = "deliveries"
"""The channel that tells what becomes of deliveries."""
BREAKERS = "breakers"
"""The channel of what has happened to breakers and destinations."""
ALERTS = "alerts"
"""The channel of alerts that fire, and that are over."""
RUNS = "runs."
"""What comes before a run's id in the name of the channel that tells of it."""
PRESENCE = "presence."
"""What comes before a channel's name in that of the channel which tells who is there."""
TABLES = "tables."
"""What comes before a table's name in that of the channel which tells of its records."""
_RESERVED = (DELIVERIES, BREAKERS, ALERTS)
_RESERVED_PREFIXES = (RUNS, TABLES, PRESENCE)
EVERYTHING = ("*", *(f"{each}*" for each in _RESERVED_PREFIXES), *_RESERVED)
"""Patterns that mean every channel, the hub's own too."""


class Can(StrEnum):
    """What somebody may do on a channel."""

    SUBSCRIBE = "subscribe"
    PUBLISH = "publish"
    PRESENCE = "presence"
    """Be counted among its members, and see who they are."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A channel's name in which ``*`` stands for any text, also for none.

    What the hub itself speaks on is meant only where that is written out: ``runs.*``, never ``*``.
    """

    text: str

    def covers(self, other: str) -> bool:
        """Whether every channel that ``other``, a name or a pattern, means is meant by this."""
        if is_reserved(other) and not (other == self.text or _is_under_reserved(self.text)):
            return False
        head, *middle = self.text.split(_ANY)
        if not middle:
            return other == head
        *middle, tail = middle
        if not other.startswith(head) or len(other) < len(head) + len(tail):
            return False
        at, end = len(head), len(other) - len(tail)
        for part in middle:
            found = other.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return other.endswith(tail)

    @property
    def is_one(self) -> bool:
        """Whether it is the name of one channel."""
        return _ANY not in self.text


def _checked_pattern(text: str) -> str:
    if not _PATTERN.fullmatch(text):
        raise ValueError(
            "is no channel or pattern: 1 to 200 of letters, digits and _ . : / - with * for any "
            "text and {claim} for a claim of the token"
        )
    return text


ChannelPattern = Annotated[str, AfterValidator(_checked_pattern)]
"""A pattern in which ``{claim}`` may stand for a claim of a token."""


class Right(Shape):
    """What somebody may do, and on which channels."""

    channels: tuple[ChannelPattern, ...] = Field(
        min_length=1,
        max_length=100,
        description="Channels; `*` stands for any text, `{sub}` for that claim of the token.",
    )
    can: tuple[Can, ...] = Field(
        (Can.SUBSCRIBE,), min_length=1, description="`subscribe`, `publish`, `presence`."
    )


def allows(rights: Iterable[Right], can: Can, channel: str) -> bool:
    """Whether any of these rights is for that, on that channel or all that a pattern means."""
    return any(
        can in right.can and any(Pattern(each).covers(channel) for each in right.channels)
        for right in rights
    )


def bind(pattern: str, claims: Mapping[str, Any]) -> str | None:
    """A pattern with the claims' values in place of their names, such as ``{app.team}``.

    None where one is missing or is no text or number that a channel's name can hold: a claim can
    never bring a ``*`` along.
    """
    missing = False

    def value_of(match: re.Match[str]) -> str:
        nonlocal missing
        text = _plain(claims, match[1])
        missing = missing or text is None
        return text or ""

    bound = _CLAIM.sub(value_of, pattern)
    return None if missing or len(bound) > 200 else bound


def _plain(claims: Mapping[str, Any], path: str) -> str | None:
    text = claim_text(claims, path)
    return text if text is not None and _CHANNEL.fullmatch(text) else None


def claim_text(claims: Mapping[str, Any], path: str) -> str | None:
    """A claim, by its name or the way to it inside another, if it is a text or a whole number."""
    value: Any = claims.get(path)
    if value is None:
        value = claims
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value)


class ChannelSetting(Shape):
    """How a channel is set, or all those that a pattern means."""

    public: bool = Field(False, description="Anybody may subscribe, without a token.")
    history: int = Field(
        HISTORY_MESSAGES,
        ge=0,
        le=MAX_HISTORY_MESSAGES,
        description="So many messages are kept for whoever comes later or comes back.",
    )
    history_s: int = Field(
        HISTORY_S, ge=1, le=MAX_HISTORY_S, description="For so long they are kept."
    )
    data: dict[str, Any] | None = Field(
        None, description="JSON Schema of its messages' data; others are refused."
    )


def check_channel(name: object) -> str:
    """The name, if a channel can have it.

    Raises:
        InvalidError: ``channel_invalid``.
    """
    if isinstance(name, str) and _CHANNEL.fullmatch(name):
        return name
    raise InvalidError(
        f"{str(name)[:200]!r} is no channel name: 1 to 200 of letters, digits and the characters "
        "_ . : / -",
        code="channel_invalid",
    )


def check_pattern(text: object) -> str:
    """The name of a channel, or a pattern of such names.

    Raises:
        InvalidError: ``channel_invalid``.
    """
    if isinstance(text, str) and _CHANNEL.fullmatch(text.replace(_ANY, "-")):
        return text
    return check_channel(text)


def is_reserved(text: str) -> bool:
    """Whether the hub itself speaks on a channel, or on what a pattern means."""
    return text in _RESERVED or _is_under_reserved(text)


def check_not_reserved(channel: str) -> None:
    """Refuse a channel on which the hub itself speaks.

    Raises:
        InvalidError: ``channel_reserved``.
    """
    if is_reserved(channel):
        raise InvalidError(
            f"The hub itself speaks on {channel!r}: choose another channel.",
            code="channel_reserved",
        )


def _is_under_reserved(text: str) -> bool:
    return text.partition(_ANY)[0].startswith(_RESERVED_PREFIXES)
