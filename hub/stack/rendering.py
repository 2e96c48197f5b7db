"""What a destination gets: its transform's JSON instead of a body, and the key of its order.

It is rendered once, before the commit, so that every attempt and every replay sends the same.
"""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from hub.errors import HubError
from hub.expr import Compiled, DictContext, compile_template, compile_value, text_of
from hub.model.delivery import DeliveryStart
from hub.model.destination import Destination
from hub.model.json import Json, dumps

_JSON = "application/json"
_LONGEST_KEY = 200


class Rendering:
    """The expressions of a destination, compiled.

    Raises:
        ExpressionError: one of them cannot be compiled.
    """

    def __init__(self, destination: Destination) -> None:
        ordering, transform = destination.ordering, destination.transform
        self._key = None if ordering is None else compile_template(ordering.key)
        self._transform = None if transform is None else compile_value(transform)

    @property
    def changes(self) -> bool:
        """Whether it makes any difference."""
        return self._key is not None or self._transform is not None

    def render(self, start: DeliveryStart, context: DictContext) -> DeliveryStart:
        """The delivery as it goes out; a dead letter if it cannot be computed."""
        if self._key is not None:
            start = replace(start, ordering_key=_key(self._key, start.destination, context))
        if self._transform is None:
            return start
        try:
            body = dumps(self._transform.evaluate(context))
        except HubError as error:
            return replace(start, failure=f"The transform cannot be computed: {error.message}")
        return replace(start, body=body, content_type=_JSON)


def _key(key: Compiled, destination: str, context: DictContext) -> str | None:
    """Null is in no order; what cannot be computed waits for its like."""
    try:
        value = key.evaluate(context)
    except HubError as error:
        return f"{destination}:({error.code})"
    if value is None:
        return None
    text = text_of(value).replace("\x00", "\ufffd")
    if len(text) > _LONGEST_KEY:
        text = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{destination}:{text}"


def seen_of(value: Json, **more: Json) -> dict[str, Any]:
    """What a destination's expressions see of what is sent: its fields, and all of it."""
    fields: Mapping[str, Json] = value if isinstance(value, dict) else {}
    return {**fields, "input": value, "body": value, **more}
