"""The pages: one module for each part of the navigation."""

from hub.dashboard.pages import events, overview, stack_trials, stack_versions, stacks
from hub.dashboard.view import Page

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *events.PAGES,
    *stacks.PAGES,
    *stack_trials.PAGES,
    *stack_versions.PAGES,
)
