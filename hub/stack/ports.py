"""What an interpreter needs of the world around it; the run room gives it."""

from typing import Any, Protocol

from hub.model.query import Query
from hub.model.record import Record
from hub.model.segment import Segment


class LeaseLost(Exception):  # noqa: N818 - a signal, not a fault of anybody
    """The run is no longer this worker's: stop without another word."""


class SegmentConflict(Exception):  # noqa: N818 - a signal, not a fault of anybody
    """A record changed under the open segment: interpret again from the journal."""


class World(Protocol):
    """The effects that steps have. Reads see what is committed."""

    async def commit(self, segment: Segment) -> None:
        """Make a segment durable.

        Raises:
            LeaseLost, SegmentConflict: nothing was written.
            StoreError: it is not known to be written.
        """
        ...

    async def take_id(self, table: str) -> int:
        """A number for a new record of ``table``."""
        ...

    async def get_record(self, table: str, record_id: int) -> Record | None:
        """One record, or None."""
        ...

    async def find_records(self, query: Query) -> list[Record]:
        """Every record that matches."""
        ...

    def now_us(self) -> int:
        """The wall clock."""
        ...

    def variable(self, name: str) -> Any:
        """The value for ``env.name``.

        Raises:
            ExpressionError: ``env_unknown``.
        """
        ...

    @property
    def zone(self) -> str:
        """The IANA name of the hub's time zone."""
        ...

    def lane_delay_s(self, name: str) -> float | None:
        """What a lane's ``delay`` is set to; None if there is no lane of that name."""
        ...

    def check_destination(self, slug: str) -> None:
        """Raise StepError ``destination_unknown`` if there is none of that name."""
        ...

    def full_task_name(self, name: str) -> str:
        """``stack/task`` for a name as it stands in a stack.

        Raises:
            StepError: ``task_unknown``, ``task_ambiguous``.
        """
        ...
