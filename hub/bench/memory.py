"""The most memory that programs had, looked at again and again."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from hub.bench.processes import Child, family

_EVERY_S = 0.05
_VALKEY = "valkey"


@dataclass(slots=True)
class Memory:
    """What was seen, in MB."""

    before: float
    """At the beginning."""
    most: float


@contextmanager
def watched(children: Sequence[Child]) -> Iterator[Memory]:
    """The resident memory of these programs and their descendants together, without Valkey.

    What two of them share is counted for each. It is whole at the end of the block.
    """
    pids = [child.process.pid for child in children]
    now = _resident_mb(pids)
    memory, is_over = Memory(now, now), threading.Event()

    def look() -> None:
        while not is_over.wait(_EVERY_S):
            memory.most = max(memory.most, _resident_mb(pids))

    thread = threading.Thread(target=look, name="memory")
    thread.start()
    try:
        yield memory
    finally:
        is_over.set()
        thread.join()


def _resident_mb(pids: Sequence[int]) -> float:
    total = 0
    for pid in [each for first in pids for each in family(first)]:
        try:
            process = psutil.Process(pid)
            if _VALKEY not in process.name():
                total += process.memory_info().rss
        except psutil.NoSuchProcess:  # it has ended meanwhile
            continue
    return total / 1e6
