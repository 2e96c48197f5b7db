"""The stacks that come with the hub, in a simulation that begins on a Sunday morning."""

from typing import Any

import pytest

from hub.model.time import US_PER_S, from_iso
from tests.program import STACKS
from tests.simulate.test_simulation import MORNING, kinds, simulated

Told = dict[str, Any]


async def shipped(file: str, task: str | None = None, days: float = 0, **given: Any) -> Told:
    """What a simulation of one of them came to."""
    name = file.partition(".")[0]
    return await simulated(
        (STACKS / file).read_text("utf-8"), task and f"{name}/{task}", days, stack=name, **given
    )


def sent(told: Told) -> list[dict[str, Any]]:
    """The requests, with the whole seconds since the beginning as ``after_s``."""
    begin = from_iso(MORNING)
    return [
        {**each, "after_s": (from_iso(each["at"]) - begin) // US_PER_S}
        for each in kinds(told, "request")
    ]


def about(*seconds: float) -> Any:
    """Times of tries, whose pauses vary by a tenth so that many do not come back at once."""
    return pytest.approx(seconds, rel=0.11, abs=1)


def runs_of(told: Told, task: str) -> list[dict[str, Any]]:
    """The runs of a task, in order."""
    return [each for each in kinds(told, "run") if each["task"].endswith(f"/{task}")]


def failure(told: Told) -> str:
    """Why the first run failed."""
    run = kinds(told, "run")[0]
    assert run["status"] == "failed", run
    code: str = run["failure"]["code"]
    return code
