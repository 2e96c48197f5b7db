"""The load generator, in a process of its own: fixed connections, each with one request at a time.

Closed loop: a connection sends its next request when the last one is answered. With ``--rate``
an open loop: requests fall due at a fixed rate, and their latency counts from when they were due,
also where no connection was free. All requests are rendered and signed before the clock starts.
Prints one :class:`Report` as a JSON line; a warm-up is run, checked and not counted.
"""

import argparse
import asyncio
import gc
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import uvloop

from hub.bench.client import Connection, Shot
from hub.bench.latency import Latency, latency
from hub.bench.requests import Requests, render

LAST_ANSWERS_S = 15.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be sent, how fast and for how long."""

    host: str
    port: int
    connections: int
    seconds: float
    warmup_s: float
    rate: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it. ``requests`` to ``latency`` without the warm-up, the rest with it."""

    requests: int
    seconds: float
    per_s: float
    latency: Latency
    statuses: dict[str, int]
    sent: int
    lost: int
    """Requests whose connection ended, or whose answer was not waited for any longer."""
    first_sent_ns: int


class Load:
    """Hands requests to free connections and counts the answers."""

    def __init__(self, plan: Plan, requests: Requests) -> None:
        self._plan, self._requests = plan, requests
        self._next = 0
        self._due: deque[float] = deque()
        self._free: deque[Connection] = deque()
        self._open: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = False
        self._spent = asyncio.Event()
        self._since: float | None = None
        self._last = 0.0
        self._durations_ms: list[float] = []
        self._statuses: Counter[str] = Counter()
        self._lost = 0
        self._first_sent_ns = 0
        self.answers: list[tuple[str, int, int]] = []
        """Of each measured request: id, when it was answered (wall clock), status."""

    async def run(self) -> Report:
        """Send until time or requests run out, and wait for the last answers."""
        plan = self._plan
        await asyncio.gather(*(self._connect() for _ in range(plan.connections)))
        self._sending, self._first_sent_ns = True, time.time_ns()
        pace = self._pace(plan.rate) if plan.rate else self._start_all()
        pacing = asyncio.create_task(pace)
        await self._wait(plan.warmup_s)
        self._since = self._last = time.perf_counter()
        await self._wait(plan.seconds)
        self._sending = False
        ended = time.perf_counter()
        pacing.cancel()
        if self._spent.is_set():
            await self._last_answers()
            ended = self._last
        report = self._report(ended)
        await self._last_answers()
        for connection in self._open.copy():
            connection.close()
        return self._with_totals(report)

    def answered(self, connection: Connection, status: int, shot: Shot) -> None:
        """Count an answer and let its connection go on."""
        now = time.perf_counter()
        self._statuses[str(status)] += 1
        if self._since is not None and shot.due >= self._since:
            self._durations_ms.append((now - shot.due) * 1000)
            self.answers.append((self._requests.ids[shot.n], time.time_ns(), status))
            self._last = now
        self._give(connection)

    def ended(self, connection: Connection, shot: Shot | None) -> None:
        """A connection ended: what it had sent is lost, another one takes its place."""
        self._open.discard(connection)
        if connection in self._free:
            self._free.remove(connection)
        self._lost += shot is not None
        if self._sending:
            task = asyncio.get_running_loop().create_task(self._reconnect())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        make = lambda: Connection(self)  # noqa: E731
        _, connection = await loop.create_connection(make, self._plan.host, self._plan.port)
        self._open.add(connection)
        self._give(connection)

    async def _reconnect(self) -> None:
        try:
            await self._connect()
        except OSError:
            await asyncio.sleep(0.1)
            if self._sending:
                await self._reconnect()

    async def _start_all(self) -> None:
        for connection in [self._free.popleft() for _ in range(len(self._free))]:
            self._give(connection)

    async def _pace(self, rate: float) -> None:
        start, count = time.perf_counter(), 0
        while True:
            now = time.perf_counter()
            while (due := start + count / rate) <= now:
                self._due.append(due)
                count += 1
            while self._due and self._free:
                self._give(self._free.popleft())
            await asyncio.sleep(max(0.0005, due - time.perf_counter()))

    def _give(self, connection: Connection) -> None:
        """Send the next request, if one is due."""
        due = self._due.popleft() if self._due else None
        if not self._sending or (self._plan.rate and due is None):
            self._free.append(connection)
        elif self._next >= len(self._requests.ids):
            self._spent.set()
        else:
            n, self._next = self._next, self._next + 1
            shot = Shot(n, due or time.perf_counter())
            connection.send(shot, self._requests.heads[n] + self._requests.tail)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._spent.wait()
        except TimeoutError:
            return
