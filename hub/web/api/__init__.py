"""The management API: every operation, one module for each noun."""

from types import ModuleType

from hub.web.api import (
    alerts,
    audit,
    breakers,
    channels,
    deliveries,
    destinations,
    events,
    export,
    files,
    issuers,
    keys,
    lanes,
    pauses,
    records,
    replays,
    runs,
    schedules,
    signing,
    simulations,
    sources,
    stacks,
    subscriptions,
    tables,
    tasks,
    variables,
)
from hub.web.api.call import Operation

NOUNS: tuple[ModuleType, ...] = (
    sources,
    destinations,
    breakers,
    subscriptions,
    issuers,
    alerts,
    stacks,
    tasks,
    schedules,
    lanes,
    pauses,
    runs,
    simulations,
    events,
    deliveries,
    files,
    replays,
    tables,
    records,
    variables,
    channels,
    keys,
    signing,
    audit,
    export,
)
OPERATIONS: tuple[Operation, ...] = tuple(each for noun in NOUNS for each in noun.OPERATIONS)

__all__ = ["NOUNS", "OPERATIONS"]
