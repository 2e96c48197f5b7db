"""Printing: tables and JSON of the commands, for a person at a terminal or for a program.

On a terminal tables are drawn by ``rich``, in colours unless ``NO_COLOR`` is set. What is piped
is plain text in aligned columns, the same whatever the terminal.
Programs that print nothing do not wait for ``rich``: it is imported where it draws.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hub.model.json import Json, dumps_text

if TYPE_CHECKING:
    from rich.console import Console

_WIDEST = 40
_STYLES = {
    **dict.fromkeys(("ok", "delivered", "succeeded", "active", "closed", "recorded"), "green"),
    **dict.fromkeys(("warning", "retrying", "retry", "held", "waiting", "unmatched"), "yellow"),
    **dict.fromkeys(("half_open", "duplicate", "cancelled", "paused", "back_pressure"), "yellow"),
    **dict.fromkeys(("problem", "dead", "failed", "refused", "gone", "rejected"), "red"),
    **dict.fromkeys(("disabled", "open", "critical"), "red"),
}
"""How words of a state are coloured, wherever they stand alone in a cell."""


def is_watched() -> bool:
    """Whether a person looks at standard output."""
    return sys.stdout.isatty()


def counted(count: int, things: str) -> str:
    """So many things, which are named in the plural: ``1 delivery``, ``2,000 deliveries``."""
    one = f"{things[:-3]}y" if things.endswith("ies") else things.removesuffix("s")
    return f"{count:,} {one if count == 1 else things}"


def cell(value: Json) -> str:
    """A value as it stands in a table: on one line, and cut where it is long."""
    text = _line(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _line(value: Json) -> str:
    text = value if isinstance(value, str) else "" if value is None else dumps_text(value)
    return "".join(sign if sign.isprintable() else " " for sign in text)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print cells under their heads."""
    if is_watched():
        _draw(head, rows)
    else:
        _align([head, *rows])


def print_things(
    things: Sequence[Mapping[str, Json]], names: Sequence[str], *, as_json: bool
) -> None:
    """Print fields of each thing as a table, or all of it as JSON lines.

    A name is that of a field, or ``head=path.to.field``.
    """
    if as_json:
        print_lines(things)
        return
    columns = [name.partition("=") for name in names]
    rows = [[cell(_at(each, path or head)) for head, _, path in columns] for each in things]
    print_table([head for head, _, _ in columns], rows)


def _at(thing: Mapping[str, Json], path: str) -> Json:
    """What stands there; of a list of words all of them, of any other list how many."""
    found: Any = thing
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, list):
        words = all(isinstance(each, str) for each in found)
        return ", ".join(found) if words else len(found)
    return found


def print_fields(thing: Mapping[str, Json], *, as_json: bool) -> None:
    """Print one thing: a line for each field, or one JSON document."""
    if as_json:
        print_json(thing)
        return
    width = max((len(name) for name in thing), default=0)
    for name, value in thing.items():
        if _is_listing(value):
            write(f"{name}:")
            for each in value:
                write(f"  {dumps_text(each)}")
        else:
            write(f"{name + ':':<{width + 1}} {_line(value)}".rstrip())


def _is_listing(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(each, dict) for each in value)


def print_json(value: Json) -> None:
    """Print one JSON document."""
    write(dumps_text(value))


def print_lines(values: Iterable[Json]) -> None:
    """Print JSON lines."""
    for each in values:
        print_json(each)


def write(line: str = "") -> None:
    """Print a line as it stands."""
    sys.stdout.write(f"{line}\n")


def write_styled(*parts: tuple[str, str]) -> None:
    """Print a line of texts, each with the style that a person at a terminal sees it in."""
    if is_watched():
        from rich.text import Text

        _console().print(Text.assemble(*parts), soft_wrap=True)
    else:
        write("".join(text for text, _ in parts))


@contextmanager
def progress(total: int) -> Iterator[Callable[[str, int], None]]:
    """Tells a person at a terminal, on standard error, how far each part of a work has come.

    Gives what is to be called with the part's name and how much of ``total`` is done.
    """
    if not sys.stderr.isatty():
        yield lambda what, done: None
        return
    from rich.console import Console
    from rich.progress import Progress, TaskID

    bars: dict[str, TaskID] = {}
    with Progress(console=Console(stderr=True), transient=True) as shown:

        def told(what: str, done: int) -> None:
            if what not in bars:
                bars[what] = shown.add_task(what, total=total)
            shown.update(bars[what], completed=done)

        yield told


def style_of(word: str) -> str:
    """How a word of a state is coloured; none where it is no such word."""
    return _STYLES.get(word, "")


def _console() -> "Console":
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False)


def _draw(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in head:
        is_id = name in ("id", head[0])
        table.add_column(name, no_wrap=is_id, overflow="fold")
    for row in rows:
        table.add_row(*(Text(each, style_of(each)) for each in row))
    _console().print(table)


def _align(rows: Sequence[Sequence[str]]) -> None:
    """What is wider than the terminal goes on in its next line."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        cells = (each.ljust(width) for each, width in zip(row, widths, strict=True))
        write("  ".join(cells).rstrip())
