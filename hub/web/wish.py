"""Wish: what a client asks a live stream for, in its URL."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from starlette.datastructures import Headers, QueryParams

from hub.errors import InvalidError
from hub.listener import Item
from hub.model.channel import PRESENCE, Pattern, check_pattern, is_reserved

MAX_CHANNELS = 100
MAX_S = 86_400.0
_SWITCH = {"": True, "1": True, "true": True, "0": False, "false": False}
KNOWN = frozenset(
    "channel token last_event_id limit max_seconds named hello presence".split()  # noqa: SIM905
)


async def _stay() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks for."""

    channels: tuple[str, ...]
    after: str | None = None
    limit: int | None = None
    max_s: float | None = None
    named: bool = False
    """Each message names its event in a line of its own."""
    hello: bool = False
    """What the hub says of the stream itself comes as messages too."""
    presence: bool = False
    """Whoever listens is counted among the members, and is told of the others."""
    first: bytes = b""
    """What is sent before all else."""
    is_last: Callable[[Item], bool] = lambda item: False
    """Whether the stream is over with that."""
    may_stay: Callable[[], Awaitable[bool]] = _stay
    """Asked now and then: who listens may have lost the right to."""

    @property
    def heard(self) -> tuple[str, ...]:
        """All channels that are listened to."""
        told = tuple(f"{PRESENCE}{each}" for each in self.channels) if self.presence else ()
        return self.channels + told


def read_wish(headers: Headers, query: QueryParams, channel: str) -> Wish:
    """What a request asks for; ``channel`` is the one in its path, or ``""``.

    Raises:
        InvalidError: ``channel_invalid``, ``parameter_invalid``.
    """
    for name in query:
        if name not in KNOWN:
            raise InvalidError(
                f"There is no parameter {name[:50]!r}; known are {', '.join(sorted(KNOWN))}.",
                code="parameter_invalid",
            )
    channels, presence = _channels(query, channel), _switch(query, "presence")
    if presence and not all(Pattern(each).is_one and not is_reserved(each) for each in channels):
        raise InvalidError(
            "With presence=1 each channel is named, and none is the hub's own: nobody is present "
            "on a pattern.",
            code="parameter_invalid",
        )
    return Wish(
        channels=channels,
        after=headers.get("last-event-id") or query.get("last_event_id") or None,
        limit=_limit(query),
        max_s=_max_s(query),
        named=_switch(query, "named"),
        hello=_switch(query, "hello"),
        presence=presence,
    )


def _channels(query: QueryParams, channel: str) -> tuple[str, ...]:
    named = query.getlist("channel")
    if len(named) > MAX_CHANNELS:
        raise InvalidError(
            f"One stream has at most {MAX_CHANNELS} channels, not {len(named)}: name a pattern, "
            "such as room_*, or open several.",
            code="parameter_invalid",
        )
    given = [channel, *named] if channel else named
    if not given:
        raise InvalidError(
            "Say which channel: /realtime/orders, or /realtime?channel=orders&channel=bills.",
            code="channel_invalid",
        )
    return tuple(dict.fromkeys(map(check_pattern, given)))


def _switch(query: QueryParams, name: str) -> bool:
    text = query.get(name, "0").lower()
    if text in _SWITCH:
        return _SWITCH[text]
    raise InvalidError(f"{name} is 1 or 0.", code="parameter_invalid")


def _limit(query: QueryParams) -> int | None:
    text = query.get("limit")
    if text is None:
        return None
    if text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text) > 0:
        return int(text)
    raise InvalidError("limit is a number of messages, 1 or more.", code="parameter_invalid")


def _max_s(query: QueryParams) -> float | None:
    text = query.get("max_seconds")
    if text is None:
        return None
    with suppress(ValueError):
        if 0 < float(text) <= MAX_S:
            return float(text)
    raise InvalidError(
        f"max_seconds is a number above 0, at most {MAX_S:.0f}.", code="parameter_invalid"
    )
