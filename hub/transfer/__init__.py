"""Records into tables and out of them, as CSV and as JSON lines."""

from typing import Literal, TypeAlias, get_args

Format: TypeAlias = Literal["csv", "jsonl"]
FORMATS: tuple[Format, ...] = get_args(Format)
BATCH = 500
"""So many records are read or written at once."""
