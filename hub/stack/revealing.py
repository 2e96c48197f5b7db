"""Secrets on their way out: what leaves the hub holds their values, what is kept never does."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus

from hub.model.json import Json
from hub.stack.scope import Scope


class Revealing:
    """A scope as what leaves the hub sees it: secret variables have their values.

    What was revealed is remembered, so that it can be hidden again in what comes back.
    """

    __slots__ = (
        "_pattern",
        "_scope",
        "_secret",
        "_shapes",
        "lane_delay_s",
        "lookup",
        "now_us",
        "random",
        "zone",
    )

    def __init__(self, scope: Scope, secret: Callable[[str], str | None]) -> None:
        self._scope = scope
        self._secret = secret
        self.lookup = scope.lookup
        self.now_us = scope.now_us
        self.random = scope.random
        self.zone = scope.zone
        self.lane_delay_s = scope.lane_delay_s
        self._shapes: dict[str, str] = {}
        """How secrets may look in a text, and what is shown there instead."""
        self._pattern: re.Pattern[str] | None = None

    @property
    def has_revealed(self) -> bool:
        """Whether a secret was read."""
        return self._pattern is not None

    def env(self, name: str) -> Any:
        """The value of ``env.name``, secret or not."""
        value = self._secret(name)
        if value is None:
            return self._scope.env(name)
        self.hide(value, f"env.{name}")
        return value

    def hide(self, value: str, name: str) -> None:
        """Have a text hidden, if it is not yet: ``{{name}}`` is shown for it from now on."""
        if not value:
            return
        self._shapes = dict.fromkeys(_shapes_of(value), f"{{{{{name}}}}}") | self._shapes
        # the longest first: one secret may be the beginning of another
        longest_first = sorted(self._shapes, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def hidden(self, value: Json) -> Json:
        """A value in which secrets are their names again: ``{{env.NAME}}``."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self._pattern.sub(lambda found: self._shapes[found[0]], value)
        if isinstance(value, dict):
            return {self.hidden(key): self.hidden(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.hidden(each) for each in value]
        return self._shapes.get(str(value), value)


def _shapes_of(secret: str) -> set[str]:
    """How a secret is written as it is, in URLs, in JSON, and in base64."""
    quoted = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    return {secret, base64.b64encode(secret.encode()).decode(), *quoted, *escaped}
