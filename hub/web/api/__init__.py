"""The management API: every operation, one module for each noun."""

from hub.web.api import (
    breakers,
    channels,
    deliveries,
    destinations,
    events,
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

OPERATIONS: tuple[Operation, ...] = (
    *sources.OPERATIONS,
    *destinations.OPERATIONS,
    *breakers.OPERATIONS,
    *subscriptions.OPERATIONS,
    *issuers.OPERATIONS,
    *stacks.OPERATIONS,
    *tasks.OPERATIONS,
    *schedules.OPERATIONS,
    *lanes.OPERATIONS,
    *pauses.OPERATIONS,
    *runs.OPERATIONS,
    *simulations.OPERATIONS,
    *events.OPERATIONS,
    *deliveries.OPERATIONS,
    *files.OPERATIONS,
    *replays.OPERATIONS,
    *tables.OPERATIONS,
    *records.OPERATIONS,
    *variables.OPERATIONS,
    *channels.OPERATIONS,
    *keys.OPERATIONS,
    *signing.OPERATIONS,
)

__all__ = ["OPERATIONS"]
