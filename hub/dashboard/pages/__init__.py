"""The pages: one module for each part of the navigation."""

from hub.dashboard.pages import (
    alerts,
    dead_letters,
    deliveries,
    events,
    overview,
)
from hub.dashboard.view import Page

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *alerts.PAGES,
    *dead_letters.PAGES,
    *deliveries.PAGES,
    *events.PAGES,
)
