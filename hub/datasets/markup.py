"""Markup: HTML in which text from a data set can only be text."""

import re
from html import escape
from typing import Final

from hub.model.json import Json

TEXT: Final = 200
"""So many characters of a text are shown."""
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)


def text(value: Json, most: int = TEXT) -> str:
    """A value as a piece of HTML, apart from the direction of what is around it.

    Control characters and those that turn the direction of writing are named, not written.
    """
    written = value if isinstance(value, str) else str(value)
    cut = written if len(written) <= most else f"{written[:most]}…"
    return f"<bdi>{plain_text(cut)}</bdi>"


def plain_text(value: str) -> str:
    """The same without an element around it, for titles."""
    return escape(_UNSEEN.sub(_named, value))


def _named(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def number(value: Json) -> str:
    """A number for people: 1,234,567.89, 1.2e+30."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else text(value)
    if isinstance(value, int):
        return (
            f"{value:,}" if abs(value) < 10**18 else f"{value:.6g}" if abs(value) < 10**300 else "…"
        )
    size = abs(value)
    if size and not 1e-4 <= size < 1e15:
        return f"{value:.6g}"
    return f"{value:,.4f}".rstrip("0").rstrip(".") if size >= 1 else f"{value:.6g}"


def _large(value: int) -> str:
    return f"{value:.6g}" if abs(value) < 10**300 else "beyond 1e+300"


def share(part: float, whole: float) -> str:
    """A share in percent that says neither 0 % nor 100 % unless it is so."""
    if not whole:
        return "0 %"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "&lt; 0.1 %"
    if 99.9 < percent < 100:
        return "&gt; 99.9 %"
    return f"{percent:.1f}".removesuffix(".0") + " %"
