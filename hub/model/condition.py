"""Condition: what the hub can watch of itself, and how it is told of.

Each is measured for one subject after the other: a task, a destination, a lane. It holds where
the measure has come up to the threshold, or down to it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hub.model.time import US_PER_S

About: TypeAlias = Literal["task", "destination", "source", "lane", "schedule"]
"""What a condition can be about, and ``of`` can name."""
Measure: TypeAlias = Literal["count", "share", "seconds", "percent", "state"]
"""How its value reads; a ``state`` holds or does not, and has no threshold."""

LEDGER_UNAVAILABLE = "ledger_unavailable"
REDIS_UNAVAILABLE = "redis_unavailable"
PROCESS_FAILING = "process_failing"
DISK_LOW = "disk_low"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that can be watched, with what counts where a rule says nothing else."""

    name: str
    about: About | None
    """None: it is about the hub itself, and a rule has no ``of``."""
    watches: str
    """What its value is, for the page that lists the conditions."""
    says: str
    """A sentence with ``{name}``, ``{value}`` and ``{window}``."""
    do: str
    """What to do next."""
    looks_at: str
    """Path of the API that shows more, with ``{name}``."""
    measure: Measure = "count"
    threshold: float | None = None
    window_s: float | None = None
    """Over how long it is counted; None: it is about now."""
    for_s: float = 0.0
    at_least: int | None = None
    """A share counts only among so many."""
    ratio: float | None = None
    """So many times as often as in the hour before."""
    is_low: bool = False
    """It holds where the value is at the threshold or below."""

    def holds(self, value: float, threshold: float | None) -> bool:
        """Whether a value is so far that it is to be told."""
        if threshold is None:
            return value > 0
        return value <= threshold if self.is_low else value >= threshold

    def shown(self, value: float) -> str:
        """A value as people read it."""
        match self.measure:
            case "share":
                return f"{100 * value:.0f} %"
            case "percent":
                return f"{value:.1f} %"
            case "seconds":
                return lasting(value)
        return f"{value:,.0f}"

    def message(self, name: str, value: float, window_s: float | None) -> str:
        """What has happened, in one sentence."""
        window = lasting(window_s or 0.0)
        return self.says.format(name=name, value=self.shown(value), window=window)


def lasting(seconds: float) -> str:
    """A duration as people read it: ``45 s``, ``12 min``, ``2 h 5 min``, ``3 d 4 h``."""
    whole = max(0, round(seconds))
    for big, small, names in ((86_400, 3600, ("d", "h")), (3600, 60, ("h", "min"))):
        if whole >= big:
            many, rest = whole // big, whole % big // small
            return f"{many} {names[0]}" + (f" {rest} {names[1]}" if rest else "")
    if whole >= 120:
        return f"{whole // 60} min"
    return f"{whole} s"


def lasting_us(us: int) -> str:
    """The same for microseconds."""
    return lasting(us / US_PER_S)


def _known(conditions: Iterable[Condition]) -> Mapping[str, Condition]:
    return {each.name: each for each in conditions}


