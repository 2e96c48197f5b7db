"""Children of the bench: a clean environment, an end in any case, their memory."""

import os
import sys
from pathlib import Path

import pytest

from hub.bench.processes import environment, family, finished, listening, resident_mb, running
from hub.errors import HubError

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_child_ends_with_its_block_also_when_that_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), running("sleeper", SLEEPER, tmp_path) as child:
        raise ZeroDivisionError
    assert child.process.returncode is not None


def test_a_child_that_ended_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no disk')"]
    with pytest.raises(HubError, match="no disk"), listening("broken", command, tmp_path):
        pass


def test_a_command_that_fails_is_told_with_its_last_words() -> None:
    with pytest.raises(HubError, match="no table"):
        finished("broken", [sys.executable, "-c", "raise SystemExit('no table')"])


def test_no_setting_of_the_caller_reaches_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_LOG_LEVEL", "error")
    assert "HUB_LOG_LEVEL" not in environment()
    assert environment({"HUB_LOG_LEVEL": "info"})["HUB_LOG_LEVEL"] == "info"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc here")
def test_the_memory_of_a_process_counts_its_children(tmp_path: Path) -> None:
    with running("sleeper", SLEEPER, tmp_path) as child:
        assert child.process.pid in family(os.getpid())
        assert (resident_mb(os.getpid()) or 0) > (resident_mb(child.process.pid) or 0) > 0
