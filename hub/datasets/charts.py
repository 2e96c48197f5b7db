"""Charts as SVG inside HTML. Each has a title that says what it shows."""

from collections.abc import Sequence
from typing import Final

from hub.datasets.markup import number, plain_text

_WIDTH: Final = 320
_HEIGHT: Final = 72


def columns(counts: Sequence[int], names: Sequence[str], title: str) -> str:
    """Upright bars side by side; ``names``: what each counts, shown when it is pointed at."""
    most = max(counts, default=0) or 1
    step = _WIDTH / max(1, len(counts))
    gap = min(2.0, step / 4)
    bars = [
        f'<rect class="bar" x="{at * step:.2f}" y="{_HEIGHT - height:.2f}" '
        f'width="{step - gap:.2f}" height="{height:.2f}" rx="1">'
        f"<title>{plain_text(name)}: {number(count)}</title></rect>"
        for at, (count, name) in enumerate(zip(counts, names, strict=True))
        if (height := max(count / most * _HEIGHT, 1.5 if count else 0))
    ]
    line = f'<line class="axis" x1="0" y1="{_HEIGHT}.5" x2="{_WIDTH}" y2="{_HEIGHT}.5"/>'
    return _svg(_WIDTH, _HEIGHT + 1, title, "".join(bars) + line)


def bar(share: float, title: str, height: int = 6) -> str:
    """One lying bar, filled to a share of 0 to 1."""
    width = min(max(share, 0), 1) * _WIDTH
    filled = f'<rect class="bar" width="{width:.2f}" height="{height}" rx="2"/>'
    track = f'<rect class="track" width="{_WIDTH}" height="{height}" rx="2"/>'
    return _svg(_WIDTH, height, title, track + filled, stretch=True)


def _svg(width: int, height: int, title: str, inside: str, *, stretch: bool = False) -> str:
    fit = f' preserveAspectRatio="none" height="{height}"' if stretch else ""
    label = plain_text(title)
    return (
        f'<svg viewBox="0 0 {width} {height}"{fit} role="img" aria-label="{label}">'
        f"<title>{label}</title>{inside}</svg>"
    )
