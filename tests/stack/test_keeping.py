"""Values that are kept for a while: read by the same run, and by others."""

from typing import Any

import pytest

from tests.stack.make import answer, into
from tests.stack.world import World, ran


def keep(key: Any, value: Any, **fields: Any) -> dict[str, Any]:
    return {"function": "set_cache", "key": key, "value": value, **fields}


def kept(key: Any, **fields: Any) -> dict[str, Any]:
    return {"function": "get_cache", "key": key, **fields}


async def test_what_is_kept_is_read_by_the_run_itself_and_by_the_next_one() -> None:
    world = await ran(keep("rate", {"eur": 1.1}), into("r", kept("rate")), answer("{{r.eur}}"))
    assert world.result == 1.1
    later = World(kept=dict(world.kept))
    assert (await ran(into("r", kept("rate")), answer("{{r}}"), world=later)).result == {"eur": 1.1}


async def test_what_is_not_kept_is_null_or_the_default() -> None:
    assert (await ran(into("r", kept("x")), answer("{{r}}"))).result is None
    assert (await ran(into("r", kept("x", default=[])), answer("{{r}}"))).result == []


@pytest.mark.parametrize(
    "step", [keep("", 1), keep("x" * 301, 1), keep("a", 1, ttl=-1), keep("a", 1, ttl=99_999_999)]
)
async def test_what_cannot_be_kept_is_refused(step: dict[str, Any]) -> None:
    assert (await ran(step)).failure.code == "field_invalid"
