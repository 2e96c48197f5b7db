"""The pages: one module for each part of the navigation."""

from hub.dashboard.pages import channels, events, files, overview, records, tables
from hub.dashboard.view import Page

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *channels.PAGES,
    *events.PAGES,
    *files.PAGES,
    *records.PAGES,
    *tables.PAGES,
)
