"""Claims of due runs: with a few rows, and with a million of which almost none can go."""

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from statistics import median

from hub.bench.ledgers import Ledger
from hub.bench.processes import failed
from hub.bench.scene import Figure, Measured, Scene
from hub.model.ids import new_id
from hub.model.run import Ending, RunStart, RunStatus
from hub.model.segment import Segment
from hub.store.leases import SWEEP
from hub.store.ledger import Ledger as Store
from hub.store.ledger import open_ledger
from hub.store.migrate import migrate
from hub.store.runs import CLAIM_ANY, ClaimAny, Claimed, queue_in_bulk
from hub.store.segments import COMMIT

_LANES = (("high", 100), ("normal", 100), ("low", 20))
_LEASE_US = 3_600_000_000
_PART, _BATCH, _FEW = 5_000, 50, 1_000
_KEYS = 1_000


@dataclass(frozen=True)
class Claims:
    """The ledger alone: a claim of 50 due runs, by its own time, as a worker makes it.

    Of the many rows a third each waits behind a full lane, behind one key, and behind a thousand
    keys, all of them due longer than the hundredth that can go.
    """

    name: str = "claims"
    rows: int = 1_000_000
    claims: int = 100
    ledgers: tuple[Ledger, ...] = (Ledger.SQLITE, Ledger.POSTGRESQL)

    def run(self, scene: Scene) -> Measured:
        """Rates of runs claimed, and the one with many rows as a share of that with few."""
        with scene.ledger.open(scene.folder) as variables:
            data = scene.folder / "data"
            data.mkdir()
            return asyncio.run(self._measure(variables.get("HUB_DATABASE_URL"), scene))

    async def _measure(self, url: str | None, scene: Scene) -> Measured:
        data = scene.folder / "data"
        await migrate(url, data)
        store = await open_ledger(url, data)
        try:
            few = await self._rate(store, _FEW)
            began = time.perf_counter()
            await _fill(store, self.rows)
            filled_s = time.perf_counter() - began
            many = await self._rate(store, max(_FEW, self.rows // 100))
        finally:
            await store.close()
        return Measured(
            (
                Figure("of the rate with few", many / few * 100, "%"),
                Figure("with few due", few, "/s"),
                Figure("with many due", many, "/s"),
                Figure("filled in", filled_s, "s"),
            )
        )

    async def _rate(self, store: Store, due: int) -> float:
        """Runs claimed a second: by the median of the claims, each of a full batch."""
        took: list[float] = []
        left = 0
        while len(took) < self.claims:
            if left < _BATCH:
                await _add(store, due, "normal")
                left = due
            asked = ClaimAny("bench", _BATCH, _LEASE_US, _LANES)
            begun = time.perf_counter()
            claimed = await store.write(CLAIM_ANY, asked)
            took.append(time.perf_counter() - begun)
            left -= len(claimed.runs)
            await _end(store, claimed)
        return _BATCH / median(took)


async def _end(store: Store, claimed: Claimed) -> None:
    if len(claimed.runs) != _BATCH:
        raise failed(f"A claim brought {len(claimed.runs)} runs instead of {_BATCH}.")
    done = Ending(RunStatus.SUCCEEDED, "v")
    await _commit(store, [Segment(run.id, run.fence, 0, ending=done) for run in claimed.runs])


async def _commit(store: Store, segments: list[Segment]) -> None:
    await asyncio.gather(*(store.write(COMMIT, each) for each in segments))


async def _add(store: Store, count: int, lane: str, keys: int = 0) -> None:
    """Queue runs: without a key, or so many in turn."""
    for begin in range(0, count, _PART):
        numbers = range(begin, min(begin + _PART, count))
        starts = [
            RunStart(
                new_id("run"),
                "bench/t",
                "{}",
                lane=lane,
                concurrency_key=f"{keys}:{n % keys}" if keys else None,
            )
            for n in numbers
        ]
        await store.engine.transact(partial(queue_in_bulk, starts=starts))


async def _fill(store: Store, count: int) -> None:
    """Rows that are due and cannot go."""
    third = count // 3
    await _add(store, third, "low")
    await _add(store, third, "normal", keys=1)
    await _add(store, third, "normal", keys=_KEYS)
    await store.write(CLAIM_ANY, ClaimAny("other", 20, _LEASE_US, (("low", 20),)))
    await store.write(SWEEP, None)  # the first of each key may go, and is parked
    wide = ClaimAny("other", 2 * _KEYS, _LEASE_US, (("normal", 2 * _KEYS),))
    holding = (await store.write(CLAIM_ANY, wide)).runs
    await _commit(store, [Segment(run.id, run.fence, 0, delay_us=_LEASE_US) for run in holding])
