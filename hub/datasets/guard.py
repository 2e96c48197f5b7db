"""Texts in CSV that a spreadsheet would take for formulas.

Such a text gets an apostrophe in front, which an import takes away again.
Source: OWASP, "CSV Injection".
"""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")


def guarded(text: str) -> str:
    """A text as it stands in CSV."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text that a cell of CSV stands for."""
    return cell[1:] if _GUARDED.match(cell) else cell
