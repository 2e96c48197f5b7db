"""The pages: one module for each part of the navigation."""

from hub.dashboard.pages import (
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
    *lanes.PAGES,
    *runs.PAGES,
    *schedules.PAGES,
    *tasks.PAGES,
)
