"""Channels as they are set, compiled: what counts for each, and whether a message fits there."""

from collections.abc import Mapping

from hub.errors import InvalidError
from hub.model.channel import ChannelSetting, Pattern
from hub.model.json import Json
from hub.stack.input import InputSchema

_MOST_KNOWN = 10_000
_UNSET = ChannelSetting()


class ChannelRules:
    """Settings by the names and patterns that they stand under.

    What stands under a channel's own name counts, else what stands under the most telling of the
    patterns that mean it: the one with the most letters.
    """

    def __init__(self, settings: Mapping[str, ChannelSetting] | None = None) -> None:
        self._by_name = dict(settings or {})
        patterns = (Pattern(name) for name in self._by_name)
        self._patterns = sorted(
            (each for each in patterns if not each.is_one), key=_telling, reverse=True
        )
        self._schemas = {
            name: InputSchema.of(each.data)
            for name, each in self._by_name.items()
            if each.data is not None
        }
        self._known: dict[str, str] = {}

    def of(self, channel: str) -> ChannelSetting:
        """What is set for a channel, or what counts where nothing is."""
        return self._by_name.get(self._name(channel), _UNSET)

    def is_public(self, channel: str) -> bool:
        """Whether anybody may subscribe."""
        return self.of(channel).public

    def check(self, channel: str, data: Json) -> None:
        """Refuse data that do not fit the channel's schema.

        Raises:
            InvalidError: ``message_invalid``, with all ``problems``.
        """
        schema = self._schemas.get(self._name(channel))
        problems = schema.problems(data) if schema is not None else []
        if problems:
            place = f"at {problems[0].pointer}: " if problems[0].pointer else ""
            raise InvalidError(
                f"The data are not what the channel {channel!r} takes: {place}"
                f"{problems[0].message}",
                code="message_invalid",
                problems=[each.as_json() for each in problems],
            )

    def _name(self, channel: str) -> str:
        """The name or the pattern that the channel's setting stands under; ``""``: none."""
        if channel in self._by_name or not self._patterns:
            return channel
        known = self._known.get(channel)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = next((e.text for e in self._patterns if e.covers(channel)), "")
            self._known[channel] = known
        return known


def check_setting(setting: ChannelSetting) -> None:
    """Refuse a setting whose schema cannot be used.

    Raises:
        ValueError: it is no schema, refers to another document, or needs more than linear time.
    """
    if setting.data is not None:
        InputSchema.of(setting.data)


def _telling(pattern: Pattern) -> tuple[int, str]:
    return len(pattern.text.replace("*", "")), pattern.text
