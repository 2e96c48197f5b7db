"""Totals for what a column is expected to hold."""

from hub.datasets.kinds import Number
from hub.datasets.moments import Moments
from hub.datasets.numbers import Numbers
from hub.datasets.sizes import Members, Texts
from hub.datasets.totals import Totals


def totals_for(mode: str, first: list[Number]) -> Totals:
    """Empty totals for a family of kinds; ``first``: the first numbers among the values."""
    if mode == "number":
        whole = all(isinstance(each, int) or each.is_integer() for each in first)
        return Numbers(float(first[0]) if first else 0.0, whole=whole)
    if mode == "date":
        return Moments()
    return Texts() if mode == "text" else Members(mode)
