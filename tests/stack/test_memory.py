"""What variables take is estimated at a bounded cost, and bounded itself."""

import time
from typing import Any

import pytest

from hub.stack.memory import MAX_BYTES, size_of
from tests.stack.make import each, let
from tests.stack.world import ran


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        (None, 16, 64),
        (2**70, 16, 64),
        ("x" * 1000, 1000, 1100),
        ([], 32, 128),
        ({}, 32, 128),
        ([{"name": "Ada", "plan": "pro"}] * 1000, 100_000, 400_000),
        ({f"key{n}": n for n in range(1000)}, 40_000, 150_000),
        ([["x" * 100] * 10] * 10, 14_000, 25_000),
    ],
)
def test_a_size_is_about_right(value: Any, least: int, most: int) -> None:
    assert least <= size_of(value) <= most


def test_a_giant_is_estimated_at_once() -> None:
    deep: Any = "x"
    for _ in range(150):
        deep = [deep] * 4
    giant = {"rows": [{"deep": deep, "n": n} for n in range(100_000)]}
    begun = time.process_time()
    assert size_of(giant) > 1_000_000
    assert time.process_time() - begun < 0.1


async def test_variables_that_grow_too_large_end_the_run() -> None:
    megabyte = "x" * (1 << 20)
    grown = each("{{range(1, 100)}}", let("v{{loop_index}}", "{{text}}"))
    world = await ran(grown, given={"text": megabyte})
    assert world.failure.code == "limit_memory"
    assert "64 MiB" in world.failure.message
    assert world.failure.step == "0/63/0"
    assert MAX_BYTES == 64 << 20


async def test_a_variable_that_is_set_again_counts_once() -> None:
    megabyte = "x" * (1 << 20)
    grown = each("{{range(1, 100)}}", let("v", "{{text}}"))
    world = await ran(grown, given={"text": megabyte})
    assert world.result is None
