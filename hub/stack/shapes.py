"""The shapes in which people write tasks, endpoints, schedules and lanes."""

import re
from typing import Annotated, Any, ClassVar, Literal, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from hub.model.delivery import Webhook
from hub.model.table import TableName, TableSpec
from hub.stack.cron import check_cron
from hub.stack.input import InputSchema
from hub.stack.patience import MAX_WAIT_S, Retry
from hub.stack.step import OptionalValue
from hub.stack.steps import AnyStep
from hub.stack.task import Method
from hub.stack.turn import MAX_STEPS

RESERVED_PATHS = (
    "/v1", "/in", "/realtime", "/files", "/resume", "/healthz", "/readyz", "/metrics", "/docs",
    "/openapi.json", "/dashboard", "/login", "/demo", "/hub.js", "/static",
)  # fmt: skip
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/{}-]{0,200}")
_PARAMETER = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]{0,60}\}")
_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_. -]{0,99}$"
_MS_S = 1000
Name: TypeAlias = Annotated[str, StringConstraints(pattern=_NAME)]
Milliseconds: TypeAlias = Annotated[float, Field(gt=0, le=MAX_WAIT_S * _MS_S)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    InputSchema.of(schema)
    return schema


class TaskFields(_Shape):
    """What may stand beside the steps of whatever runs."""

    function_stack: tuple[AnyStep, ...] = Field(description="The steps.")
    tables: dict[TableName, TableSpec] = Field(
        default_factory=dict, description="What is declared of the tables that it works on."
    )
    description: str | None = Field(None, description="A remark for people.")
    input: Annotated[dict[str, Any], AfterValidator(_schema)] | None = Field(
        None, description="A JSON Schema that the input has to fit."
    )
    on_error: str | None = Field(None, description="The task that is started where this fails.")
    timeout: Milliseconds | None = Field(
        None, description="Milliseconds that a turn may work; without it one hour."
    )
    timeout_s: Annotated[float, Field(gt=0, le=MAX_WAIT_S)] | None = Field(
        None, description="The same in seconds."
    )
    max_steps: int = Field(MAX_STEPS, ge=1, le=10_000_000, description="Steps that a run may make.")
    retry: Retry | None = Field(
        None, description="Goes on from the failed step again, with growing pauses."
    )
    source: str | None = Field(None, description="Runs for each event of this source.")
    lane: str | None = Field(
        None,
        validation_alias=AliasChoices("lane", "queue", "priority"),
        description="Whose limits hold for its runs: high, normal or low.",
    )
    concurrency_key: OptionalValue = Field(
        None, description="Of the runs with the same key one works at a time."
    )
    completion_webhook: Webhook | None = Field(
        None,
        description="Who is told when a run has ended: a URL, `{{env.NAME}}`, or a destination.",
    )
    queueable: bool = Field(False, description="Data from outside may name this task.")


class TaskDocument(TaskFields):
    """A task."""

    NAMES: ClassVar[tuple[str, ...]] = ("task", "background_task", "name")

    task: Name | None = Field(None, description="The task's name.")
    background_task: Name | None = Field(None, description="The same.")
    name: Name | None = Field(None, description="The same.")


class EndpointDocument(TaskDocument):
    """A path that runs a task, and answers with what it returns."""

    PATHS: ClassVar[tuple[str, ...]] = ("api_endpoint", "endpoint")

    path: str = Field(
        validation_alias=AliasChoices("api_endpoint", "endpoint"),
        description="The path, with parameters in braces.",
    )
    method: Method = Field("POST", description="The HTTP method.")
    auth: "Auth" = Field("key", description="Who may call it.")
    cors: "Cors" = Field(False, description="Which pages may call it from a browser.")
    wait_s: float = Field(25, gt=0, le=60, description="How long the caller waits, in seconds.")

    @model_validator(mode="after")
    def _usable(self) -> "EndpointDocument":
        check_path(self.path)
        return self


class JwtAuth(_Shape):
    """A token of your own issuer: who it is for is in ``auth.user``."""

    mode: Literal["jwt"]
    issuer: str = Field(description="Its `iss`.")
    audience: str = Field(description="Its `aud`.")
    secret: str | None = Field(
        None, description="The variable that holds the shared secret (HS256, HS384, HS512)."
    )
    public_key: str | None = Field(
        None, description="The variable that holds the public key in PEM (RS, PS, ES, EdDSA)."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> "JwtAuth":
        if (self.secret is None) == (self.public_key is None):
            raise ValueError("Give either 'secret' or 'public_key': the name of a variable")
        return self


class PublicAuth(_Shape):
    """Anybody, so many times."""

    mode: Literal["public"]
    per_minute: int = Field(60, ge=1, le=100_000, description="Calls a minute from an address.")


class KeyAuth(_Shape):
    """An API key with the scope ``run``."""

    mode: Literal["key"] = "key"


Auth: TypeAlias = Literal["key", "public"] | KeyAuth | JwtAuth | PublicAuth
Cors: TypeAlias = bool | Literal["weweb"] | str | tuple[str, ...]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        raise ValueError(
            "There is no such time zone: give an IANA name like Europe/Berlin"
        ) from None
    return name


class ScheduleBody(TaskFields):
    """A task and its times."""

    name: Name = Field(description="The task's name.")
    schedule: Annotated[str, Field(max_length=200), AfterValidator(check_cron)] = Field(
        description="Five cron fields."
    )
    timezone: Annotated[str, AfterValidator(_zone)] | None = Field(
        None, description="An IANA name; without it the hub's own zone."
    )
    overlap: Literal["skip", "allow", "queue"] = Field(
        "skip", description="What happens where the last run has not ended."
    )
    catch_up: Literal["last", "none", "all"] = Field(
        "last", description="Which of the times that were missed are made up for."
    )
    clock: Literal["scheduled", "real"] = Field(
        "scheduled", description="Whether `now()` is the time of the schedule."
    )


class ScheduleDocument(_Shape):
    """A task that runs at its times."""

    scheduled_task: ScheduleBody


class LaneBody(_Shape):
    """The settings of a lane."""

    delay: float | None = Field(
        None, ge=0, le=MAX_WAIT_S, description="What get_priority_delay gives, in seconds."
    )
    max_concurrent: int | None = Field(None, ge=1, le=100_000, description="Runs at once.")
    timeout: Milliseconds | None = Field(None, description="Milliseconds that a turn may work.")


class TablesDocument(_Shape):
    """What is declared of tables, apart from any task."""

    tables: dict[TableName, TableSpec] = Field(description="Their columns, by table.")


class LanesBody(_Shape):
    """The lanes that are set."""

    high_priority: LaneBody | None = Field(
        None, validation_alias=AliasChoices("high_priority", "high")
    )
    normal_priority: LaneBody | None = Field(
        None, validation_alias=AliasChoices("normal_priority", "normal")
    )
    low_priority: LaneBody | None = Field(
        None, validation_alias=AliasChoices("low_priority", "low")
    )


def check_path(path: str) -> None:
    """Refuse a path that no endpoint can have.

    Raises:
        ValueError: it is no path, or one of the hub's own.
    """
    plain = _PARAMETER.sub("x", path)
    if not _PATH.fullmatch(path) or "{" in plain or "}" in plain or "//" in path or "/../" in path:
        raise ValueError(
            "A path begins with / and holds letters, digits and signs of a URL; "
            "a parameter is a name in braces"
        )
    for prefix in RESERVED_PATHS:
        if plain == prefix or plain.startswith(f"{prefix}/"):
            raise ValueError(f"Paths under {prefix} are the hub's own: choose another one")
    if plain == "/":
        raise ValueError("The path / is the hub's own: choose another one")


EndpointDocument.model_rebuild()
