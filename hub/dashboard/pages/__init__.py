"""The pages: one module for each part of the navigation."""

from hub.dashboard.pages import (
    account,
    audit,
    events,
    first_event,
    health,
    issuers,
    keys,
    overview,
    users,
    variables,
)
from hub.dashboard.view import Page

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *account.PAGES,
    *audit.PAGES,
    *events.PAGES,
    *first_event.PAGES,
    *health.PAGES,
    *issuers.PAGES,
    *keys.PAGES,
    *users.PAGES,
    *variables.PAGES,
)
