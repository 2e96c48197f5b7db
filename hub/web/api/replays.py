"""Many deliveries at once: sent again, cancelled, by the same kind of filter; dead ones counted."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints, model_validator
from starlette.responses import Response

from hub.deliver.again import (
    BY_HAND,
    MAX_RATE_PER_S,
    MIN_RATE_PER_S,
    MOST,
    RATE_PER_S,
    cancel_found,
    find,
    plan_of,
    replay_found,
    takes_s,
)
from hub.model.key import Scope
from hub.model.time import to_iso
from hub.store.chosen import WAITING, Chosen, grouped
from hub.store.queues import DELIVERIES
from hub.web.api.body import Body, Reason
from hub.web.api.call import Call, Operation, answer, known_time
from hub.web.api.times import Time, us_of
from hub.web.parameters import moment, text
from hub.web.shown.work import CancellationsDone, DeadLetters, ReplaysDone, ReplaysPlanned

_Name: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=8192, pattern=r"^[^\x00-\x1f\x7f]*$")
]
_Id: TypeAlias = Annotated[str, StringConstraints(pattern="^dlv_[0-9a-f]{32}$")]
_MOST_IDS = 500
_MOST_COUNTED = 10_000
_MOST_GROUPS = 100


class DeliveryFilter(Body):
    """Which deliveries are meant: those for which all of it holds."""

    destination: _Name | None = Field(None, description="Its slug, or the origin of a bare URL.")
    event_id: str | None = Field(None, pattern="^evt_[0-9a-f]{32}$")
    run_id: str | None = Field(None, pattern="^run_[0-9a-f]{32}$")
    reason: str | None = Field(
        None, max_length=8192, pattern=r"^[^\x00]*$", description="Its `reason`, word by word."
    )
    ids: tuple[_Id, ...] | None = Field(
        None, min_length=1, max_length=_MOST_IDS, description="One of these."
    )
    since: Time | None = Field(None, description="Made at this time or later, in ISO 8601.")
    until: Time | None = Field(None, description="Made before this time.")

    @model_validator(mode="after")
    def _some_time(self) -> "DeliveryFilter":
        if (
            self.since is not None
            and self.until is not None
            and us_of(self.since) >= us_of(self.until)
        ):
            raise ValueError("'since' must be before 'until'")
        return self

    def chosen(self, *statuses: str) -> Chosen:
        """Those of these statuses."""
        return Chosen(
            statuses,
            self.destination,
            self.event_id,
            self.run_id,
            None if self.since is None else us_of(self.since),
            None if self.until is None else us_of(self.until),
            self.reason,
            self.ids,
        )


class ReplayFilter(DeliveryFilter):
    """Which ended deliveries are meant."""

    status: Literal["dead", "delivered", "cancelled"] = "dead"


class Replays(Body):
    """Which deliveries are sent again, and how fast."""

    filter: ReplayFilter = ReplayFilter()
    dry_run: bool = Field(False, description="Say what would be sent again, and send nothing.")
    rate_per_s: float = Field(
        RATE_PER_S,
        ge=MIN_RATE_PER_S,
        le=MAX_RATE_PER_S,
        description="So many are due in each second, the oldest first.",
    )
    limit: int = Field(MOST, ge=1, le=MOST, description="At most so many, the oldest.")


async def _count(call: Call) -> Response:
    given = call.query()
    chosen = Chosen(
        ("dead",),
        given.get("destination"),
        since=known_time("since", given.get("since")),
        until=known_time("until", given.get("until")),
    )
    groups = await call.hub.ledger.read(grouped, chosen, _MOST_COUNTED + 1)
    counted = sum(each.count for each in groups)
    shown = [
        {
            "destination": each.destination,
            "reason": each.reason,
            "count": each.count,
            "oldest": to_iso(each.oldest),
            "newest": to_iso(each.newest),
        }
        for each in groups[:_MOST_GROUPS]
    ]
    return answer({"items": shown, "count": counted, "more": counted > _MOST_COUNTED})


async def _replay(call: Call) -> Response:
    wish = await call.body(Replays)
    status, ledger = wish.filter.status, call.hub.ledger
    found = await find(ledger, wish.filter.chosen(status), wish.limit)
    if wish.dry_run:
        spread = {"takes_s": takes_s(len(found.each), wish.rate_per_s)}
        return answer({"dry_run": True, **plan_of(found), **spread})
    done = await replay_found(ledger, found, status, wish.rate_per_s)
    call.hub.bell.ring(DELIVERIES)
    spread = {"takes_s": takes_s(done.count, wish.rate_per_s)}
    return answer({"count": done.count, "left": done.left, **spread}, 202)


class Cancellations(Body):
    """Which of the deliveries that wait are cancelled."""

    filter: DeliveryFilter = DeliveryFilter()
    dry_run: bool = Field(False, description="Say what would be cancelled, and cancel nothing.")
    reason: Reason = BY_HAND

    @model_validator(mode="after")
    def _not_all(self) -> "Cancellations":
        if self.filter == DeliveryFilter():
            raise ValueError(
                "Say in 'filter' which are meant: name the destination, "
                '{"filter": {"destination": "till"}}, or an event, a run, a time'
            )
        return self


async def _cancel(call: Call) -> Response:
    wish = await call.body(Cancellations)
    found = await find(call.hub.ledger, wish.filter.chosen(*WAITING))
    if wish.dry_run:
        return answer({"dry_run": True, **plan_of(found)})
    done = await cancel_found(call.hub.ledger, found, wish.reason)
    call.hub.bell.ring(DELIVERIES)  # others may have waited for their keys
    return answer({"count": done.count, "left": done.left})


OPERATIONS = (
    Operation(
        "GET",
        "/v1/dead-letters",
        Scope.READ,
        _count,
        "Count the newest dead letters by destination and reason",
        query=(
            text("destination", "Only those to it: its slug, or the origin of a bare URL."),
            moment("since", "Only those that were made at this time or later."),
            moment("until", "Only those that were made before this time."),
        ),
        gives={200: DeadLetters},
        name="count_dead_letters",
    ),
    Operation(
        *("POST", "/v1/replays", Scope.WRITE, _replay, "Send many ended deliveries again", Replays),
        gives={200: ReplaysPlanned, 202: ReplaysDone},
        name="replay_deliveries",
    ),
    Operation(
        "POST",
        "/v1/deliveries/cancel",
        Scope.WRITE,
        _cancel,
        "End the deliveries that wait and match",
        Cancellations,
        optional=True,
        gives={200: CancellationsDone},
        name="cancel_deliveries",
    ),
)
