"""People who sign in to the dashboard, and what their roles let them do."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from hub.model.key import Scope


class Role(StrEnum):
    """What a person does with the hub."""

    VIEWER = "viewer"
    """Looks."""
    OPERATOR = "operator"
    """Looks, and sees to what came, ran and went: changes, replays, starts."""
    ADMIN = "admin"
    """Does all of it, keys and users too."""


SCOPES: Final[Mapping[Role, frozenset[Scope]]] = {
    Role.VIEWER: frozenset({Scope.READ}),
    Role.OPERATOR: frozenset({Scope.READ, Scope.WRITE, Scope.RUN, Scope.PUBLISH}),
    Role.ADMIN: frozenset(Scope),
}
"""What each role may do."""
