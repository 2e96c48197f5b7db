"""Run: one execution of a task, from its first step to its result."""

from enum import StrEnum

from hub.model.json import dumps_text
from hub.model.value import value

DEFAULT_LANE = "normal"
AWAITED = dumps_text({"awaited": True})
"""The context of a run whose answer leaves before it ends, if it gives one earlier."""


class RunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    """Parked until it is due."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@value(frozen=True, slots=True)
class RunStart:
    """A run to be queued."""

    id: str
    task: str
    input: str | None
    """A JSON object as text; None where it is the body of its event, byte for byte."""
    event_id: str | None = None
    parent: str | None = None
    chain_depth: int = 0
    lane: str | None = None
    """Without one it is that of its task, else ``normal``."""
    idempotency_key: str | None = None
    delay_us: int = 0
    context: str | None = None
    """Who asked for it, and how: JSON text of ``{auth, request}``, ``{awaited}`` and more."""
    concurrency_key: str | None = None
    """Of the runs with the same one, one is running at a time."""
    retry_of: str | None = None
    unique: "Unique | None" = None
    completion_webhook: str | None = None
    """Who is told of its end: a URL, or a destination."""


@value(frozen=True, slots=True)
class Unique:
    """Of a task's runs with the same key there is one: until it ends, or until it begins.

    With ``debounce_us`` the one that has not begun takes the input of whoever comes later, and
    begins so long after the last of them; at most ten times as long after the first.
    """

    key: str
    debounce_us: int = 0

    @property
    def column(self) -> str:
        """As it stands in the ledger: what begins with ``s:`` is over when the run begins."""
        return f"s:{self.key}" if self.debounce_us else f"e:{self.key}"


@value(frozen=True, slots=True)
class ClaimedRun:
    """A run that this worker holds by a lease, with what it did before."""

    id: str
    task: str
    version: str | None
    lane: str
    attempt: int
    crashes: int
    fence: int
    input: str | bytes | None
    """A JSON object as text; None if the event that held it is no longer kept."""
    event_id: str | None
    chain_depth: int
    started_at: int
    due_at: int
    context: str | None = None
    completion_webhook: str | None = None
    concurrency_key: str | None = None
    parent: str | None = None
    """The run that has asked for it."""
    journal: tuple[bytes, ...] = ()
    """The entries of its committed segments, in order."""


@value(frozen=True, slots=True)
class Failure:
    """Why a run failed: a code, a sentence, and the path of the step."""

    code: str
    message: str
    step: str | None = None

    def as_json(self) -> str:
        """``{"code", "message", "step"}`` as text."""
        return dumps_text({"code": self.code, "message": self.message, "step": self.step})


@value(frozen=True, slots=True)
class RunAttempt:
    """A request that a step sent. What is secret in ``url`` is not shown."""

    id: str
    run_id: str
    path: str
    method: str
    url: str
    started_at: int
    duration_ms: int
    status_code: int | None
    outcome: str
    message: str
    response_body: str | None


@value(frozen=True, slots=True)
class Ending:
    """How a run ended. ``result`` is JSON text, ``version`` the stack's that it ran."""

    status: RunStatus
    version: str | None
    result: str | None = None
    failure: Failure | None = None
