"""The pages: one module for each part of the navigation."""

from hub.dashboard.pages import (
    destinations,
    events,
    overview,
    sources,
    subscriptions,
)
from hub.dashboard.view import Page

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *destinations.PAGES,
    *events.PAGES,
    *sources.PAGES,
    *subscriptions.PAGES,
)