CONDITIONS: Mapping[str, Condition] = _known(
    (
        Condition(
            "task_failures",
            "task",
            "Runs of a task that failed within the window.",
            "{value} runs of the task {name} failed within {window}.",
            "Look at the failed runs, mend what they trip over, then retry them.",
            "/v1/runs?status=failed&task={name}",
            threshold=10,
            window_s=300,
        ),
        Condition(
            "task_failure_rate",
            "task",
            "How large a share of a task's runs failed, of those asked for within the window "
            "that have ended; of the last 5,000 at most.",
            "{value} of the runs of the task {name} failed within {window}.",
            "Look at the failed runs, mend what they trip over, then retry them.",
            "/v1/runs?status=failed&task={name}",
            measure="share",
            threshold=0.5,
            window_s=300,
            at_least=10,
        ),
        Condition(
            "delivery_failure_rate",
            "destination",
            "How large a share of a destination's deliveries has not arrived, of those made "
            "within the window that were tried; of the last 5,000 at most.",
            "{value} of what was sent to {name} within {window} has not arrived.",
            "Look at the attempts, and at whatever runs behind the destination's URL.",
            "/v1/deliveries?destination={name}",
            measure="share",
            threshold=0.5,
            window_s=300,
            at_least=10,
        ),
        Condition(
            "dead_letters",
            "destination",
            "Deliveries to a destination that were given up within the window.",
            "{value} deliveries to {name} were given up within {window}.",
            "Look at why, mend it, then replay them: `hub replay --dead --destination {name}`.",
            "/v1/deliveries?status=dead&destination={name}",
            threshold=1,
            window_s=900,
        ),
        Condition(
            "lane_depth",
            "lane",
            "Runs of a lane that are due and have not begun; counted up to the threshold.",
            "At least {value} runs wait in the lane {name}.",
            "Start more workers, or raise the lane's max_concurrent.",
            "/v1/lanes",
            threshold=1000,
        ),
        Condition(
            "lane_age",
            "lane",
            "How long the oldest due run of a lane has waited for its turn, in seconds; "
            "not of a lane that is paused.",
            "The oldest run in the lane {name} has waited for {value}.",
            "See that workers run; start more of them, or raise the lane's max_concurrent.",
            "/v1/lanes",
            measure="seconds",
            threshold=300,
        ),
        Condition(
            "destination_depth",
            "destination",
            "Deliveries that wait for a destination, also for their next try; counted up to the "
            "threshold.",
            "At least {value} deliveries wait for {name}.",
            "See whether the destination is slow, fails, or is paused.",
            "/v1/destinations/{name}",
            threshold=1000,
        ),
        Condition(
            "destination_age",
            "destination",
            "How long the oldest due delivery has waited for an active destination, in seconds.",
            "The oldest delivery to {name} has been due for {value}.",
            "See that workers run, and whether the destination's pacing is too slow for it.",
            "/v1/destinations/{name}",
            measure="seconds",
            threshold=900,
        ),
        Condition(
            "breaker_open",
            "destination",
            "A destination's breaker is open, or half open, and nobody has tripped it by hand.",
            "{name} fails, and its breaker is open.",
            "Look at what runs behind its URL; deliveries wait, and go out once it is back.",
            "/v1/destinations/{name}/breaker",
            measure="state",
            for_s=60,
        ),
        Condition(
            "destination_disabled",
            "destination",
            "A destination is disabled.",
            "{name} is disabled: nothing goes to it.",
            "Mend it, then let it go on with POST /v1/destinations/{name}/resume.",
            "/v1/destinations/{name}",
            measure="state",
        ),
        Condition(
            "rejected_spike",
            "source",
            "Requests to a source that were rejected within the window, if they came at least "
            "`ratio` times as often as in the hour before.",
            "{value} requests to the source {name} were rejected within {window}.",
            "Look at the reasons: a secret that was replaced on one side only, or a stranger.",
            "/v1/events?fate=rejected&source={name}",
            threshold=50,
            window_s=300,
            ratio=5,
        ),
        Condition(
            "schedule_missed",
            "schedule",
            "How long a schedule has been due without having fired, in seconds.",
            "The schedule {name} was due {value} ago and has not fired.",
            "See that a worker runs, and whether its log says schedule or ledger.",
            "/v1/schedules/{name}",
            measure="seconds",
            threshold=120,
        ),
        Condition(
            PROCESS_FAILING,
            None,
            "Processes of the hub in which the same background task fails and is started again.",
            "The background task {name} fails in {value} of the hub's processes.",
            "Look for task.restarted in the log.",
            "/readyz",
            for_s=30,
            threshold=1,
        ),
        Condition(
            DISK_LOW,
            None,
            "How much of the disk of the data folder is free, in percent, on each machine.",
            "On {name} only {value} of the disk are free.",
            "Make room: keep files and what is finished for a shorter time, or get a larger disk.",
            "/readyz",
            measure="percent",
            threshold=5,
            is_low=True,
        ),
        Condition(
            REDIS_UNAVAILABLE,
            None,
            "Redis does not answer, so nothing leaves the hub.",
            "Redis does not answer: events are taken, and nothing leaves the hub.",
            "Start Redis again, or mend the way to it.",
            "/readyz",
            measure="state",
            for_s=60,
        ),
        Condition(
            LEDGER_UNAVAILABLE,
            None,
            "The database does not answer, so no event can be taken.",
            "The database does not answer: no event can be taken.",
            "Start the database again, or mend the way to it.",
            "/readyz",
            measure="state",
            for_s=30,
        ),
    )
)
