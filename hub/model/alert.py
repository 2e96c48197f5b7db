"""Alert: a rule of what the hub watches of itself, and whom it tells; and how a subject stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, get_args

from pydantic import Field, StringConstraints, model_validator

from hub.model.condition import CONDITIONS, About, Condition
from hub.model.scheme import Shape

FIRING = "firing"
"""No rule may have this name: ``GET /v1/alerts/firing`` is what fires now."""
When = Literal[
    "task_failures",
    "task_failure_rate",
    "delivery_failure_rate",
    "dead_letters",
    "lane_depth",
    "lane_age",
    "destination_depth",
    "destination_age",
    "breaker_open",
    "destination_disabled",
    "rejected_spike",
    "schedule_missed",
    "process_failing",
    "disk_low",
    "redis_unavailable",
    "ledger_unavailable",
]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S+$")]
_Slug = Annotated[str, StringConstraints(min_length=1, max_length=100)]
_LONGEST_S = 30 * 86_400.0


class Severity(StrEnum):
    """How bad it is."""

    WARNING = "warning"
    CRITICAL = "critical"


class Of(Shape):
    """What a rule is about, where not everything: a name, or a pattern with ``*``."""

    task: _Name | None = Field(None, description="Full names: `shop/*`.")
    destination: _Name | None = None
    source: _Name | None = None
    lane: _Name | None = None
    schedule: _Name | None = Field(None, description="Full names, as tasks have.")

    @model_validator(mode="after")
    def _names_one(self) -> "Of":
        if len(self.given) != 1:
            raise ValueError(f"Name one of {', '.join(get_args(About))}")
        return self

    @property
    def given(self) -> Mapping[str, str]:
        """The one that is named, with its name."""
        return {name: value for name, value in self if value is not None}


class Alert(Shape):
    """A rule as people set it; what is left out is as the condition has it."""

    when: When = Field(description="The condition that is watched.")
    of: Of | None = Field(None, description="Only what has this name; `*` fits any text.")
    threshold: float | None = Field(None, ge=0, le=100_000, description="From where on it holds.")
    window_s: float | None = Field(
        None, ge=1, le=86_400, description="Over how long it is counted."
    )
    at_least: int | None = Field(
        None, ge=1, le=5000, description="Of a share: among so many, or it says nothing."
    )
    ratio: float | None = Field(
        None, ge=1, le=1000, description="So many times as often as in the hour before."
    )
    for_s: float | None = Field(
        None, ge=0, le=86_400, description="It has to hold for so long before it is told."
    )
    clear_s: float = Field(
        60.0, ge=0, le=86_400, description="It is over once it has not held for so long."
    )
    quiet_s: float = Field(
        14_400.0, ge=1, le=_LONGEST_S, description="While it lasts it is told again so often."
    )
    destinations: tuple[_Slug, ...] = Field(
        (), max_length=20, description="Who is told; without any `HUB_ALERT_DESTINATIONS`."
    )
    severity: Severity = Severity.WARNING
    hint: str | None = Field(
        None, max_length=1000, description="What to do about it, told instead of the hub's advice."
    )
    enabled: bool = Field(True, description="Whether it is watched at all.")

    @model_validator(mode="after")
    def _fits_the_condition(self) -> "Alert":
        condition = self.condition
        if self.of is not None and condition.about not in self.of.given:
            about = condition.about
            raise ValueError(
                f"{self.when} is about the hub itself: leave 'of' out"
                if about is None
                else f"{self.when} is about a {about}: write of: {{{about}: …}}"
            )
        for name in ("threshold", "window_s", "at_least", "ratio"):
            if getattr(self, name) is not None and getattr(condition, name) is None:
                raise ValueError(f"{self.when} has no {name}: leave it out")
        if condition.measure == "share" and self.threshold is not None and self.threshold > 1:
            raise ValueError("A share is from 0 to 1: 0.5 is half of them")
        if self.threshold == 0 and not condition.is_low:
            raise ValueError("With a threshold of 0 it would always hold")
        return self

    @property
    def condition(self) -> Condition:
        """What it watches."""
        return CONDITIONS[self.when]

    @property
    def limit(self) -> float | None:
        """The threshold that counts; None where the condition has none."""
        return self.condition.threshold if self.threshold is None else self.threshold

    @property
    def over_s(self) -> float | None:
        """The window that counts; None where the condition has none."""
        return self.condition.window_s if self.window_s is None else self.window_s

    @property
    def wait_s(self) -> float:
        """How long it has to hold."""
        return self.condition.for_s if self.for_s is None else self.for_s

    @property
    def among(self) -> int:
        """Of how many a share has to be."""
        return self.at_least or self.condition.at_least or 1

    @property
    def times(self) -> float:
        """How many times as often as before."""
        return self.ratio or self.condition.ratio or 1.0

    @property
    def pattern(self) -> str:
        """The names that it is about."""
        return "*" if self.of is None else next(iter(self.of.given.values()))


BUILT_IN: Mapping[str, Alert] = {
    "tasks-failing": Alert(when="task_failures"),
    "deliveries-failing": Alert(when="delivery_failure_rate"),
    "dead-letters": Alert(when="dead_letters"),
    "breakers-open": Alert(when="breaker_open"),
    "destinations-disabled": Alert(when="destination_disabled", severity=Severity.CRITICAL),
    "lanes-behind": Alert(when="lane_age"),
    "destinations-behind": Alert(when="destination_age"),
    "requests-rejected": Alert(when="rejected_spike"),
    "schedules-missed": Alert(when="schedule_missed"),
    "processes-failing": Alert(when="process_failing"),
    "disk-low": Alert(when="disk_low", severity=Severity.CRITICAL),
    "redis-unavailable": Alert(when="redis_unavailable", severity=Severity.CRITICAL),
    "ledger-unavailable": Alert(when="ledger_unavailable", severity=Severity.CRITICAL),
}
"""The rules that there are from the beginning; one that is set under the same name counts."""


class Phase(StrEnum):
    """How a subject stands with a rule."""

    PENDING = "pending"
    """It holds, but not yet for long enough."""
    FIRING = "firing"
    RESOLVED = "resolved"
    """It is over, and remembered for a while."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one subject stands with one rule. Times are microseconds since the epoch."""

    rule: str
    subject: str
    """A name of what the condition is about; what else it tells apart where that is nothing."""
    when: str
    """The condition: the rule may be gone by the time that it is over."""
    severity: str
    phase: Phase
    since: int
    """Since when it is in this phase."""
    value: float
    clear_since: int | None = None
    """It fires, and has not held since then."""
    fired_at: int | None = None
    """When it began to fire."""
    is_told: bool = False
    """Whether this phase was told."""
    notified_at: int | None = None
    """When it was told of last."""
    told: tuple[str, ...] = ()
    """The destinations that were told that it fires, and are to hear when it is over."""
    flaps: int = 0
    """How often it has come back before it was quiet for long enough."""
