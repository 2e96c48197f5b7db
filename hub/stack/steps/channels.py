"""Steps about live channels: who may listen and speak there."""

from typing import Literal

from pydantic import Field, ValidationError

from hub.errors import StepError
from hub.model.channel_token import MAX_TTL_S, NewToken
from hub.model.json import Json
from hub.model.time import to_iso
from hub.stack.step import OptionalValue, Value, WorldStep, whole_of
from hub.stack.turn import Turn


class CreateChannelToken(WorldStep):
    """Makes a token that lets a browser listen, or speak: `{token, expires_at}`."""

    function: Literal["create_channel_token"]
    channels: Value = Field(
        description="A channel, or a list of them; `*` stands for any text: `user_5_*`."
    )
    can: OptionalValue = Field(
        None, description="`subscribe`, as without it, `publish`, `presence`, or a list of these."
    )
    ttl: OptionalValue = Field(
        None, description="Seconds until it ends: 300 without it, at most 86,400."
    )
    sub: OptionalValue = Field(
        None, description="Who has it: `from` in what they publish, their name among members."
    )
    info: OptionalValue = Field(None, description="What other members see of them.")

    async def act(self, turn: Turn, path: str) -> Json:
        token, until_us = turn.world.channel_token(self._wanted(turn))
        return {"token": token, "expires_at": to_iso(until_us)}

    def _wanted(self, turn: Turn) -> NewToken:
        scope = turn.scope
        fields = {"can": self.can, "ttl_s": self.ttl, "sub": self.sub, "info": self.info}
        given = {n: value.evaluate(scope) for n, value in fields.items() if value is not None}
        given = {name: value for name, value in given.items() if value is not None}
        given["channels"] = _list_of(self.channels.evaluate(scope))
        if "can" in given:
            given["can"] = _list_of(given["can"])
        if "ttl_s" in given:
            given["ttl_s"] = whole_of(given["ttl_s"], "ttl", least=1, most=MAX_TTL_S)
        if isinstance(given.get("sub"), int):  # ids are numbers in many tables
            given["sub"] = str(given["sub"])
        try:
            return NewToken.model_validate(given)
        except ValidationError as error:
            wrong = error.errors()[0]
            said = wrong["msg"].removeprefix("Value error, ")
            raise StepError(f"{wrong['loc'][0]!r}: {said}", code="field_invalid") from None


def _list_of(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]
