"""Subscription: which events start a task, or go to a destination."""

from typing import Annotated

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from hub.model.scheme import Shape

EventType = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^\S+$")]
"""An event's type; ``*`` in it stands for any text: ``order.*``."""


class Subscription(Shape):
    """A subscription as people set it."""

    source: str | None = Field(
        None, max_length=63, description="Only events of this source; `hub` is `emit_event`'s."
    )
    event_type: (
        Annotated[
            Annotated[EventType, Tag("one")]
            | Annotated[Annotated[tuple[EventType, ...], Field(max_length=100)], Tag("many")],
            Discriminator(lambda given: "one" if isinstance(given, str) else "many"),
        ]
        | None
    ) = Field(None, description="Only events of this type, or one of these; `order.*` fits many.")
    filter: str | None = Field(
        None, max_length=2000, description="An expression; only events that it holds for."
    )
    task: str | None = Field(None, max_length=200, description="The task that runs for them.")
    destination: str | None = Field(None, max_length=100, description="Where they are sent.")

    @model_validator(mode="after")
    def _one_aim(self) -> "Subscription":
        if (self.task is None) == (self.destination is None):
            raise ValueError("Give either 'task' or 'destination'")
        return self

    @property
    def event_types(self) -> tuple[str, ...]:
        """The types that it is for; none where it is for all."""
        if self.event_type is None:
            return ()
        return (self.event_type,) if isinstance(self.event_type, str) else self.event_type
