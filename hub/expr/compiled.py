"""What compiling gives: something to evaluate, and what is known of it before."""

from dataclasses import dataclass, field
from typing import Any

from hub.errors import ExpressionError
from hub.expr.context import Context, Meter
from hub.expr.limits import MAX_VALUE_LEVELS, over
from hub.expr.node import NOTHING, Closure, Reads, placed


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A compiled expression, template or value. Safe to share between threads and runs.

    What an evaluation gives may be a part of the scope or of the compiled value itself, not a
    copy: whoever gets it must not change it in place.
    """

    run: Closure = field(repr=False)
    reads: Reads = NOTHING
    offset: int = 0
    """Where the expression begins in the template that it stands in."""
    is_literal: bool = False
    """It holds no template at all: evaluating gives what is written."""

    def evaluate(self, context: Context) -> Any:
        """The value in this scope.

        Raises:
            ExpressionError: with ``details["position"]``, and ``details["pointer"]`` where the
                expression stands inside a list or an object.
        """
        if self.reads.metered and context.__class__ is not Meter:
            context = Meter(context)
        try:
            return self.run(context)
        except ExpressionError as error:
            error.details["position"] = error.details.get("position", 0) + self.offset
            raise
        except RecursionError as error:
            fault = over("nested values", MAX_VALUE_LEVELS, "the values are nested too deep")
            raise placed(fault, self.offset) from error

    @property
    def names(self) -> frozenset[str]:
        """The root names that it reads, ``env`` aside."""
        return self.reads.names

    @property
    def uses_env(self) -> frozenset[str]:
        """The names X of every ``env.X``."""
        return self.reads.env

    @property
    def uses_clock(self) -> bool:
        """It asks what time it is."""
        return self.reads.clock

    @property
    def uses_random(self) -> bool:
        """It draws random values."""
        return self.reads.random

    @property
    def is_constant(self) -> bool:
        """It gives the same in every scope."""
        reads = self.reads
        settings = reads.zone or reads.lanes
        return not (reads.names or reads.env or reads.clock or reads.random or settings)
