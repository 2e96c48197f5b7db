"""How busy this machine is, as far as the hub may use it: a container's limits count."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")
_SAMPLE_S = 0.2
_KEPT_S = 1.0


@dataclass(frozen=True, slots=True)
class Load:
    """Shares in percent."""

    cpu: float
    memory: float


class Machine:
    """Samples the load when it is asked for, at most once a second."""

    def __init__(self, cgroup: Path = _CGROUP) -> None:
        self._cgroup = cgroup
        self._last: tuple[float, Load] | None = None
        self._lock = asyncio.Lock()

    async def load(self) -> Load:
        """The load of the last fifth of a second, or what was seen within the last second."""
        async with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > _KEPT_S:
                found = await asyncio.to_thread(self._sample)
                self._last = (time.monotonic(), found)
            return self._last[1]

    def _sample(self) -> Load:
        before, begun = self._cpu_used_us(), time.monotonic()
        whole = psutil.cpu_percent(interval=_SAMPLE_S)
        after, cpus = self._cpu_used_us(), self._cpus()
        if before is None or after is None or cpus is None:
            return Load(whole, self._memory())
        used = (after - before) / ((time.monotonic() - begun) * 1e6 * cpus) * 100
        return Load(min(100.0, used), self._memory())

    def memory_left(self) -> int:
        """Bytes that may still be used, of the machine or of the container."""
        limits, left = self._memory_limits(), int(psutil.virtual_memory().available)
        return left if limits is None else min(left, max(0, limits[0] - limits[1]))

    def _memory(self) -> float:
        """Of the machine, or of the container if that may use less."""
        limits = self._memory_limits()
        if limits is None:
            return float(psutil.virtual_memory().percent)
        return min(100.0, limits[1] / limits[0] * 100)

    def _memory_limits(self) -> tuple[int, int] | None:
        """What the container may use and what it uses, if it may use less than the machine."""
        limit, used = self._number("memory.max"), self._number("memory.current")
        if limit is None or used is None or limit >= psutil.virtual_memory().total:
            return None
        return limit, used

    def _cpus(self) -> float | None:
        """How many processors the container may use, if it is limited."""
        words = self._text("cpu.max").split()
        if len(words) != 2 or not words[0].isdigit() or not words[1].isdigit():
            return None
        return int(words[0]) / int(words[1]) or None

    def _cpu_used_us(self) -> int | None:
        for line in self._text("cpu.stat").splitlines():
            name, _, value = line.partition(" ")
            if name == "usage_usec" and value.isdigit():
                return int(value)
        return None

    def _number(self, name: str) -> int | None:
        text = self._text(name).strip()
        return int(text) if text.isdigit() else None

    def _text(self, name: str) -> str:
        try:
            return (self._cgroup / name).read_text()
        except OSError:
            return ""
