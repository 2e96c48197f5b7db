"""The functions of the language, a module for each family.

A new family is a module here that registers its functions, and a line in the table below, which
is also the order of ``docs/functions.md``.
"""

from types import ModuleType

from hub.expr.functions import (
    aggregates,
    arithmetic,
    codes,
    date_bounds,
    date_moves,
    date_parts,
    date_text,
    dates,
    digests,
    each,
    lanes,
    lists,
    numbers,
    objects,
    order,
    regex,
    search,
    sets,
    text,
    values,
)
from hub.expr.functions.registry import FUNCTIONS, Function, find

FAMILIES: dict[str, tuple[ModuleType, ...]] = {
    "Values": (values,),
    "Lists": (lists, each, order, sets),
    "Many to one": (aggregates,),
    "Objects": (objects,),
    "Numbers": (numbers, arithmetic),
    "Text": (text, search),
    "Regular expressions": (regex,),
    "Dates": (dates, date_moves, date_bounds, date_parts, date_text),
    "Encoding": (codes,),
    "Digests and signatures": (digests,),
    "Lanes": (lanes,),
}
"""The families by their titles, with the modules that hold them."""

__all__ = ["FAMILIES", "FUNCTIONS", "Function", "find"]
