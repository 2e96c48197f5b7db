"""Report: what an analysis says, as JSON.

``rows``, ``columns``, ``missing`` (cells), ``sample`` (rows that estimates are from, or null),
``warnings`` (``column``, ``code``, ``message``), ``problems``, and ``fields``: of each column
``name``, ``type``, ``present``, ``missing`` (``nulls`` and ``empties``), ``distinct``, ``key``,
``kinds``, ``odd``, ``top``, ``examples``, and one of ``numbers``, ``dates``, ``lengths``.
Whatever is estimated from some of the rows says so: ``exact`` is false beside it, and ``error`` is
the usual error (one standard deviation).
"""

import math
from collections.abc import Iterator
from typing import Final

from hub.datasets.column import Column, label_of
from hub.datasets.kinds import moment_of
from hub.datasets.moments import Moments
from hub.datasets.numbers import Numbers, numeric
from hub.datasets.sample import Sample
from hub.datasets.sizes import Members, Texts
from hub.datasets.spread import Weighted, by_time, histogram, plain, quantiles
from hub.datasets.summary import deviation, mean_of, sum_of
from hub.datasets.tokens import Key, Token
from hub.datasets.view import View, view_of
from hub.datasets.warnings import warnings_of
from hub.model.json import Json

VERSION: Final = 1
TOP: Final = 10
EXAMPLES: Final = 5
DETAILED: Final = 500
"""So many columns are told in full; of the others there is type, presence and distinct count."""
NAME: Final = 200
"""So many characters of a column's name are shown."""


def report_of(
    rows: int, columns: dict[str, Column], sample: Sample, problems: Json = None
) -> dict[str, Json]:
    """The report of so many rows: the same bytes for the same rows.

    ``problems``: what was wrong with rows, ``{"count", "first": [{"line", "message"}]}``.
    """
    fields: list[Json] = []
    warnings: list[Json] = []
    missing = 0
    for at, (name, column) in enumerate(columns.items()):
        view = view_of(name, at, column, sample, rows)
        missing += view.nulls + view.empties
        fields.append(field_of(view, in_full=at < DETAILED))
        warnings += warnings_of(view, fields[-1])
    return {
        "version": VERSION,
        "rows": rows,
        "columns": len(fields),
        "missing": missing,
        "sample": len(sample.rows) if sample.level else None,
        "warnings": warnings,
        "problems": problems or {"count": 0, "first": []},
        "fields": fields,
    }


def field_of(view: View, *, in_full: bool = True) -> dict[str, Json]:
    """What there is to say of a column."""
    field: dict[str, Json] = {
        "name": shown(view.name, NAME),
        "type": view.type,
        "present": view.present,
        "missing": view.nulls + view.empties,
        "nulls": view.nulls,
        "empties": view.empties,
        "distinct": _distinct(view),
        "key": _key(view),
    }
    if in_full and view.present:
        field["kinds"] = {
            "counts": {kind: round(n * view.scale) for kind, n in view.kinds.most_common()},
            "exact": view.exact,
        }
        field["odd"] = {
            "count": view.odd_count,
            "first": [[shown(label), n] for label, n in view.odd.items()],
        }
        field.update(_values(view))
        field.update(_measures(view))
    return field


def _distinct(view: View) -> dict[str, Json]:
    if view.exact:
        return {"count": view.distinct, "exact": True}
    error = view.distinct / math.sqrt(len(view.ids) or 1) if view.repeats else 0
    return {"count": view.distinct, "exact": False, "error": round(error)}


def _key(view: View) -> str:
    """Whether the column tells all rows apart: ``yes``, ``no``, or ``probably``."""
    if not view.present or view.present < view.rows or view.repeats:
        return "no"
    return "yes" if view.exact else "probably"


def _values(view: View) -> dict[str, Json]:
    """The values that are met most, and some as examples."""
    often = sorted(view.items.items(), key=lambda each: (-each[1], label_of(each[0])))[:TOP]
    top = [
        {"value": shown(label_of(key)), "count": round(n * view.scale)}
        for key, n in often
        if n > 1 or len(view.items) <= TOP
    ]
    known: dict[str, Json] = {"values": top, "exact": view.exact}
    if not view.exact:
        share = often[0][1] / view.seen if often else 0
        usual = math.sqrt(share * (1 - share) / view.seen) if often else 0
        known["error"] = round(usual * view.present)
    examples = [shown(label_of(key)) for key, _ in zip(view.items, range(EXAMPLES), strict=False)]
    return {"top": known, "examples": examples}


def _measures(view: View) -> dict[str, Json]:
    match view.totals:
        case Numbers() as numbers if numbers.n:
            return {"numbers": _numbers(view, numbers)}
        case Moments() as moments if moments.first and moments.last:
            return {"dates": _dates(view, moments)}
        case Texts() | Members() as sizes if sizes.n and sizes.mode != "boolean":
            return {"lengths": _lengths(view, sizes)}
    return {}


def _numbers(view: View, numbers: Numbers) -> dict[str, Json]:
    values = _weighted((numeric(key), n) for key, n in view.items.items())
    told: dict[str, Json] = {
        "count": numbers.n,
        "min": plain(numbers.low),
        "max": plain(numbers.high),
        "mean": plain(mean_of(numbers)),
        "sum": plain(sum_of(numbers)),
        "deviation": deviation(numbers),
        "padded": numbers.padded,
        "exact": view.exact,
    }
    if values:
        told["quantiles"] = quantiles(values)
        told["histogram"] = histogram(values, numbers.low, numbers.high, view.scale)
        if not view.exact:
            told["rank_error"] = round(0.5 / math.sqrt(sum(n for _, n in values)), 4)
    return told


def _dates(view: View, moments: Moments) -> dict[str, Json]:
    found = [(moment, n) for key, n in view.items.items() if (moment := _moment(key))]
    told: dict[str, Json] = {
        "count": moments.n,
        "first": moments.first and moments.first[1].strip(),
        "last": moments.last and moments.last[1].strip(),
        "padded": moments.padded,
        "exact": view.exact,
    }
    if found:
        told["histogram"] = by_time(found, view.scale)
    return told


def _lengths(view: View, sizes: Texts | Members) -> dict[str, Json]:
    values = _weighted((_size(key), n) for key, n in view.items.items())
    low = sizes.low or 0
    return {
        "of": "characters" if sizes.mode == "text" else "members",
        "min": low,
        "max": sizes.high,
        "mean": round(sizes.length / sizes.n, 4),
        "padded": sizes.padded,
        "histogram": histogram(values, low, sizes.high, view.scale) if values else [],
        "exact": view.exact,
    }


def _moment(key: Key) -> Json:
    return moment_of(key) if isinstance(key, str) else None


def _size(key: Key) -> int | None:
    if isinstance(key, Token):
        return key.size
    return len(key) if isinstance(key, str) else None


def _weighted(pairs: Iterator[tuple[Json, int]]) -> Weighted:
    """Numbers in order; equal ones become one."""
    counts: dict[Json, int] = {}
    for number, n in pairs:
        if number is not None:
            number = plain(number)
            counts[number] = counts.get(number, 0) + n
    return sorted(counts.items())


def shown(text: str, most: int = 100) -> str:
    """A text in a length that can be shown, and fit for UTF-8."""
    cut = text if len(text) <= most else f"{text[:most]}…"
    return cut.encode("utf-8", "replace").decode()
