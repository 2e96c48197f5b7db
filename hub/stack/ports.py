"""What an interpreter needs of the world around it; the run room gives it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from hub.errors import InvalidError
from hub.model.answer import Answer
from hub.model.change import Outcome
from hub.model.channel_token import NewToken
from hub.model.http import OutboundRequest, OutboundResponse
from hub.model.json import Json
from hub.model.query import Aggregate, Query
from hub.model.record import Record
from hub.model.segment import Segment
from hub.model.table import TableSpec
from hub.stack.datasets import DataSets

if TYPE_CHECKING:
    from hub.stack.plugin import Plugin
    from hub.stack.rendering import Rendering
    from hub.stack.subscribed import Subscribed
    from hub.stack.task import Task

Level: TypeAlias = Literal["debug", "info", "warning", "error"]


class StartOver(Exception):  # noqa: N818 - a signal, and no error
    """The run begins again at its first step, with an empty journal."""

    def __init__(self, delay_us: int) -> None:
        super().__init__("it starts over")
        self.delay_us = delay_us


class LeaseLost(Exception):  # noqa: N818 - a signal, not a fault of anybody
    """The run is no longer this worker's: stop without another word."""


class SegmentConflict(Exception):  # noqa: N818 - a signal, not a fault of anybody
    """A record changed under the open segment: interpret again from the journal."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A request that a step wants to be sent."""

    request: OutboundRequest
    timeout_s: float
    cap_bytes: int
    """So much of the answer is read."""


@dataclass(frozen=True, slots=True)
class Received:
    """An answer, and how the tool that gave it is to be read."""

    response: OutboundResponse
    outcome: str
    message: str
    retry_after_s: float | None = None
    """When the other side wants to be asked again."""

    @property
    def is_delivered(self) -> bool:
        """The other side has taken it."""
        return self.outcome == "delivered"


class SegmentRefused(Exception):  # noqa: N818 - a signal: no step can mend it
    """The database refuses what the open segment holds: the run fails, and nothing was written."""

    def __init__(self, error: InvalidError) -> None:
        super().__init__(error.message)
        self.error = error


class Parked(Exception):  # noqa: N818 - a signal, not a fault of anybody
    """The run waits until a time: it gives its place up, and goes on from its journal then."""

    def __init__(self, until_us: int) -> None:
        super().__init__(until_us)
        self.until_us = until_us


@dataclass(frozen=True, slots=True)
class Notified:
    """Slugs of the destinations that notices of stacks go to where a step names none."""

    of_completion: tuple[str, ...] = ()
    of_error: tuple[str, ...] = ()


class Followers(Protocol):
    """Knows what follows from an event."""

    def subscriptions_of(self, source: str) -> "Sequence[Subscribed]":
        """Who is subscribed to a source's events."""
        ...

    def tasks_of_source(self, slug: str) -> tuple[str, ...]:
        """Full names of the tasks that run for a source's events."""
        ...

    def known_task(self, full_name: str) -> "Task | None":
        """The newest version of a task, if there is one now."""
        ...

    def rendering(self, slug: str) -> "Rendering | None":
        """What a destination makes of a body; None if it goes as it is."""
        ...


class World(Followers, Protocol):
    """The effects that steps have. Reads see what is committed."""

    root: str
    """The URL that the hub is reached under."""
    datasets: DataSets
    """Files and data sets."""
    short_wait_us: int
    """A run that waits for longer is parked."""
    notified: Notified
    """Who is told by steps that name nobody."""

    async def commit(self, segment: Segment) -> Outcome | None:
        """Make a segment durable; gives what came of the change that it carries.

        Raises:
            LeaseLost, SegmentConflict: nothing was written.
            StoreError: it is not known to be written.
        """
        ...

    def table(self, name: str) -> TableSpec:
        """What is declared of a table."""
        ...

    async def take_id(self, table: str) -> int:
        """A number for a new record of ``table``."""
        ...

    async def take_ids(self, table: str, count: int) -> Sequence[int]:
        """Numbers for new records of ``table``."""
        ...

    async def get_record(self, table: str, record_id: int) -> Record | None:
        """One record, or None."""
        ...

    async def find_records(self, query: Query) -> list[Record]:
        """Every record that matches.

        Raises:
            LimitError: ``limit_memory``.
        """
        ...

    async def count_records(self, query: Query) -> int:
        """How many records match."""
        ...

    async def aggregate_records(self, wanted: Aggregate) -> list[dict[str, Json]]:
        """Measures of groups of records."""
        ...

    async def cached(self, key: str) -> str | None:
        """The JSON text that is kept under a key, or None."""
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

    def check_said(self, channel: str, data: Json) -> None:
        """Raise InvalidError ``message_invalid`` for data that a channel does not take."""
        ...

    def channel_token(self, wanted: NewToken) -> tuple[str, int]:
        """A token of channels, and when it ends in microseconds since the epoch."""
        ...

    def limit_bytes(self, slug: str) -> int | None:
        """The largest body that a destination's tool takes, None if that is not known."""
        ...

    async def delivery_states(self, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        """Status and reason of deliveries, by their ids."""
        ...

    def full_task_name(self, stack: str, name: str) -> str:
        """``stack/task`` for a name as it stands in ``stack``.

        Raises:
            StepError: ``task_unknown``, ``task_ambiguous``.
        """
        ...

    async def task(self, full_name: str, version: str | None) -> "Task":
        """A task in a version of its stack, the newest unless told.

        Raises:
            StepError: ``task_gone``.
        """
        ...

    async def answers_of(self, run_id: str) -> list[tuple[str, dict[str, Json], int]]:
        """What has come to the run's URL and was not taken yet: id, answer, when it came."""
        ...

    async def system_metrics(self) -> dict[str, float]:
        """``cpu_usage`` and ``memory_usage`` in percent, ``active_tasks`` of the whole hub."""
        ...

    async def unique_run(self, task: str, key: str) -> str | None:
        """The id of the run that has a task's unique key now, as it stands in the ledger."""
        ...

    def lane_timeout_us(self, name: str) -> int | None:
        """How long a turn of a lane's run may work, None if it may for an hour."""
        ...

    async def event_body(self, event_id: str | None) -> bytes | None:
        """The body of the event that started the run; None if there is none."""
        ...

    async def event(self, event_id: str | None) -> Json:
        """What a stack sees of the event that started its run; None if there was none."""
        ...

    def function(self, name: str) -> "Plugin | None":
        """A function that a plug-in offers."""
        ...

    def secret(self, name: str) -> str | None:
        """The value of a secret variable, None if there is none of that name.

        Only for what leaves the hub.
        """
        ...

    async def request(self, wish: Wish) -> Received:
        """Send a request and read its answer, whatever its status.

        Raises:
            OutboundError: no answer could be had.
            InvalidError: it cannot be sent as it stands.
        """
        ...

    def log(
        self, level: Literal["debug", "info", "warning", "error"], path: str, text: str
    ) -> None:
        """Write a line for the run."""
        ...

    def answered(self, run_id: str, answer: Answer) -> None:
        """An endpoint's run has answered, and that is committed."""
        ...
