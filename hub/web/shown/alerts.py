"""Alerts, as they are read."""

from typing import Any, Literal

from pydantic import Field

from hub.model.alert import Alert, Phase
from hub.web.shown.base import DeliveryId, Moment, Shown


class AlertShown(Shown, Alert):
    """An alert."""

    slug: str = Field(description="Its name.")
    managed_by: Literal["api", "file", "hub"] = Field(description="Who sets it.")
    created_at: Moment | None
    updated_at: Moment | None
    goes_to: list[str] = Field([], description="Who is told.")
    counts: dict[str, Any] = Field({}, description="What counts where nothing is set.")
    built_in: bool = False
    muted_until: Moment | None = Field(description="Nothing new is told of it until then.")
    muted_reason: str | None


class StandingShown(Shown):
    """What fires, or has fired."""

    rule: str
    when: str
    severity: str
    state: Phase
    of: Any = Field(description="What it is about.")
    value: float
    threshold: float | None
    since: Moment
    message: str
    do: Any = Field(description="What to do.")
    url: str
    reminder: bool
    ended: Moment = Field("", description="Of one that is over.")
    lasted_s: float = Field(0, description="Of one that is over.")
    told: list[str]
    told_at: Moment | None
    muted_until: Moment | None
    muted_reason: str | None


class AlertMuted(Shown):
    """Until when nothing new is told of it."""

    slug: str
    muted_until: Moment | None
    muted_reason: str | None


class AlertDelivery(Shown):
    """A sample on its way."""

    id: DeliveryId
    destination: str
    url: str


class AlertTried(Shown):
    """The samples that were sent."""

    deliveries: list[AlertDelivery]
