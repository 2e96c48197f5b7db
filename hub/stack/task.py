"""What a stack's text becomes: tasks that can run, and what starts them."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from hub.expr import Compiled
from hub.model.table import TableSpec
from hub.stack.input import InputSchema
from hub.stack.patience import Retry
from hub.stack.problem import Problem
from hub.stack.step import Step
from hub.stack.turn import MAX_STEPS

if TYPE_CHECKING:
    from hub.stack.shapes import JwtAuth, KeyAuth, PublicAuth

_PARAMETER = re.compile(r"\{[^}]*\}")
Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Task:
    """A task that can run."""

    stack: str
    name: str
    version: str
    steps: tuple[Step, ...]
    names: frozenset[str]
    """Every root name that its expressions read."""
    source: str | None = None
    description: str | None = None
    input: InputSchema | None = None
    on_error: str | None = None
    """The task that is started where this one fails."""
    max_steps: int = MAX_STEPS
    timeout_us: int | None = None
    """The active time of one turn."""
    retry: Retry | None = None
    lane: str | None = None
    concurrency_key: Compiled | None = None
    completion_webhook: str | None = None
    """Who is told when a run has ended: a URL, or a destination."""
    queueable: bool = False
    """Data from outside may name it as what is to be done."""

    @property
    def full_name(self) -> str:
        """``stack/task``."""
        return f"{self.stack}/{self.name}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A path that runs a task and answers with what it returns."""

    method: Method
    path: str
    """With parameters in braces: ``/orders/{id}``."""
    task: str
    """Its full name."""
    auth: "KeyAuth | JwtAuth | PublicAuth"
    cors: tuple[str, ...] = ()
    """Origins, or ``*``, or ``weweb``."""
    wait_s: float = 25
    raw: frozenset[str] | None = None
    """Header fields with signatures, of which steps of its stack read; None where none reads
    requests as they come."""

    def meets(self, other: "Endpoint") -> bool:
        """Whether a request could mean either: alike but for the names of their parameters."""
        return (self.method, _PARAMETER.sub("{}", self.path)) == (
            other.method,
            _PARAMETER.sub("{}", other.path),
        )


@dataclass(frozen=True, slots=True)
class Schedule:
    """A task's times."""

    name: str
    """Its full name is that of its task."""
    cron: str
    task: str
    timezone: str | None = None
    overlap: Literal["skip", "allow", "queue"] = "skip"
    catch_up: Literal["last", "none", "all"] = "last"
    clock: Literal["scheduled", "real"] = "scheduled"


@dataclass(frozen=True, slots=True)
class Lane:
    """The settings of a lane."""

    delay_s: float | None = None
    max_concurrent: int | None = None
    timeout_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that stands for a task, or for a function that is none of the hub's own."""

    kind: Literal["function", "task"]
    name: str
    caller: str
    """The task in which it stands."""
    inline: bool
    """It is run inside its caller."""
    line: int
    column: int
    pointer: str


@dataclass(frozen=True, slots=True)
class Stack:
    """A loaded version of a stack."""

    name: str
    version: str
    tasks: dict[str, Task]
    endpoints: tuple[Endpoint, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    lanes: dict[str, Lane] = field(default_factory=dict)
    tables: dict[str, TableSpec] = field(default_factory=dict)
    """What it declares of tables."""
    references: tuple[Reference, ...] = ()
    """The names of tasks and functions that it uses."""
    doubts: tuple[Problem, ...] = ()
    """What is doubtful about it, and does not keep it from being loaded."""
