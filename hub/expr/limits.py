"""Every limit of the expression language, each with its unit in its name.

What goes over one raises an ``ExpressionError`` with the code ``expression_limit``, which names
the limit in its message and in ``details["limit"]``.
"""

from hub.errors import ExpressionError

MAX_EXPRESSION_CHARS = 10_000
MAX_NESTING_LEVELS = 64
"""Brackets inside brackets, counted before the parser sees the text."""
MAX_CLOSURE_LEVELS = 400
"""Calls of closures inside each other: well below what Python allows, callers included."""
MAX_VALUE_LEVELS = 100
"""Lists and objects inside each other in a value that may hold templates."""
MAX_TEXT_CHARS = 8 * 1024 * 1024
MAX_LIST_ITEMS = 1_000_000
MAX_INTEGER_BITS = 4_096
"""1,233 digits: far beyond any id or amount, and within what Python turns into text."""
MAX_NUMBER_CHARS = 1_300
"""Longer text is never read as a number."""
MAX_EVALUATION_STEPS = 10_000_000
"""Items that functions read and make in one evaluation."""
CHARS_PER_STEP = 16
"""Text is cheaper than items: so many characters count as one step."""
MAX_PATH_KEYS = 100
"""Keys of a dotted path that is given as text."""
MAX_FORMAT_CHARS = 1_000
"""Characters of a date format, and of a change of a date in words."""
MAX_PATTERN_CHARS = 2_000
MAX_PATTERN_WORK = 300_000_000
"""Bytes of text times the size of the pattern's program: about two seconds at the worst."""
MAX_PATTERN_S = 2
"""Processor time of one search for all matches: each match is found in linear time, but a
pattern may look at all that follows each time."""
MAX_CACHED_EXPRESSIONS = 2_048
MAX_CACHED_CHARS = 20_000
"""Longer templates are compiled each time, so that the cache stays small."""


def over(limit: str, most: int, advice: str) -> ExpressionError:
    """The error for what goes over a limit."""
    return ExpressionError(
        f"Over the limit of {most:,} {limit}: {advice}.",
        code="expression_limit",
        limit=limit,
        most=most,
    )
