"""The functions of the language, a module for each family.

A new family is a module here that registers its functions, and a name in the import below.
"""

from hub.expr.functions import aggregates, codes, dates, lists, numbers, objects, text, values
from hub.expr.functions.registry import FUNCTIONS, Function, find

__all__ = [
    "FUNCTIONS",
    "Function",
    "aggregates",
    "codes",
    "dates",
    "find",
    "lists",
    "numbers",
    "objects",
    "text",
    "values",
]
