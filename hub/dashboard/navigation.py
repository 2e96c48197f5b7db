"""Where people go: the pages in their groups, each with the scope that it needs."""

from typing import Final, TypeAlias

Link: TypeAlias = tuple[str, str, str]
"""A path, its name, and a scope."""

NAVIGATION: Final[tuple[tuple[str, tuple[Link, ...]], ...]] = (
    ("", (("/", "Overview", "read"),)),
    (
        "What happens",
        (
            ("/dashboard/events", "Events", "read"),
            ("/dashboard/runs", "Runs", "read"),
            ("/dashboard/deliveries", "Deliveries", "read"),
            ("/dashboard/dead-letters", "Dead letters", "read"),
        ),
    ),
    (
        "In and out",
        (
            ("/dashboard/sources", "Sources", "read"),
            ("/dashboard/destinations", "Destinations", "read"),
            ("/dashboard/subscriptions", "Subscriptions", "read"),
            ("/dashboard/channels", "Channels", "read"),
            ("/dashboard/issuers", "Issuers", "read"),
        ),
    ),
    (
        "Work",
        (
            ("/dashboard/stacks", "Stacks", "read"),
            ("/dashboard/schedules", "Schedules", "read"),
            ("/dashboard/tables", "Tables", "read"),
            ("/dashboard/files", "Files", "read"),
        ),
    ),
    (
        "The hub",
        (
            ("/dashboard/alerts", "Alerts", "read"),
            ("/dashboard/variables", "Variables", "read"),
            ("/dashboard/keys", "Keys", "admin"),
            ("/dashboard/users", "Users", "admin"),
            ("/dashboard/audit", "Audit", "admin"),
            ("/dashboard/health", "Health", "read"),
            ("/dashboard/account", "Your account", "read"),
        ),
    ),
)
