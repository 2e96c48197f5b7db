"""The pages: one module for each part of the navigation."""

from hub.dashboard.pages import (
    alerts,
    dead_letters,
    deliveries,
    events,
    first_event,
    lanes,
    overview,
    runs,
    schedules,
    tasks,
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
    *schedules.PAGES,
    *lanes.PAGES,
    *alerts.PAGES,
)
