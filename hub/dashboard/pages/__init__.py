"""The pages: one module for each part of the navigation."""

from hub.dashboard.pages import events, overview
from hub.dashboard.view import Page

PAGES: tuple[Page, ...] = (*overview.PAGES, *events.PAGES)
