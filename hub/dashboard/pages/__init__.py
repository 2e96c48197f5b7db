"""The pages: one module for each part of the navigation."""

from hub.dashboard.pages import (
    events,
    first_event,
    overview,
)
from hub.dashboard.view import Page

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *first_event.PAGES,
    *events.PAGES,
)
