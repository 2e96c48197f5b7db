"""Objects that people name and set, as they are read: secrets are masked in them."""

from typing import Any, Literal

from pydantic import Field

from hub.model.channel import ChannelSetting
from hub.model.destination import Destination
from hub.model.issuer import Issuer
from hub.model.source import Source
from hub.model.subscription import Subscription
from hub.web.shown.base import DeliveryId, Moment, Named, Shown


class SourceShown(Named, Source):
    """A source."""

    url: str = Field(description="Where its senders send.")


class SourceRotated(SourceShown):
    """A source with its new secret."""

    secret: str = Field(description="Shown this once.")


class DestinationShown(Named, Destination):
    """A destination."""

    public_keys: list[str] = Field([], description="What receivers verify with, if by key pairs.")


class DestinationRotated(DestinationShown):
    """A destination with its new secret."""

    secret: str = Field(description="Shown this once.")


class SubscriptionShown(Named, Subscription):
    """A subscription."""

    id: str = Field(description="The same as `slug`.")
    active: Literal[True]
    url: str = Field("", description="Where they are sent, of one that was made with an address.")


class SubscriptionMade(SubscriptionShown):
    """A subscription that was made with an address."""

    events: list[str]
    secret: str = Field(description="What its deliveries are signed with, shown this once.")


class Pinged(Shown):
    """The delivery of a ping."""

    delivery_id: DeliveryId
    url: str


class ChannelShown(Named, ChannelSetting):
    """A channel, or all those that a pattern means."""

    channel: str = Field(description="The same as `slug`.")


class IssuerShown(Named, Issuer):
    """An issuer."""


class BreakerShown(Shown):
    """How a breaker stands."""

    destination: str
    state: Literal["closed", "open", "half_open"]
    since: Moment | None
    failure_rate: float = Field(description="From 0 to 1.")
    calls: int = Field(description="Of the window; while it is open, of the one that opened it.")
    next_probe_at: Moment | None
    by_hand: bool
    no_room_until: Moment | None = Field(
        description="The other side has said that it has no room until then."
    )
    last_taken_at: Moment | None


class Request(Shown):
    """A request as it is sent, its secrets masked."""

    method: str
    url: str
    headers: dict[str, str]
    body: str


class Response(Shown):
    """What it was answered with."""

    status: int
    headers: dict[str, str]
    body: str
    truncated: bool
    duration_ms: int


class SampleAnswer(Shown):
    """What a sender would have been told."""

    status: int
    duration_ms: int
    body: str


class SampleShown(Shown):
    """What came of a sample that a source was sent."""

    request: Request
    answer: SampleAnswer


class ClicksShown(Shown):
    """One thing to do in a tool. The texts may hold `**bold**` and code in backticks."""

    title: str
    way: Literal["in", "out"] = Field(description="In: the tool sends; out: it is sent to.")
    steps: list[str] = Field(description="`https://YOUR-HUB/in/YOUR-SOURCE` stands for the URL.")
    notes: list[str]


class ConnectorShown(Shown):
    """A connector that is installed."""

    name: str
    verifies: bool = Field(description="Sources may say `preset`: it knows how its tool signs.")
    samples: list[str] = Field(description="The cases that a source can be sent for trying.")
    clicks: list[ClicksShown] = Field(description="What has to be done in its tool.")


class TrialShown(Shown):
    """What came of trying a destination out."""

    request: Request | None
    answer: Response | None
    outcome: str = Field("", description="As the attempt of a delivery would count.")
    message: str = ""
    warnings: list[str]


class VariableShown(Shown):
    """A variable; of a secret one the value is masked."""

    name: str
    value: Any
    secret: bool
    managed_by: Literal["api", "file", "environment"]
    created_at: Moment | None
    updated_at: Moment | None
