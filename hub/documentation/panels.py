"""The panels of the dashboard: what is asked of Prometheus, a row for each room.

They are made of the families themselves, so that none asks for what is not told.
"""

from dataclasses import dataclass
from typing import Literal

from hub.observe import families as f
from hub.observe.families import Family

_OURS = 'job=~"$job"'
_WINDOW = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Panel:
    """A picture of some queries, each with the legend of its lines."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    about: str = ""
    kind: Literal["timeseries", "stat"] = "timeseries"
    stacked: bool = False


def _all(family: Family, more: str = "") -> str:
    """A family's series of these jobs; ``more`` picks among them."""
    return f"{family.told}{{{_OURS}{',' if more else ''}{more}}}"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""


def _grown(family: Family, by: str = "") -> str:
    """How much a counter has grown since the last point."""
    return f"sum{_by(by)} (increase({_all(family)}[{_WINDOW}]))"


def _rate(family: Family, by: str = "", more: str = "") -> str:
    """How much a counter grows in a second."""
    return f"sum{_by(by)} (rate({_all(family, more)}[{_WINDOW}]))"


def _quantile(share: float, family: Family, by: str = "") -> str:
    """A quantile of a histogram."""
    within = f"{family.name}_bucket{{{_OURS}}}"
    groups = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({groups}) (rate({within}[{_WINDOW}])))"


def _quantiles(family: Family) -> tuple[tuple[str, str], ...]:
    return tuple((_quantile(each / 100, family), f"p{each}") for each in (50, 95, 99))


def _whole(family: Family, by: str = "") -> str:
    """What every server says of the whole hub, once."""
    return f"max{_by(by)} ({_all(family)})"


_MEAN_BATCH = (
    f"sum (rate({f.COMMIT_ITEMS.name}_sum{{{_OURS}}}[{_WINDOW}])) / "
    f"sum (rate({f.COMMIT_ITEMS.name}_count{{{_OURS}}}[{_WINDOW}]))"
)
_FAILING = (
    _rate(f.ATTEMPTS, "destination", 'outcome!="delivered"')
    + " / "
    + _rate(f.ATTEMPTS, "destination")
)

