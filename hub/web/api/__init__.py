"""The management API: every operation, one module for each noun."""

from types import ModuleType

from hub.web.api import (
    alerts,
    audit,
    breakers,
    channels,
    deliveries,
    destinations,
    event_exports,
    events,
    export,
    files,
    issuers,
    keys,
    lanes,
    language,
    pauses,
    purges,
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
    users,
    variables,
    versions,
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
    versions,
    language,
    tasks,
    schedules,
    lanes,
    pauses,
    runs,
    simulations,
    event_exports,  # its path would be taken for an id
    events,
    deliveries,
    files,
    replays,
    purges,
    tables,
    records,
    variables,
    channels,
    keys,
    users,
    signing,
    audit,
    export,
)
OPERATIONS: tuple[Operation, ...] = tuple(each for noun in NOUNS for each in noun.OPERATIONS)

__all__ = ["NOUNS", "OPERATIONS"]
