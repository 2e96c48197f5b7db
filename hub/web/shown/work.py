"""What came, what ran for it, and what went out, as they are read."""

from typing import Any, Literal, TypeAlias

from pydantic import Field, RootModel

from hub.model.run import RunStatus
from hub.web.shown.base import (
    AttemptId,
    DeliveryId,
    EventId,
    Failed,
    Moment,
    RunId,
    Shown,
)
from hub.web.shown.stacks import Pauses

Encoding: TypeAlias = Literal["json", "text", "base64"]
Fate: TypeAlias = Literal[
    "rejected", "duplicate", "unmatched", "running", "held", "dead", "delivered"
]


class RateShown(Shown):
    """How much there was in one minute, over all processes."""

    at: Moment = Field(description="When it began.")
    received: int = Field(description="Events that were taken.")
    rejected: int = Field(description="Requests to sources that were refused.")
    succeeded: int = Field(description="Runs, by their end.")
    failed: int
    delivered: int = Field(description="Deliveries, by their end.")
    dead: int


class _LaneStatus(Shown):
    due: int
    waiting: int
    running: int
    oldest_due_age_s: float | None
    paused: bool


class _OpenBreaker(Shown):
    destination: str
    state: Literal["open", "half_open"]


class StatusShown(Shown):
    """How the hub stands. Nothing is counted further than 10,000."""

    within_s: int = Field(description="Events, runs and deliveries are those of so many seconds.")
    events: dict[str, int] = Field(description="By what they were recorded as.")
    runs: dict[str, int] = Field(description="By status.")
    deliveries: dict[str, int] = Field(description="By status.")
    lanes: dict[str, _LaneStatus]
    deliveries_due: dict[str, int] = Field(description="What waits to leave, by destination.")
    dead_letters: int
    breakers: list[_OpenBreaker] | None = Field(
        description="Those that are not closed; null while Redis does not answer."
    )
    paused: Pauses
    disabled: list[str] = Field(description="Destinations that take nothing now.")
    worker: bool | None = Field(
        description="Whether any worker works; null while Redis does not answer."
    )


class EventShown(Shown):
    """A request to a source, and what became of it."""

    id: EventId
    source: str
    type: str | None
    received_at: Moment
    fate: Fate
    reason: str | None = Field(description="Why, of one that was rejected or started nothing.")
    duplicate_of: EventId | None
    body_differs: bool = Field(description="A duplicate by its key, whose body is another.")
    method: str
    path: str = Field(description="What follows the source's own address.")
    query: str
    ip: str


class EventInFull(EventShown):
    """An event with what it holds and what it led to."""

    duplicates: int
    headers: dict[str, str] = Field(description="Those that carry secrets are masked.")
    body: Any
    body_encoding: Encoding | None = Field(description="How `body` is to be read.")
    runs: list[RunId]
    deliveries: list[DeliveryId]


class PreviewShown(Shown):
    """What a replay would do, beside what the version that ran before would do."""

    task: str
    versions: dict[str, Any] = Field(description="`then` and `now`.")
    recorded: dict[str, Any] | None = Field(description="How the earlier run ended.")
    then: dict[str, Any] | None
    now: dict[str, Any]
    same: bool
    differences: list[dict[str, Any]]
    omitted: int = Field(description="Differences that are not named.")
    timeline: list[dict[str, Any]]
    assumed: list[str] = Field(description="Where requests went whose answers nobody knows.")
    partial: list[str] = Field(description="Tables of which not all records were looked at.")


class EventPreviews(Shown):
    """What a replay of an event would do, task by task."""

    event_id: EventId
    previews: list[PreviewShown]


class EventReplayed(Shown):
    """The runs that were started."""

    event_id: EventId
    runs: list[RunId]
    url: str


class RunFailure(Failed):
    """Why a run failed."""

    step: str | None = Field(description="The path of the step.")


class RunShown(Shown):
    """A run."""

    id: RunId
    task: str
    version: str | None
    status: RunStatus
    lane: str
    due_at: Moment
    attempt: int
    progress: Any
    input: Any
    result: Any
    failure: RunFailure | None
    parent: RunId | None
    retry_of: RunId | None
    chain_depth: int
    event_id: EventId | None
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None


class StepShown(Shown):
    """A step of a run."""

    path: str
    function: str | None
    status: Literal["succeeded", "failed"]
    started_at: Moment | None
    duration_ms: float | None
    input: dict[str, Any] | None = Field(
        description="What its fields came to, where `input` asks for it and it can be told."
    )
    output: Any
    note: str | None
    failure: Failed | None


class _Tried(Shown):
    id: AttemptId
    started_at: Moment
    duration_ms: int
    status_code: int | None
    outcome: str
    message: str
    response_body: str | None


class RunAttemptShown(_Tried):
    """A request that a step of a run sent."""

    step: str
    method: str
    url: str


class AttemptShown(_Tried):
    """An attempt of a delivery."""

    n: int


class DeliveryShown(Shown):
    """A delivery."""

    id: DeliveryId
    event_id: EventId | None
    run_id: RunId | None
    destination: str
    status: Literal["pending", "delivering", "delivered", "retrying", "held", "dead", "cancelled"]
    next_attempt_at: Moment | None
    reason: str | None
    attempts_made: int
    idempotency_key: str
    created_at: Moment
    finished_at: Moment | None


class DeliveryInFull(DeliveryShown):
    """A delivery with what it holds and each of its attempts."""

    url: str | None = Field(description="Where it goes, if no destination says so.")
    ordering_key: str | None = Field(description="Of those with the same one the first goes first.")
    content_type: str
    body: Any
    body_encoding: Encoding | None = Field(description="How `body` is to be read.")
    attempts: list[AttemptShown]


class DeadGroup(Shown):
    """Dead letters of one destination that ended for one reason."""

    destination: str
    reason: str | None
    count: int
    oldest: Moment = Field(description="When the oldest was made.")
    newest: Moment


class DeadLetters(Shown):
    """How many dead letters there are of each kind, the most first."""

    items: list[DeadGroup] = Field(description="100 at most.")
    count: int = Field(description="All that were counted.")
    more: bool = Field(description="There are older ones that were not counted.")


class DeliveryReplayed(Shown):
    """The delivery that goes out."""

    id: DeliveryId
    status: Literal["pending"]
    url: str
    edited_from: DeliveryId = Field("", description="Of one with a body of its own.")


class Planned(Shown):
    """What would be done."""

    dry_run: Literal[True]
    count: int
    left: int = Field(description="So many more are meant, and are beyond the limit.")
    oldest: Moment | None
    newest: Moment | None
    by_destination: dict[str, int]


class ReplaysPlanned(Planned):
    """What would be sent again."""

    takes_s: float


class Done(Shown):
    """What was done."""

    count: int
    left: int = Field(description="So many more are meant: ask again.")


class CancellationsDone(RootModel[Done | Planned]):
    """What was cancelled, or would be."""


class ReplaysDone(Done):
    """What was sent again."""

    takes_s: float


class SimulationShown(Shown):
    """What a simulation came to."""

    timeline: list[dict[str, Any]] = Field(
        description="Each with `at`, `kind` (run, request, message, log, schedule) and its own."
    )
    left: list[dict[str, Any]] = Field(description="What would go on later.")
    tables: dict[str, list[dict[str, Any]]] = Field(description="The records in the end.")
