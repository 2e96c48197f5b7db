"""The pages: one module for each part of the navigation."""

from hub.dashboard.pages import (
    account,
    alerts,
    audit,
    dead_letters,
    deliveries,
    events,
    first_event,
    health,
    issuers,
    keys,
    lanes,
    overview,
    runs,
    schedules,
    tasks,
    users,
    variables,
)
from hub.dashboard.view import Page

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *first_event.PAGES,
    *events.PAGES,
    *runs.PAGES,
    *tasks.PAGES,
    *deliveries.PAGES,
    *dead_letters.PAGES,
    *issuers.PAGES,
    *schedules.PAGES,
    *lanes.PAGES,
    *alerts.PAGES,
    *variables.PAGES,
    *keys.PAGES,
    *users.PAGES,
    *account.PAGES,
    *audit.PAGES,
    *health.PAGES,
)
