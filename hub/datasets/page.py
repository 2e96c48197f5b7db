"""Page: a report as one HTML page that needs no script and no other file."""

from collections.abc import Iterable
from typing import Final

from hub.datasets.card import card
from hub.datasets.charts import bar
from hub.datasets.markup import number, plain_text, share, text
from hub.datasets.page_style import CONTENT_SECURITY_POLICY, STYLE
from hub.model.json import Json

__all__ = ["CONTENT_SECURITY_POLICY", "page"]

CARDS: Final = 200
"""So many columns have a card."""
ROWS: Final = 2000
"""So many columns stand in the table of all columns."""
NOTES: Final = 100


def page(report: Json, title: str = "Data set report") -> str:
    """The page. Serve it as UTF-8, best with ``CONTENT_SECURITY_POLICY``."""
    fields = report["fields"]
    parts = [
        f"<h1>{text(title)}</h1>",
        _tiles(report),
        _notes("Worth a look", (each["message"] for each in report["warnings"])),
        _problems(report["problems"]),
        _table(fields, report["rows"]),
        _cards(fields, report["rows"]),
        _method(report),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{plain_text(title[:200])}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>"
    )


def _tiles(report: Json) -> str:
    cells = report["rows"] * report["columns"]
    tiles = [
        ("Rows", number(report["rows"])),
        ("Columns", number(report["columns"])),
        ("Cells filled", share(cells - report["missing"], cells) if cells else "none"),
        ("Worth a look", number(len(report["warnings"]))),
        ("Rows with problems", number(report["problems"]["count"])),
    ]
    inside = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in tiles)
    return f'<dl class="tiles">{inside}</dl>'


def _notes(heading: str, messages: Iterable[str]) -> str:
    said = list(messages)
    if not said:
        return ""
    items = "".join(f"<li>{text(each, 1000)}</li>" for each in said[:NOTES])
    more = f"<li>and {number(len(said) - NOTES)} more</li>" if len(said) > NOTES else ""
    return f'<h2>{heading}</h2><div class="box"><ul class="notes">{items}{more}</ul></div>'


def _problems(problems: Json) -> str:
    told = [f"Line {each['line']}: {each['message']}" for each in problems["first"]]
    rest = problems["count"] - len(told)
    if rest > 0:
        told.append(f"{rest:,} more")
    return _notes("Rows with problems", told)


def _table(fields: list[Json], rows: int) -> str:
    if not fields:
        return "<p>There are no columns.</p>"
    lines = "".join(_line(at, field, rows) for at, field in enumerate(fields[:ROWS]))
    more = f"{number(len(fields) - ROWS)} more columns are in the report only. "
    return (
        '<h2>All columns</h2><div class="box scroll"><table class="all">'
        f"<caption>{more if len(fields) > ROWS else ''}Each column in short</caption><thead><tr>"
        '<th scope="col">Column</th><th scope="col">Type</th><th scope="col">Filled</th>'
        '<th scope="col" class="n">Missing</th><th scope="col" class="n">Different</th>'
        f'<th scope="col">Key</th></tr></thead><tbody>{lines}</tbody></table></div>'
    )


def _line(at: int, field: Json, rows: int) -> str:
    name = text(field["name"])
    link = f'<a href="#c{at}">{name}</a>' if at < CARDS else name
    distinct = field["distinct"]
    about = "" if distinct["exact"] else "about "
    filled = field["present"] / rows if rows else 0
    return (
        f'<tr><th scope="row">{link}</th><td>{text(field["type"])}</td>'
        f'<td class="share">{bar(filled, f"{filled:.1%} filled")}</td>'
        f'<td class="n">{number(field["missing"])}</td>'
        f'<td class="n">{about}{number(distinct["count"])}</td><td>{text(field["key"])}</td></tr>'
    )


def _cards(fields: list[Json], rows: int) -> str:
    if not fields:
        return ""
    cards = "".join(card(at, field, rows) for at, field in enumerate(fields[:CARDS]))
    left = len(fields) - CARDS
    more = f"<p>{number(left)} more columns have no card here.</p>" if left > 0 else ""
    return f'<h2>Column by column</h2><div class="cards">{cards}</div>{more}'


def _method(report: Json) -> str:
    if not report["sample"]:
        return '<p class="quiet">All figures are exact.</p>'
    return (
        '<h2>How this was reckoned</h2><p class="quiet">Counts, sums, means, deviations, least and '
        "greatest values are exact. What is marked with “about” is estimated from "
        f"{number(report['sample'])} rows, or from the different values whose hash is small; "
        "± is the usual error. The same data give the same figures.</p>"
    )
