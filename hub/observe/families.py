"""Families of metrics: the name, kind and labels of everything that ``/metrics`` tells.

One home for them all: ``docs/metrics.md`` is made from here, and a test holds the dashboards and
the alert rules to it. Units are base units, seconds and bytes. No label is ever made of what a
stranger sends.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

_FAST_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
_LONG_S = (0.05, 0.1, 0.25, 0.5, 1, 5, 30, 60, 300, 1800, 3600, 10_800, 43_200, 86_400)
_COUNTS = (1, 2, 5, 10, 20, 50, 100, 200)


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with all its series. A counter's name gets ``_total`` where it is told."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def told(self) -> str:
        """The name as it stands in queries."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


REQUESTS = Family(
    "hub_http_requests",
    "counter",
    "Requests that were answered, by the route's template and the status class.",
    ("route", "method", "status"),
)
REQUEST_SECONDS = Family(
    "hub_http_request_seconds",
    "histogram",
    "From a request's head to the end of its answer; live streams are not in it.",
    ("route",),
    _FAST_S,
)

EVENTS = Family(
    "hub_events",
    "counter",
    "What came to sources: accepted, duplicate, rejected, challenge, not_committed.",
    ("source", "fate"),
)
REJECTIONS = Family(
    "hub_events_rejected", "counter", "Requests that sources refused, by why.", ("source", "code")
)
INGEST_SECONDS = Family(
    "hub_ingest_seconds",
    "histogram",
    "From a sender's request to its commit, of what was accepted or a duplicate.",
    (),
    _FAST_S,
)

COMMIT_ITEMS = Family(
    "hub_commit_items", "histogram", "Writes that one group commit took together.", (), _COUNTS
)
COMMIT_SECONDS = Family(
    "hub_commit_seconds", "histogram", "How long a group commit took.", (), _FAST_S
)
COMMIT_WAIT_SECONDS = Family(
    "hub_commit_wait_seconds",
    "histogram",
    "How long the first write of a group waited for the group before it.",
    (),
    _FAST_S,
)
COMMIT_FAILURES = Family(
    "hub_commit_failures", "counter", "Writes that the database did not commit in time."
)
COMMIT_WAITING = Family("hub_commit_waiting", "gauge", "Writes that wait for the next commit.")

RUNS = Family(
    "hub_runs",
    "counter",
    "Turns of runs by how they ended: succeeded, failed, parked, interrupted, lease_lost; and "
    "what was done by hand: retried, cancelled.",
    ("task", "outcome"),
)
RUN_SECONDS = Family(
    "hub_run_seconds", "histogram", "How long a turn of a run worked.", ("task",), _SLOW_S
)
RUN_WAIT_SECONDS = Family(
    "hub_run_wait_seconds",
    "histogram",
    "From when a run was due to when it began or went on.",
    ("lane",),
    _SLOW_S,
)
STEP_SECONDS = Family(
    "hub_step_seconds",
    "histogram",
    "How long steps took that touch the world.",
    ("function",),
    _SLOW_S,
)
STEP_FAILURES = Family(
    "hub_step_failures", "counter", "Steps that touch the world and failed.", ("function",)
)
STEP_REQUESTS = Family(
    "hub_step_requests",
    "counter",
    "Requests of steps by how the answer was read; no_answer where there was none.",
    ("destination", "outcome"),
)

ATTEMPTS = Family(
    "hub_attempts",
    "counter",
    "Attempts of deliveries by how the answer was read, and its status class.",
    ("destination", "outcome", "status"),
)
ATTEMPT_SECONDS = Family(
    "hub_attempt_seconds",
    "histogram",
    "How long an attempt's request took.",
    ("destination",),
    _SLOW_S,
)
DELIVERIES = Family(
    "hub_deliveries",
    "counter",
    "What attempts meant for their deliveries: delivered, retrying, dead.",
    ("destination", "status"),
)
DELIVERY_SECONDS = Family(
    "hub_delivery_seconds",
    "histogram",
    "From a delivery's making to its arrival, with all tries and waits.",
    (),
    _LONG_S,
)
BREAKER_CHANGES = Family(
    "hub_breaker_changes",
    "counter",
    "Breakers that have opened, reopened or closed, as this process saw it.",
    ("destination", "change"),
)
DISABLED = Family(
    "hub_destinations_disabled", "counter", "Destinations that the hub disabled.", ("destination",)
)

STREAMS = Family("hub_streams", "gauge", "Live streams that are open.")
MESSAGES = Family("hub_messages", "counter", "Messages that came in for listeners here.")
MESSAGES_DELIVERED = Family(
    "hub_messages_delivered", "counter", "Messages given to listeners, once for each of them."
)
MESSAGE_SECONDS = Family(
    "hub_message_seconds",
    "histogram",
    "From a message's publishing to its listeners here; clocks of hosts may differ.",
    (),
    _FAST_S,
)
STREAMS_CUT = Family("hub_streams_cut", "counter", "Streams whose reader was too slow, and left.")
STREAMS_SHED = Family(
    "hub_streams_shed", "counter", "Streams that were sent away, because the server was full."
)

