"""Card: what a page says of one column."""

from hub.datasets.charts import bar, columns
from hub.datasets.markup import number, share, text
from hub.model.json import Json


def card(at: int, field: Json, rows: int) -> str:
    """A column's card; ``at`` is its place, for links."""
    parts = [
        _head(field),
        _filled(field, rows),
        _chart(field),
        _figures(field),
        _top(field),
        _odd(field),
    ]
    return f'<article id="c{at}">{"".join(parts)}</article>'


def _head(field: Json) -> str:
    kind = field["type"] if field["type"] in ("mixed", "empty") else ""
    key = {"yes": "key", "probably": "probably a key"}.get(field["key"])
    tags = f'<span class="type {kind}">{text(field["type"])}</span>'
    if key:
        tags += f' <span class="type key">{key}</span>'
    return f"<header><h3>{text(field['name'])}</h3><span>{tags}</span></header>"


def _filled(field: Json, rows: int) -> str:
    filled = share(field["present"], rows)
    distinct = field["distinct"]
    about = "" if distinct["exact"] else "about "
    error = f" ± {number(distinct['error'])}" if distinct.get("error") else ""
    title = f"{field['present']:,} of {rows:,} rows have a value"
    return (
        f"<div>{bar(field['present'] / rows if rows else 0, title)}"
        f'<p class="ends"><span>{filled} filled</span>'
        f"<span>{about}{number(distinct['count'])}{error} different</span></p></div>"
    )


def _chart(field: Json) -> str:
    for measure, what in (("numbers", "values"), ("dates", "dates"), ("lengths", "lengths")):
        told = field.get(measure)
        if not told or not told.get("histogram"):
            continue
        if measure == "lengths" and field["top"]["values"]:
            continue
        return _dated(told) if measure == "dates" else _binned(told, what)
    return ""


def _binned(told: Json, what: str) -> str:
    bins = told["histogram"]
    names = [f"{_edge(low)} to {_edge(high)}" for low, high, _ in bins]
    of = f"{told['of']} of values" if what == "lengths" else what
    title = f"How {of} are spread, from {_edge(bins[0][0])} to {_edge(bins[-1][1])}"
    chart = columns([count for _, _, count in bins], names, title)
    unit = f" {told['of']}" if what == "lengths" else ""
    ends = f"<span>{number(bins[0][0])}</span><span>{number(bins[-1][1])}{unit}</span>"
    return f'<div>{chart}<p class="ends">{ends}</p></div>'


def _edge(value: Json) -> str:
    return f"{value:,}" if isinstance(value, int) and abs(value) < 10**18 else f"{value:.6g}"


def _dated(told: Json) -> str:
    bins, per = told["histogram"]["bins"], told["histogram"]["per"]
    names = [name for name, _ in bins]
    title = f"How many per {per}, from {names[0]} to {names[-1]}"
    chart = columns([count for _, count in bins], names, title)
    ends = (
        f"<span>{text(names[0])}</span><span>per {text(per)}</span><span>{text(names[-1])}</span>"
    )
    return f'<div>{chart}<p class="ends">{ends}</p></div>'


def _figures(field: Json) -> str:
    if told := field.get("numbers"):
        quantiles = told.get("quantiles", {})
        about = "" if told["exact"] else "about "
        rows = [
            ("least", number(told["min"])),
            *(
                (names, about + number(quantiles[percent]))
                for percent, names in _QUANTILES
                if percent in quantiles
            ),
            ("greatest", number(told["max"])),
            ("mean", number(told["mean"])),
            ("deviation", number(told["deviation"])),
            ("sum", number(told["sum"])),
        ]
        return _small("Figures", rows)
    if told := field.get("dates"):
        return _small("Span", [("first", text(told["first"])), ("last", text(told["last"]))])
    if told := field.get("lengths"):
        sizes = ("shortest", "longest") if told["of"] == "characters" else ("fewest", "most")
        rows = [(sizes[0], number(told["min"])), (sizes[1], number(told["max"]))]
        return _small(f"How many {told['of']}", [*rows, ("mean", number(told["mean"]))])
    return ""


_QUANTILES = (("5", "5 %"), ("25", "25 %"), ("50", "middle"), ("75", "75 %"), ("95", "95 %"))


def _small(caption: str, rows: list[tuple[str, str]]) -> str:
    lines = "".join(
        f'<tr><th scope="row">{name}</th><td class="n">{value}</td></tr>' for name, value in rows
    )
    return f"<table><caption>{caption}</caption><tbody>{lines}</tbody></table>"


def _top(field: Json) -> str:
    top = field.get("top")
    if not top:
        return ""
    if not top["values"]:
        examples = ", ".join(text(each) for each in field["examples"])
        return f'<p><small>For example</small> <span class="code">{examples}</span></p>'
    if "numbers" in field and field["distinct"]["count"] > len(top["values"]):
        return ""
    if "dates" in field:
        return ""
    about = "" if top["exact"] else f"about, ± {number(top['error'])}"
    lines = "".join(
        f'<tr><th scope="row">{text(each["value"])}</th>'
        f'<td class="share">{_part(each["count"], field["present"])}</td>'
        f'<td class="n">{number(each["count"])}</td></tr>'
        for each in top["values"]
    )
    head = (
        '<thead><tr><th scope="col">Value</th><th scope="col">Share</th>'
        f'<th scope="col" class="n">Rows {about}</th></tr></thead>'
    )
    return f"<table><caption>Most frequent</caption>{head}<tbody>{lines}</tbody></table>"


def _part(count: int, present: int) -> str:
    part = count / present if present else 0
    return bar(part, f"{part:.1%}")


def _odd(field: Json) -> str:
    odd = field.get("odd")
    if field["type"] == "mixed":
        kinds = field["kinds"]["counts"]
        whole = sum(kinds.values())
        said = ", ".join(f"{text(kind)} {share(n, whole)}" for kind, n in kinds.items())
        return f'<p class="odd">Different kinds: {said}</p>'
    if not odd or not odd["count"]:
        return ""
    first = ", ".join(f"{text(value)} ({number(n)})" for value, n in odd["first"])
    return f'<p class="odd">Not like the others: {number(odd["count"])}. {first}</p>'
