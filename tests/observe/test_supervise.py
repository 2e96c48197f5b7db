"""No background task dies in silence."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import pairwise

import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from structlog.typing import EventDict

from hub.observe import supervise
from hub.observe.supervise import Supervisor


@pytest_asyncio.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    """One whose tasks end with the test."""
    made = Supervisor()
    yield made
    await made.stop()


@pytest.fixture
def said() -> Iterator[list[EventDict]]:
    """What is logged."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth of the pauses."""
    for name in ("_FIRST_PAUSE_S", "_LONGEST_PAUSE_S", "_WELL_AFTER_S"):
        monkeypatch.setattr(supervise, name, getattr(supervise, name) / 100)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.002)


@pytest.mark.usefixtures("short_pauses")
async def test_a_task_that_fails_is_started_again_with_growing_pauses(
    supervisor: Supervisor,
) -> None:
    loop, starts = asyncio.get_running_loop(), list[float]()

    async def fail() -> None:
        starts.append(loop.time())
        raise ValueError("no luck")

    supervisor.start("unlucky", fail)
    await until(lambda: len(starts) >= 9)
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    for n, pause in enumerate(pauses[:5]):
        assert pause >= 0.001 * 2**n * 0.9
    assert max(pauses) < 10 * supervise._LONGEST_PAUSE_S
    assert supervisor.health["unlucky"].restarts >= len(starts) - 1


async def test_a_task_in_trouble_is_named_counted_and_logged(
    supervisor: Supervisor, said: list[EventDict]
) -> None:
    async def fail() -> None:
        raise ValueError("no luck")

    async def fine() -> None:
        await asyncio.Event().wait()

    supervisor.start("unlucky", fail)
    supervisor.start("lucky", fine)
    await until(lambda: supervisor.health["unlucky"].restarts > 0)
    assert supervisor.troubles() == {"unlucky": "no luck"}
    assert supervisor.health["lucky"].restarts == 0
    line = said[0]
    assert (line["event"], line["task"], line["error"]) == ("task.restarted", "unlucky", "no luck")
    assert isinstance(line["exc_info"], ValueError)


@pytest.mark.usefixtures("short_pauses")
async def test_a_task_is_in_trouble_until_it_has_been_well_for_a_while(
    supervisor: Supervisor,
) -> None:
    failures = iter([ValueError("no luck")])

    async def fail_once() -> None:
        for error in failures:
            raise error
        await asyncio.Event().wait()

    supervisor.start("unlucky", fail_once)
    await until(lambda: bool(supervisor.troubles()))
    await until(lambda: not supervisor.troubles())
    assert supervisor.health["unlucky"].restarts == 1


async def test_a_task_that_simply_ends_is_in_trouble_too(
    supervisor: Supervisor, said: list[EventDict]
) -> None:
    async def end() -> None:
        return

    supervisor.start("short", end)
    await until(lambda: supervisor.health["short"].restarts > 0)
    assert "short" in supervisor.troubles()
    assert said[0]["event"] == "task.restarted"


async def test_a_failure_without_words_is_named_by_its_kind(supervisor: Supervisor) -> None:
    async def fail() -> None:
        raise KeyError

    supervisor.start("silent", fail)
    await until(lambda: bool(supervisor.troubles()))
    assert supervisor.troubles() == {"silent": "KeyError"}


async def test_a_task_that_ends_by_the_cancellation_of_something_else_is_started_again(
    supervisor: Supervisor,
) -> None:
    async def wait_for_what_is_cancelled() -> None:
        inner = asyncio.create_task(asyncio.sleep(60))
        asyncio.get_running_loop().call_soon(inner.cancel)
        await inner

    supervisor.start("careless", wait_for_what_is_cancelled)
    await until(lambda: supervisor.health["careless"].restarts > 0)
    assert supervisor.troubles() == {"careless": "CancelledError"}


async def test_a_stop_cancels_and_waits_for_the_end_of_each_the_newest_first() -> None:
    supervisor, began, ended = Supervisor(), list[str](), list[str]()

    async def work(name: str) -> None:
        began.append(name)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    for name in ("first", "second", "third"):
        supervisor.start(name, partial(work, name))
    await until(lambda: len(began) == 3)
    await supervisor.stop()
    assert ended == ["third", "second", "first"]
    assert all(health.restarts == 0 for health in supervisor.health.values())
    assert supervisor.troubles() == {}


async def test_a_stop_during_a_pause_does_not_start_again() -> None:
    supervisor, starts = Supervisor(), list[int]()

    async def fail() -> None:
        starts.append(1)
        raise ValueError("no luck")

    supervisor.start("unlucky", fail)
    await until(lambda: supervisor.health["unlucky"].restarts == 1)
    await supervisor.stop()
    assert len(starts) == 1


@pytest.mark.parametrize("end", ["returns", "fails"])
async def test_a_task_that_swallows_its_cancellation_is_stopped_all_the_same(end: str) -> None:
    supervisor, began = Supervisor(), asyncio.Event()

    async def stubborn() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if end == "fails":
                raise ValueError("while ending") from None

    supervisor.start("stubborn", stubborn)
    await began.wait()
    async with asyncio.timeout(2):
        await supervisor.stop()
    assert supervisor.health["stubborn"].restarts == 0
