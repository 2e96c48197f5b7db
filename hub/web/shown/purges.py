"""Purges, as they are read."""

from typing import Literal

from pydantic import Field, RootModel

from hub.web.shown.base import Moment, PurgeId, Shown


class PurgedBy(Shown):
    """Which events are meant."""

    source: str | None
    since: Moment | None
    until: Moment | None
    by: str | None
    value: str | None = Field(description="What is looked for; forgotten when the purge is done.")


class PurgeShown(Shown):
    """A removal of events for good."""

    id: PurgeId
    status: Literal["running", "done"]
    filter: PurgedBy
    tables: dict[str, str] = Field(description="Fields of tables whose records go too.")
    matched: int = Field(description="Events that are meant, as far as it has come.")
    left: int = Field(description="Those of them that stay, because they have not ended.")
    removed: dict[str, int] = Field(description="How many rows are gone, by what they were.")
    created_at: Moment
    finished_at: Moment | None


class PurgePlanned(Shown):
    """What would be removed."""

    dry_run: Literal[True]
    events: int
    runs: int
    complete: bool = Field(description="Whether there was time to count all of them.")


class PurgeStarted(PurgeShown):
    """A purge, and where it can be followed."""

    url: str


class PurgeAnswered(RootModel[PurgePlanned | PurgeStarted]):
    """What was removed, or would be."""
