"""The expression language: ``{{ … }}`` in the documents of stacks.

Pure: it knows no step and no table. A text is compiled once to nested closures, and evaluated in
a ``Context`` as often as needed. Only ``ExpressionError`` comes out of it, and its
``details["position"]`` says where in the text.
"""

from hub.expr.compare import equal, less
from hub.expr.compiled import Compiled
from hub.expr.context import LANES, Context, DictContext
from hub.expr.functions import FAMILIES, FUNCTIONS, Function
from hub.expr.kinds import text_of, truthy
from hub.expr.moments import iso_of, moment_of
from hub.expr.template import compile_expression, compile_template, compile_value

__all__ = [
    "FAMILIES",
    "FUNCTIONS",
    "LANES",
    "Compiled",
    "Context",
    "DictContext",
    "Function",
    "compile_expression",
    "compile_template",
    "compile_value",
    "equal",
    "iso_of",
    "less",
    "moment_of",
    "text_of",
    "truthy",
]
