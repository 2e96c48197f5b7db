"""Segment: what a run does between two barriers, committed together or not at all."""

from dataclasses import dataclass, field

from hub.model.answer import Answer
from hub.model.change import Change
from hub.model.delivery import DeliveryStart
from hub.model.event import Arrival
from hub.model.record import Record
from hub.model.run import Ending, RunAttempt, RunStart


@dataclass(frozen=True, slots=True)
class Publication:
    """A message that is published after the commit."""

    id: str
    channel: str
    event: str
    data: str
    """JSON text."""


@dataclass(frozen=True, slots=True)
class Cached:
    """A value that is kept for a while; ``value`` is JSON text."""

    key: str
    value: str
    ttl_us: int


@dataclass(frozen=True, slots=True)
class StepTook:
    """A step that touches the world, and how long it took."""

    function: str
    duration_us: int
    failed: bool


@dataclass(slots=True)
class Segment:
    """Everything of one segment of one run."""

    run_id: str
    fence: int
    n: int
    """The segment's number in its run, from 0."""
    entries: bytes = b""
    steps: list[StepTook] = field(default_factory=list)
    """Of those entries, the steps that touch the world."""
    added: list[Record] = field(default_factory=list)
    removed: list[tuple[str, int]] = field(default_factory=list)
    change: Change | None = None
    """What is decided inside the commit; its journal row follows the segment's own."""
    edited: list[Record] = field(default_factory=list)
    """With the new document and the ``rev`` that was read; another one is a conflict."""
    events: list[Arrival] = field(default_factory=list)
    runs: list[RunStart] = field(default_factory=list)
    attempts: list[RunAttempt] = field(default_factory=list)
    cached: list[Cached] = field(default_factory=list)
    deliveries: list[DeliveryStart] = field(default_factory=list)
    publications: list[Publication] = field(default_factory=list)
    answer: Answer | None = None
    """What an endpoint's caller is told once this is committed."""
    awaits: bool = False
    """It is parked for an answer: one that has come meanwhile wakes it at once."""
    awaits_event: str | None = None
    """It is parked for an event: text of :class:`hub.model.event_wait.EventWait`."""
    progress: str | None = None
    """How far the run has come: JSON text; None leaves it as it was."""
    taken: list[str] = field(default_factory=list)
    """Ids of the answers that its steps have taken."""
    over: str | None = None
    """The run's context as it starts over, after ``delay_us``: its journal is gone then."""
    delay_us: int | None = None
    """The run is parked for so long; None: it is not."""
    ending: Ending | None = None
    concurrency_key: str | None = None
    """The run's: where it ends, the next one with it may go."""
    tells: bool = False
    """Somebody is to know that the run has ended."""
    version: str | None = None
    """The stack's version, which the run keeps from its first segment on."""
