"""Steps that keep values for a while, for other runs too."""

from typing import Literal

from pydantic import Field

from hub.errors import StepError
from hub.model.json import Json, loads
from hub.model.segment import Cached
from hub.model.time import US_PER_S
from hub.stack.step import OptionalValue, Value, WorldStep, json_of, number_of, text_of
from hub.stack.turn import Turn

MAX_TTL_S = 30 * 86_400
_LONGEST_KEY = 300
_MAX_CHARS = 1 << 20


class SetCache(WorldStep):
    """Keeps a value under a key, for a time; other runs can read it."""

    function: Literal["set_cache"]
    key: Value = Field(description="The key.")
    value: Value = Field(description="The value; null forgets the key.")
    ttl: OptionalValue = Field(
        None, description="Seconds that it is kept, at most 30 days; without it an hour."
    )

    async def act(self, turn: Turn, path: str) -> Json:
        scope = turn.scope
        key = _key(self.key.evaluate(scope))
        text = json_of(self.value.evaluate(scope), "value")
        if len(text) > _MAX_CHARS:
            raise StepError("A cached value has at most 1 MiB: keep less.", code="value_too_large")
        ttl = 3600 if self.ttl is None else self.ttl.evaluate(scope)
        ttl_s = number_of(ttl, "ttl", least=0, most=MAX_TTL_S)
        turn.effects.cached[key] = Cached(key, text, int(ttl_s * US_PER_S))
        return {"key": key, "ttl_s": ttl_s}


class GetCache(WorldStep):
    """Reads what is kept under a key; ``null`` if there is nothing, or no longer."""

    function: Literal["get_cache"]
    key: Value = Field(description="The key.")
    default: OptionalValue = Field(None, description="Given instead of null.")

    async def act(self, turn: Turn, path: str) -> Json:
        key = _key(self.key.evaluate(turn.scope))
        pending = turn.effects.cached.get(key)
        if pending is None:
            await turn.course.settle()
            text = await turn.world.cached(key)
        else:
            text = pending.value
        found = None if text is None else loads(text)
        if found is None and self.default is not None:
            return self.default.evaluate(turn.scope)
        return found


def _key(value: Json) -> str:
    key = text_of(str(value) if type(value) is int else value, "key")
    if len(key) > _LONGEST_KEY or "\x00" in key:
        raise StepError(f"'key' must be at most {_LONGEST_KEY} characters.", code="field_invalid")
    return key
