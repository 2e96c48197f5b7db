"""Stacks, tasks, schedules and lanes, as they are read."""

from typing import Any, Literal

from pydantic import Field

from hub.web.shown.base import Moment, RunId, Shown


class ProblemShown(Shown):
    """What is wrong with a document, and where."""

    severity: Literal["error", "warning"]
    message: str
    hint: str | None
    line: int | None = Field(description="From 1.")
    column: int | None = Field(description="From 1.")
    pointer: str | None = Field(description="A JSON pointer.")
    code: str = Field("", description="Of warnings: what kind of doubt it is.")


class EndpointShown(Shown):
    """A path of a stack's own."""

    method: str
    path: str
    task: str


class StackSchedule(Shown):
    """When a stack starts a task."""

    name: str
    schedule: str
    timezone: str | None
    task: str


class StackChecked(Shown):
    """What a stack holds."""

    name: str
    version: str | None
    tasks: list[str]
    endpoints: list[EndpointShown]
    schedules: list[StackSchedule]
    problems: list[ProblemShown]


class StackShown(StackChecked):
    """A stack."""

    paused: bool
    managed_by: Literal["api", "file"]
    updated_at: Moment


class StackInFull(StackShown):
    """A stack with its text."""

    text: str


class StackVersionShown(Shown):
    """A version of a stack."""

    version: str
    created_at: Moment
    in_use: bool = Field(description="It is what the stack says now.")
    by: dict[str, Any] | None = Field(
        description="Who made it: `kind`, `id` and `name`; null where the audit does not know, "
        "and for whoever may not read it."
    )


class StackVersionInFull(StackVersionShown):
    """A version with its text."""

    text: str


class LanguageFunction(Shown):
    """A function of expressions."""

    name: str
    aliases: list[str]
    signature: str
    summary: str


class LanguageShown(Shown):
    """What stacks can say."""

    documents: dict[str, Any] = Field(
        alias="schema", description="The JSON Schema of one document, with every step."
    )
    functions: list[LanguageFunction]


class StackPaused(Shown):
    """Whether a stack is paused."""

    name: str
    paused: bool


class TaskShown(Shown):
    """A task."""

    name: str
    stack: str
    version: str
    description: str | None
    source: str | None
    steps: int
    runs_url: str


class OutlinedStep(Shown):
    """A step of a task, as it is written."""

    path: str = Field(description="Where it stands in a run; `*` is the round of a loop.")
    function: str
    id: str | None
    description: str | None
    as_: str | None = Field(alias="as", description="The variable that gets its result.")


class TaskInFull(TaskShown):
    """A task with what it takes and what it does."""

    lane: str | None
    on_error: str | None = Field(description="The task that is started where this one fails.")
    input: dict[str, Any] | None = Field(description="The JSON Schema of what it takes, if any.")
    outline: list[OutlinedStep] = Field(description="Each step is followed by those inside it.")


class ScheduleShown(Shown):
    """A schedule."""

    name: str
    task: str
    cron: str
    timezone: str
    overlap: Literal["skip", "allow", "queue"]
    catch_up: Literal["last", "none", "all"]
    clock: Literal["scheduled", "real"]
    paused: bool
    next: list[Moment] = Field(description="When it fires next.")
    last_fired_at: Moment | None
    last_run: RunId | None
    fires: int
    skipped: int


class LaneShown(Shown):
    """A lane."""

    name: str
    delay_s: float
    max_concurrent: int
    timeout_ms: float | None
    due: int
    waiting: int
    running: int
    oldest_due_age_s: float | None
    finished_per_minute: float
    paused: bool


class LaneList(Shown):
    """The lanes."""

    items: list[LaneShown]


class Pauses(Shown):
    """What is paused."""

    all: bool
    lanes: list[str]
    stacks: list[str]
