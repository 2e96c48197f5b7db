"""The load of this machine, and of a container that may use less."""

from pathlib import Path

import psutil
import pytest

from hub.run.machine import Machine


async def test_the_load_is_a_share_in_percent() -> None:
    load = await Machine().load()
    assert 0 <= load.cpu <= 100
    assert 0 < load.memory <= 100


async def test_a_container_s_memory_limit_counts(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("250000\n")
    assert (await Machine(tmp_path).load()).memory == 25
    (tmp_path / "memory.max").write_text("max\n")
    free = psutil.virtual_memory().percent
    assert (await Machine(tmp_path).load()).memory == pytest.approx(free, abs=10)


@pytest.mark.parametrize("said", ["max 100000", "", "junk", "0 100000", "100000"])
async def test_a_container_without_a_limit_is_measured_as_the_machine(
    tmp_path: Path, said: str
) -> None:
    (tmp_path / "cpu.max").write_text(said)
    (tmp_path / "cpu.stat").write_text("usage_usec 5\n")
    assert 0 <= (await Machine(tmp_path).load()).cpu <= 100


async def test_a_container_s_processor_time_counts(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "cpu.stat").write_text("user_usec 1\nusage_usec 1000\n")
    assert (await Machine(tmp_path).load()).cpu == 0


async def test_who_asks_often_gets_the_same_figures() -> None:
    machine = Machine()
    assert await machine.load() is await machine.load()
