"""Templates, and how values look in them. Whatever comes from outside is text and nothing else."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hub.dashboard.assets import url_of
from hub.dashboard.navigation import NAVIGATION
from hub.errors import HubError
from hub.model.json import dumps_text, loads
from hub.model.time import from_iso
from hub.printing import counted, style_of

SHOWN_BYTES: Final = 64 * 1024
"""So much of a text is shown at once; the rest is asked for piece by piece."""
_TONES: Final = {"green": "good", "yellow": "wait", "red": "bad", "": "quiet"}
_UNITS: Final = ("bytes", "KB", "MB", "GB", "TB")
_KB: Final = 1024
_TURNING: Final = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)
_BIDI: Final = {each: f"\\u{each:04x}" for each in _TURNING}
"""Signs that turn text around: they are shown and do nothing."""


@cache
def environment() -> Environment:
    """The templates of this folder, compiled once. Everything is escaped, what is missing fails."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(static=url_of, NAVIGATION=NAVIGATION)
    made.filters.update(
        tone=tone,
        when=when,
        number=number,
        counted=counted,
        size=size,
        took=took,
        lasted=lasted,
        pretty=pretty,
        plain=plain,
        segment=segment,
        query=query,
        short=short,
        json=dumps_text,
    )
    return made


def tone(word: Any) -> str:
    """How a word of a state is meant: good, wait, bad or quiet."""
    return _TONES[style_of(str(word))]


def when(iso: str | None) -> Markup:
    """A time, which the page's script tells as how long ago it was."""
    if not iso:
        return Markup('<span class="quiet">never</span>')
    said = iso.replace("T", " ").split(".")[0].removesuffix("Z")
    return Markup('<time datetime="{0}" title="{0}">{1} UTC</time>').format(iso, said)


def number(value: float) -> str:
    """A number as people read it."""
    return f"{value:,.10g}" if isinstance(value, float) else f"{value:,}"


def size(value: int) -> str:
    """A size as people read it."""
    amount = float(value)
    for unit in _UNITS:
        if amount < _KB or unit == _UNITS[-1]:
            break
        amount /= _KB
    return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"


def took(ms: float | None) -> str:
    """A duration as people read it."""
    if ms is None:
        return "-"
    if ms < 1000:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def lasted(thing: Mapping[str, Any]) -> float | None:
    """Milliseconds from the start of a thing to its end, if it has both."""
    started, finished = thing["started_at"], thing["finished_at"]
    return (from_iso(finished) - from_iso(started)) / 1000 if started and finished else None


def pretty(value: Any) -> str:
    """JSON as people read it, however deep; a text that holds JSON as that JSON."""
    if isinstance(value, str):
        try:
            value = loads(value)
        except HubError:
            return plain(value)
    return plain(json.dumps(value, indent=2, ensure_ascii=False))


def plain(text: str) -> str:
    """Foreign text, whose signs that would turn its neighbours around are spelled out."""
    return text.translate(_BIDI)


def short(text: Any, most: int = 60) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(plain(str(text)).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def segment(text: str) -> str:
    """A name as a part of a path."""
    return quote(text, safe="")


def query(given: dict[str, Any], **changes: Any) -> str:
    """A query with what is set, after changes; empty values are left out."""
    kept = {name: value for name, value in {**given, **changes}.items() if value not in (None, "")}
    return f"?{urlencode(kept)}" if kept else ""