ROWS: dict[str, tuple[Panel, ...]] = {
    "At a glance": (
        Panel("Events", "reqps", ((_rate(f.EVENTS, more='fate="accepted"'), ""),), kind="stat"),
        Panel("Runs failed", "cps", ((_rate(f.RUNS, more='outcome="failed"'), ""),), kind="stat"),
        Panel(
            "Open breakers",
            "short",
            ((f"sum (max by (destination) ({_all(f.BREAKER_STATE)}) == bool 2)", ""),),
            kind="stat",
        ),
        Panel("Dead letters", "short", ((_whole(f.DEAD_LETTERS), ""),), kind="stat"),
    ),
    "In": (
        Panel("Events by fate", "reqps", ((_rate(f.EVENTS, "fate"), "{{fate}}"),), stacked=True),
        Panel(
            "Events by source",
            "reqps",
            ((_rate(f.EVENTS, "source", 'fate="accepted"'), "{{source}}"),),
        ),
        Panel(
            "Refused, by why",
            "reqps",
            ((_rate(f.REJECTIONS, "source, code"), "{{source}} {{code}}"),),
        ),
        Panel("From request to commit", "s", _quantiles(f.INGEST_SECONDS)),
        Panel("Requests by route", "reqps", ((_rate(f.REQUESTS, "route"), "{{route}}"),)),
        Panel(
            "Answers by status",
            "reqps",
            ((_rate(f.REQUESTS, "status"), "{{status}}"),),
            stacked=True,
        ),
        Panel("p95 by route", "s", ((_quantile(0.95, f.REQUEST_SECONDS, "route"), "{{route}}"),)),
    ),
    "Runs": (
        Panel(
            "Turns by outcome", "cps", ((_rate(f.RUNS, "outcome"), "{{outcome}}"),), stacked=True
        ),
        Panel("Failed, by task", "cps", ((_rate(f.RUNS, "task", 'outcome="failed"'), "{{task}}"),)),
        Panel(
            "p95 of a turn, by task", "s", ((_quantile(0.95, f.RUN_SECONDS, "task"), "{{task}}"),)
        ),
        Panel(
            "p95 of the wait, by lane",
            "s",
            ((_quantile(0.95, f.RUN_WAIT_SECONDS, "lane"), "{{lane}}"),),
        ),
        Panel(
            "Due and later, by lane",
            "short",
            (
                (_whole(f.RUNS_DUE, "lane"), "{{lane}} due"),
                (_whole(f.RUNS_LATER, "lane"), "{{lane}} later"),
                (_whole(f.RUNS_RUNNING, "lane"), "{{lane}} running"),
                (_whole(f.RUNS_HELD), "held by a key"),
            ),
            about="Counted up to 10,000.",
        ),
        Panel("Oldest due, by lane", "s", ((_whole(f.RUNS_OLDEST_SECONDS, "lane"), "{{lane}}"),)),
        Panel(
            "p95 of steps", "s", ((_quantile(0.95, f.STEP_SECONDS, "function"), "{{function}}"),)
        ),
        Panel("Steps that failed", "cps", ((_rate(f.STEP_FAILURES, "function"), "{{function}}"),)),
        Panel("Requests of steps", "reqps", ((_rate(f.STEP_REQUESTS, "outcome"), "{{outcome}}"),)),
        Panel(
            "Schedules", "cps", ((_rate(f.FIRES, "schedule, outcome"), "{{schedule}} {{outcome}}"),)
        ),
        Panel("Schedules, late by", "s", _quantiles(f.FIRE_LATE_SECONDS)),
    ),
    "Out": (
        Panel(
            "Attempts by outcome",
            "reqps",
            ((_rate(f.ATTEMPTS, "outcome"), "{{outcome}}"),),
            stacked=True,
        ),
        Panel("Share that fails, by destination", "percentunit", ((_FAILING, "{{destination}}"),)),
        Panel(
            "p95 of an attempt",
            "s",
            ((_quantile(0.95, f.ATTEMPT_SECONDS, "destination"), "{{destination}}"),),
        ),
        Panel("From making to arrival", "s", _quantiles(f.DELIVERY_SECONDS)),
        Panel(
            "Due and later, by destination",
            "short",
            (
                (_whole(f.DELIVERIES_DUE, "destination"), "{{destination}} due"),
                (_whole(f.DELIVERIES_LATER, "destination"), "{{destination}} later"),
            ),
            about="Counted up to 10,000.",
        ),
        Panel(
            "Oldest due, by destination",
            "s",
            ((_whole(f.DELIVERIES_OLDEST_SECONDS, "destination"), "{{destination}}"),),
        ),
        Panel(
            "Given up",
            "cps",
            ((_rate(f.DELIVERIES, "destination", 'status="dead"'), "{{destination}}"),),
        ),
        Panel(
            "Breakers",
            "short",
            ((_whole(f.BREAKER_STATE, "destination"), "{{destination}}"),),
            about="0 closed, 1 half open, 2 open.",
        ),
        Panel(
            "Breakers that changed",
            "short",
            ((_grown(f.BREAKER_CHANGES, "destination, change"), "{{destination}} {{change}}"),),
        ),
        Panel(
            "Disabled by the hub",
            "short",
            ((_grown(f.DISABLED, "destination"), "{{destination}}"),),
        ),
    ),
    "Live": (
        Panel("Streams", "short", ((f"sum by (instance) ({_all(f.STREAMS)})", "{{instance}}"),)),
        Panel(
            "Messages",
            "cps",
            ((_rate(f.MESSAGES), "said"), (_rate(f.MESSAGES_DELIVERED), "given to listeners")),
        ),
        Panel("From publishing to listeners", "s", _quantiles(f.MESSAGE_SECONDS)),
        Panel(
            "Sent away and cut off",
            "cps",
            ((_rate(f.STREAMS_SHED), "server full"), (_rate(f.STREAMS_CUT), "reader too slow")),
        ),
        Panel(
            "Waiting and dropped",
            "short",
            (
                (_whole(f.OUTBOX), "not published yet"),
                (_rate(f.NEWS_DROPPED), "news dropped a second"),
            ),
        ),
    ),
    "The machine": (
        Panel(
            "Group commit",
            "s",
            (*_quantiles(f.COMMIT_SECONDS), (_quantile(0.95, f.COMMIT_WAIT_SECONDS), "p95 waited")),
        ),
        Panel(
            "Writes in a commit",
            "short",
            (
                (_MEAN_BATCH, "mean"),
                (f"sum ({_all(f.COMMIT_WAITING)})", "waiting"),
                (_rate(f.COMMIT_FAILURES), "failed a second"),
            ),
        ),
        Panel(
            "Under way, of what fits",
            "percentunit",
            (
                (
                    f"sum by (queue) ({_all(f.BUSY)}) / sum by (queue) ({_all(f.CAPACITY)})",
                    "{{queue}}",
                ),
            ),
        ),
        Panel(
            "Rings and claims",
            "cps",
            (
                (_rate(f.RINGS, "queue"), "{{queue}} rings"),
                (_rate(f.CLAIMS, "queue"), "{{queue}} claims"),
                (_rate(f.CLAIMED, "queue"), "{{queue}} rows"),
                (_rate(f.RINGS_LOST), "rings lost"),
            ),
        ),
        Panel(
            "Taken back from silent workers",
            "short",
            ((_grown(f.LEASES_RETURNED, "queue"), "{{queue}}"), (_grown(f.POISONED), "given up")),
        ),
        Panel(
            "Background work",
            "short",
            (
                (_grown(f.RESTARTS, "name"), "{{name}} restarted"),
                (f"sum by (name) ({_all(f.TROUBLED)}) > 0", "{{name}} not well"),
            ),
        ),
        Panel(
            "Event loop late by",
            "s",
            ((_quantile(0.99, f.LOOP_LAG_SECONDS, "instance"), "{{instance}}"),),
        ),
        Panel(
            "Processor",
            "percentunit",
            (
                (
                    f"sum by (instance) (rate(process_cpu_seconds_total{{{_OURS}}}[{_WINDOW}]))",
                    "{{instance}}",
                ),
            ),
        ),
        Panel(
            "Memory",
            "bytes",
            ((f"sum by (instance) (process_resident_memory_bytes{{{_OURS}}})", "{{instance}}"),),
        ),
        Panel(
            "Open files",
            "short",
            ((f"sum by (instance) (process_open_fds{{{_OURS}}})", "{{instance}}"),),
        ),
        Panel(
            "Kept files",
            "bytes",
            ((_whole(f.FILES_BYTES), "held"), (_whole(f.FILES_LIMIT), "limit")),
        ),
        Panel(
            "What runs",
            "short",
            (
                (
                    f"count by (version, python, database) ({_all(f.BUILD)})",
                    "{{version}}, Python {{python}}, {{database}}",
                ),
                (_whole(f.STANDING_AGE), "figures of the whole hub, age in s"),
            ),
        ),
    ),
}
