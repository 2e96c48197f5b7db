"""What is answered outside of ``/v1``: to senders, to who resumes a run, and of health."""

from typing import Literal

from pydantic import Field, RootModel

from hub.web.shown.base import EventId, RunId, Shown


class Taken(Shown):
    """What a sender is told: it is committed."""

    status: Literal["accepted", "duplicate"]
    event_id: EventId = Field(description="Of a duplicate: the first one's.")
    run_id: RunId = Field("", description="Where one task runs for it.")
    event_ids: list[EventId] = Field([], description="Where each item became an event.")


class StillRunning(Shown):
    """What who waits for a result is told when it takes too long."""

    status: Literal["running"]
    run_id: RunId
    url: str


class EndedQuietly(Shown):
    """What who waits for a result is told where the run gave none."""

    status: Literal["succeeded"]
    run_id: RunId


class TakenOrRunning(RootModel[Taken | StillRunning | EndedQuietly]):
    """It is committed; or its run goes on, and may be asked at its URL; or has ended."""


class Resumed(Shown):
    """The run has its answer."""

    status: Literal["taken"]


class Alive(Shown):
    """The process answers."""

    status: Literal["ok"]


class Ready(Shown):
    """What is down: events are still taken while only Redis is."""

    status: Literal["ok", "degraded", "unavailable"]
    troubles: dict[str, str]
