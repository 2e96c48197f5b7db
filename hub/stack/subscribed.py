"""Who is subscribed to an event: tasks and destinations, compiled to be asked for each one."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.errors import ExpressionError
from hub.expr import Compiled, DictContext, compile_template, truthy
from hub.model.delivery import DeliveryStart
from hub.model.event import Event
from hub.model.ids import new_id
from hub.model.subscription import Subscription
from hub.stack.rendering import Rendering


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription, ready to be asked; either ``task``, a full name, or ``destination``."""

    slug: str
    source: str | None
    types: re.Pattern[str] | None
    filter: Compiled | None
    task: str | None
    destination: str | None

    def wants(self, event: Event, context: DictContext) -> bool:
        """Whether an event is one of its kind; ``context`` is what its filter sees.

        Raises:
            ExpressionError: the filter cannot be computed.
        """
        if self.types is not None and not self.types.fullmatch(event.type or ""):
            return False
        return self.filter is None or truthy(self.filter.evaluate(context))


class Subscriptions:
    """All subscriptions, looked up by the source of an event."""

    def __init__(self, each: Iterable[Subscribed] = ()) -> None:
        self._of: dict[str | None, list[Subscribed]] = {}
        for one in each:
            self._of.setdefault(one.source, []).append(one)
        self._of_any = self._of.pop(None, [])

    def of(self, source: str) -> Sequence[Subscribed]:
        """Those that events of a source may be for."""
        own = self._of.get(source)
        return self._of_any if own is None else [*own, *self._of_any]


def subscribed(slug: str, subscription: Subscription, task: str | None) -> Subscribed:
    """A subscription as it is asked.

    Raises:
        ExpressionError: its filter is none.
    """
    types = "|".join(_pattern(each) for each in subscription.event_types)
    return Subscribed(
        slug=slug,
        source=subscription.source,
        types=re.compile(types) if types else None,
        filter=None if subscription.filter is None else compile_template(subscription.filter),
        task=task,
        destination=subscription.destination,
    )


def _pattern(event_type: str) -> str:
    return ".*".join(re.escape(part) for part in event_type.split("*"))


def context_of(event: Event, names: Mapping[str, Any], zone: str) -> DictContext:
    """What the expressions of subscriptions and destinations see of an event."""
    seen = {**names, "event_type": event.type, "source": event.source}
    return DictContext(seen, at_us=event.received_at, zone=zone)


def that_want(
    subscriptions: Iterable[Subscribed],
    event: Event,
    context: DictContext,
    *,
    missed: Callable[[str, str], None],
) -> list[Subscribed]:
    """Those of the subscriptions that want an event.

    ``missed`` is told of each whose filter cannot be computed, by its slug, and why.
    """
    found = []
    for each in subscriptions:
        try:
            if each.wants(event, context):
                found.append(each)
        except ExpressionError as error:
            missed(each.slug, error.message)
    return found


def deliveries_to(
    wanting: Iterable[Subscribed],
    event: Event,
    body: bytes,
    content_type: str,
    rendering: Callable[[str], Rendering | None],
    context: DictContext,
) -> tuple[DeliveryStart, ...]:
    """The event on its way to the destinations among them, with its own bytes or as each wants.

    ``rendering`` gives what a destination makes of it.
    """
    found = []
    for each in wanting:
        if each.destination is not None:
            start = DeliveryStart(
                id=new_id("dlv"),
                destination=each.destination,
                body=body,
                content_type=content_type,
                idempotency_key=f"{event.id}:{each.slug}",
                event_id=event.id,
            )
            made = rendering(each.destination)
            found.append(start if made is None else made.render(start, context))
    return tuple(found)


def tasks_among(wanting: Iterable[Subscribed], tasks: tuple[str, ...]) -> tuple[str, ...]:
    """Those tasks, and the ones that are subscribed, each once."""
    more = (each.task for each in wanting if each.task is not None)
    return tuple(dict.fromkeys([*tasks, *more]))
