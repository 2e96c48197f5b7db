"""Values that are made for each request: frozen for whoever checks types, and quick to make.

A frozen dataclass sets each of its fields past its own guard, which takes four times as long.
Here the guard is the type checker alone.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:
    from dataclasses import dataclass

    def value(*, frozen, slots):
        """In place of ``dataclass(frozen=True, slots=True)``, which it is to type checkers."""
        assert frozen  # noqa: S101 - nothing else is meant
        return dataclass(unsafe_hash=True, slots=slots)


__all__ = ["value"]
