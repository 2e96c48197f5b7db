"""How fast what is over goes: hardly noticed, and faster where it does not keep up."""

import asyncio

import pytest

from hub.retention.pace import Pace
from hub.retention.pruning import Pruner
from hub.store.ledger import Ledger
from tests.retention.past import Past
from tests.retention.test_pruning import pruner

WORKED_S = 0.01


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was rested, each time; nobody waits for it."""
    found: list[float] = []

    async def rest(seconds: float) -> None:
        found.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", rest)
    return found


async def rested(own: Pace, rests: list[float]) -> float:
    """For so many times as long as was worked."""
    await own.pause(WORKED_S)
    return rests[-1] / WORKED_S


@pytest.mark.parametrize("used", [0.6, 1.1])
async def test_who_has_little_time_left_works_for_more_of_it(
    rests: list[float], used: float
) -> None:
    own = Pace("sqlite")
    assert await rested(own, rests) == pytest.approx(9)
    found = []
    for _ in range(3):
        own.keep_up(used)
        found.append(await rested(own, rests))
    assert found == pytest.approx([4, 2, 2]), "a third of the time at most"


async def test_who_has_caught_up_goes_back_by_steps(rests: list[float]) -> None:
    own = Pace("sqlite")
    for _ in range(3):
        own.keep_up(1.0)
    found = []
    for used in (0.9, 0.5, 0.15, 0.2, 0.1, 0.0):
        own.keep_up(used)
        found.append(await rested(own, rests))
    assert found == pytest.approx([2, 2, 5, 5, 9, 9])


async def test_a_pass_that_is_cut_hurries_the_next_one(ledger: Ledger) -> None:
    for _ in range(3):
        await Past(ledger).event(31)
    own: Pruner = pruner(ledger)
    told: list[float] = []
    own._pace.keep_up = told.append  # type: ignore[method-assign]
    await own.prune(0)
    assert (await own.prune())["events"] == 3
    assert told[0] >= 1 > told[1] >= 0
