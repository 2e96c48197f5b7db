"""The load generator, in a process of its own: fixed connections, each with one request at a time.

Closed loop: a connection sends its next request when the last one is answered. With ``--rate``
an open loop: requests fall due at a fixed rate, and their latency counts from when they were due,
also where no connection was free. All requests are rendered and signed before the clock starts.
Prints one :class:`~hub.bench.tally.Report` as a JSON line; the warm-up is run, and not measured.
"""

import argparse
import asyncio
import gc
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
import uvloop

from hub.bench.client import Connection, Shot
from hub.bench.requests import BODY_BYTES, Supply, render
from hub.bench.tally import Tally

_LAST_ANSWERS_S = 15.0
_LONGEST_PAUSE_S, _SHORTEST_PAUSE_S = 0.02, 0.0005


@dataclass(frozen=True, slots=True)
class Plan:
    """Where to, how fast and for how long; without a ``rate`` as fast as it is answered."""

    host: str
    port: int
    connections: int
    seconds: float
    warmup_s: float
    rate: float | None


class Load:
    """Hands requests to free connections until time or requests run out."""

    def __init__(self, plan: Plan, requests: Supply) -> None:
        self.tally = Tally()
        self._plan, self._requests = plan, requests
        self._made = 0
        self._due: deque[Shot] = deque()
        self._open: set[Connection] = set()
        self._free: deque[Connection] = deque()
        self._sending = False
        self._spent = False

    async def run(self) -> None:
        """Send it all, and wait for the last answers.

        Raises:
            OSError: nobody listens there.
        """
        await self._connect()
        self._sending = True
        tending = asyncio.create_task(self._tend())
        await _wait(self._plan.warmup_s, self._is_done)
        self.tally.begin()
        if not await _wait(self._plan.seconds, self._is_done):
            self.tally.end()
        self._sending = False
        await _wait(_LAST_ANSWERS_S, lambda: not self.tally.open)
        tending.cancel()
        for connection in self._open:
            connection.close()

    def answered(self, connection: Connection, shot: Shot, status: int) -> None:
        """Count it and let the connection go on."""
        self.tally.count(self._requests.id_of(shot.n), shot.due, status)
        self._free.append(connection)
        self._fill()

    def ended(self, connection: Connection, shot: Shot | None) -> None:
        """It is opened again at the next turn; what it had sent stays without an answer."""
        self._open.discard(connection)
        if shot is not None:
            self.tally.count_lost()
        with suppress(ValueError):
            self._free.remove(connection)

    async def _tend(self) -> None:
        """Keep the connections open and, in an open loop, let requests fall due."""
        rate, start = self._plan.rate, time.perf_counter()
        while True:
            with suppress(OSError):  # busy or gone: the next turn tries again
                await self._connect()
            pause_s = _LONGEST_PAUSE_S
            while rate and not self._spent:
                due = start + self._made / rate
                pause_s = due - time.perf_counter()
                if pause_s > 0:
                    break
                self._make(due)
            self._fill()
            await asyncio.sleep(min(max(pause_s, _SHORTEST_PAUSE_S), _LONGEST_PAUSE_S))

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        while len(self._open) < self._plan.connections:
            _, connection = await loop.create_connection(
                lambda: Connection(self), self._plan.host, self._plan.port
            )
            self._open.add(connection)
            self._free.append(connection)

    def _fill(self) -> None:
        """Give each free connection what is due; in a closed loop something always is."""
        while self._sending and self._free:
            if not self._due and not self._plan.rate:
                self._make(time.perf_counter())
            if not self._due:
                return
            shot = self._due[0]
            connection = self._free.popleft()
            if connection.send(shot, self._requests.bytes_of(shot.n)):
                self._due.popleft()
                self.tally.count_sent()

    def _make(self, due: float) -> None:
        if self._made < len(self._requests):
            self._due.append(Shot(self._made, due))
            self._made += 1
        else:
            self._spent = True

    def _is_done(self) -> bool:
        return self._spent and not self._due and not self.tally.open


async def _wait(seconds: float, done: Callable[[], bool]) -> bool:
    """Wait so long at most; true if it was done before."""
    until = time.perf_counter() + seconds
    while (left := until - time.perf_counter()) > 0:
        if done():
            return True
        await asyncio.sleep(min(left, _LONGEST_PAUSE_S))
    return False


def carry_out(plan: Plan, requests: Supply) -> Tally:
    """Send them as planned, in this process; where nobody listens, say so and exit with 2."""
    gc.collect()
    gc.freeze()
    gc.disable()  # a pause of the generator would look like one of the server
    try:
        return uvloop.run(_run(plan, requests))
    except OSError as error:
        sys.stderr.write(f"Nobody answers at {plan.host}:{plan.port}: {error}\n")
        raise SystemExit(2) from error


async def _run(plan: Plan, requests: Supply) -> Tally:
    load = Load(plan, requests)
    await load.run()
    return load.tally


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="load", description="Sends signed requests of 1 KB.")
    parser.add_argument("--host", default="127.0.0.1", help="where the server listens")
    parser.add_argument("--port", type=int, required=True, help="its port")
    parser.add_argument("--connections", type=int, default=50, help="how many")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long it measures")
    parser.add_argument("--warmup", type=float, default=0.0, help="seconds before it measures")
    parser.add_argument("--rate", type=float, help="requests per second; else closed loop")
    parser.add_argument("--requests", type=int, required=True, help="how many at most")
    parser.add_argument("--prefix", default="", help="of the requests' ids")
    parser.add_argument("--secret", required=True, help="the source's signing secret")
    parser.add_argument("--body-bytes", type=int, default=BODY_BYTES, help="size of a body")
    parser.add_argument("--answers", type=Path, help="file for a JSON line per measured answer")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    given = _parsed(arguments)
    address = f"{given.host}:{given.port}"
    requests = render(given.requests, given.prefix, address, given.secret, given.body_bytes)
    plan = Plan(given.host, given.port, given.connections, given.seconds, given.warmup, given.rate)
    tally = carry_out(plan, requests)
    if given.answers is not None:
        lines = (orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE) for each in tally.answers)
        given.answers.write_bytes(b"".join(lines))
    sys.stdout.write(orjson.dumps(tally.report()).decode() + "\n")


if __name__ == "__main__":
    main()
