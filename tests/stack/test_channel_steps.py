"""Steps about live channels."""

from typing import Any

import jwt
import pytest

from hub.model.channel import Can, ChannelSetting
from hub.stack.channels import ChannelRules
from tests.stack.make import answer, into, publish
from tests.stack.world import MORNING_US, TOKEN_SECRET, World, ran


def token(**fields: Any) -> dict[str, Any]:
    return {"function": "create_channel_token", "channels": "user_{{id}}_*", **fields}


def claims(world: World) -> dict[str, Any]:
    return jwt.decode(world.result["token"], TOKEN_SECRET, ["HS256"], options={"verify_exp": False})


async def test_a_token_is_for_the_channels_that_the_run_works_out() -> None:
    world = await ran(into("t", token(sub="{{id}}")), answer("{{t}}"), given={"id": 5})
    told = claims(world)
    assert told["may"] == [{"channels": ["user_5_*"], "can": [Can.SUBSCRIBE]}]
    assert (told["sub"], told["exp"] - told["iat"]) == ("5", 300)
    assert told["iat"] * 1_000_000 >= MORNING_US
    assert world.result["expires_at"].endswith("Z")


async def test_a_token_may_be_for_more_and_for_longer() -> None:
    step = token(channels=["a", "b"], can=["publish", "presence"], ttl=900, info={"name": "Ada"})
    told = claims(await ran(into("t", step), answer("{{t}}")))
    assert told["may"] == [{"channels": ["a", "b"], "can": ["publish", "presence"]}]
    assert (told["info"], told["exp"] - told["iat"]) == ({"name": "Ada"}, 900)
    assert "sub" not in told


@pytest.mark.parametrize(
    "wrong",
    [
        {"channels": []},
        {"channels": "a b"},
        {"channels": "user_{sub}"},
        {"channels": 5},
        {"can": "rule"},
        {"ttl": 0},
        {"ttl": 100_000},
        {"sub": "a\nb"},
        {"sub": ["a"]},
        {"info": "x" * 2000},
    ],
)
async def test_a_token_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    failed = (await ran(token(**wrong), given={"id": 5})).failure
    assert (failed.code, failed.step) == ("field_invalid", "0")
    assert next(iter(wrong)) in failed.message


async def test_a_message_that_its_channel_does_not_take_is_refused_before_the_commit() -> None:
    rules = ChannelRules({"orders": ChannelSetting(data={"type": "object"})})
    world = await ran(publish({"n": 1}), publish("text"), world=World(rules=rules))
    assert (world.failure.code, world.failure.step) == ("message_invalid", "1")
    assert [each.data for each in world.publications] == ['{"n":1}']