RINGS = Family("hub_rings", "counter", "Rings of the doorbell through Redis.", ("queue",))
RINGS_LOST = Family(
    "hub_rings_lost", "counter", "Rings that Redis did not take; the work is found a moment later."
)
CLAIMS = Family("hub_drain_claims", "counter", "Looks for due rows.", ("queue",))
CLAIMED = Family("hub_drain_claimed", "counter", "Due rows that were taken.", ("queue",))
BUSY = Family("hub_drain_busy", "gauge", "Rows under way in this process.", ("queue",))
CAPACITY = Family("hub_drain_capacity", "gauge", "Rows that it takes at once.", ("queue",))
LEASES_RETURNED = Family(
    "hub_leases_returned",
    "counter",
    "Rows taken back from workers that fell silent.",
    ("queue",),
)
POISONED = Family(
    "hub_runs_poisoned", "counter", "Runs given up because their workers died under them."
)
FIRES = Family(
    "hub_schedule_fires",
    "counter",
    "Times of schedules: fired, skipped because the last run goes on, missed.",
    ("schedule", "outcome"),
)
FIRE_LATE_SECONDS = Family(
    "hub_schedule_late_seconds",
    "histogram",
    "From a schedule's time to its run.",
    (),
    _SLOW_S,
)

RESTARTS = Family(
    "hub_background_restarts", "counter", "Background work that failed and began again.", ("name",)
)
TROUBLED = Family(
    "hub_background_troubled", "gauge", "1 while background work is not well, else 0.", ("name",)
)
NEWS_DROPPED = Family(
    "hub_delivery_news_dropped", "counter", "News of deliveries that Redis did not take."
)
LOOP_LAG_SECONDS = Family(
    "hub_loop_lag_seconds",
    "histogram",
    "How much later than asked the event loop went on.",
    (),
    _FAST_S,
)
BUILD = Family(
    "hub_build_info", "gauge", "Always 1, with what runs.", ("version", "python", "database")
)

RUNS_DUE = Family("hub_runs_due", "gauge", "Runs that could begin or go on.", ("lane",))
RUNS_LATER = Family("hub_runs_later", "gauge", "Runs whose time has not come.", ("lane",))
RUNS_RUNNING = Family("hub_runs_running", "gauge", "Runs under way in the hub.", ("lane",))
RUNS_OLDEST_SECONDS = Family(
    "hub_runs_oldest_due_seconds", "gauge", "How long the first of them has been due.", ("lane",)
)
RUNS_HELD = Family("hub_runs_held", "gauge", "Runs that wait for another one with their key.")
DELIVERIES_DUE = Family(
    "hub_deliveries_due", "gauge", "Deliveries that could leave now.", ("destination",)
)
DELIVERIES_LATER = Family(
    "hub_deliveries_later", "gauge", "Deliveries that wait for their next try.", ("destination",)
)
DELIVERIES_OLDEST_SECONDS = Family(
    "hub_deliveries_oldest_due_seconds",
    "gauge",
    "How long the first of them has been due.",
    ("destination",),
)
DEAD_LETTERS = Family("hub_dead_letters", "gauge", "Deliveries that were given up and are kept.")
BREAKER_STATE = Family(
    "hub_breaker_state", "gauge", "0 closed, 1 half open, 2 open.", ("destination",)
)
OUTBOX = Family("hub_outbox_waiting", "gauge", "Committed messages that are not published.")
FILES_BYTES = Family("hub_files_bytes", "gauge", "What all kept files hold together.")
FILES_LIMIT = Family("hub_files_limit_bytes", "gauge", "What they may hold.")
STANDING_AGE = Family(
    "hub_standing_age_seconds", "gauge", "How old the figures of the whole hub are."
)

ROOMS: dict[str, tuple[Family, ...]] = {
    "In": (REQUESTS, REQUEST_SECONDS, EVENTS, REJECTIONS, INGEST_SECONDS),
    "The ledger": (
        COMMIT_ITEMS,
        COMMIT_SECONDS,
        COMMIT_WAIT_SECONDS,
        COMMIT_FAILURES,
        COMMIT_WAITING,
    ),
    "Runs": (
        *(RUNS, RUN_SECONDS, RUN_WAIT_SECONDS, STEP_SECONDS, STEP_FAILURES, STEP_REQUESTS),
        *(POISONED, FIRES, FIRE_LATE_SECONDS),
    ),
    "Out": (
        *(ATTEMPTS, ATTEMPT_SECONDS, DELIVERIES, DELIVERY_SECONDS),
        *(BREAKER_CHANGES, DISABLED),
    ),
    "Live": (
        *(STREAMS, STREAMS_CUT, STREAMS_SHED),
        *(MESSAGES, MESSAGES_DELIVERED, MESSAGE_SECONDS, NEWS_DROPPED),
    ),
    "The machine": (
        *(RINGS, RINGS_LOST, CLAIMS, CLAIMED, BUSY, CAPACITY, LEASES_RETURNED),
        *(RESTARTS, TROUBLED, LOOP_LAG_SECONDS, BUILD),
    ),
}
"""What each process tells of itself."""

STANDING = (
    *(RUNS_DUE, RUNS_LATER, RUNS_RUNNING, RUNS_OLDEST_SECONDS, RUNS_HELD),
    *(DELIVERIES_DUE, DELIVERIES_LATER, DELIVERIES_OLDEST_SECONDS, DEAD_LETTERS, BREAKER_STATE),
    *(OUTBOX, FILES_BYTES, FILES_LIMIT, STANDING_AGE),
)
"""What servers tell of the whole hub, all of them the same."""

FAMILIES = (*(each for room in ROOMS.values() for each in room), *STANDING)
