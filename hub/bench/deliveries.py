"""Delivering: how fast, beside a million that wait, beside destinations that fail, and after them.

Deliveries are put into the ledger as a commit of a run puts them there, so that nothing is
measured but their way out.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import orjson

from hub.bench.arrivals import Arrival
from hub.bench.latency import latency
from hub.bench.ledgers import Ledger
from hub.bench.processes import listening, module, resident_mb
from hub.bench.scene import Figure, Measured, Scene
from hub.bench.subject import Subject, hub
from hub.bench.watch import Watch
from hub.model.delivery import DeliveryStart
from hub.model.ids import new_id
from hub.store.deliveries import insert_deliveries
from hub.store.ledger import Ledger as Store
from hub.store.ledger import open_ledger

_BOTH = (Ledger.SQLITE, Ledger.POSTGRESQL)
_PART = 5_000
_FILLER = "x" * 900
_STALLED_S = 60.0


@contextmanager
def _sink(scene: Scene) -> Iterator[int]:
    with listening("sink", module("sink", "--field=id"), scene.folder) as port:
        yield port


@contextmanager
def _store(subject: Subject, folder: Path) -> Iterator[tuple[asyncio.Runner, Store]]:
    """The hub's own ledger, opened beside it."""
    with asyncio.Runner() as runner:
        store = runner.run(open_ledger(subject.database_url, folder / "data", timeout_s=60))
        try:
            yield runner, store
        finally:
            runner.run(store.close())


def _start(destination: str, name: str, filler: str = _FILLER) -> DeliveryStart:
    return DeliveryStart(
        id=new_id("dlv"),
        destination=destination,
        body=orjson.dumps({"id": name, "filler": filler}),
        content_type="application/json",
        idempotency_key=name,
    )


async def _put(store: Store, starts: Sequence[DeliveryStart]) -> None:
    for begin in range(0, len(starts), _PART):
        part = starts[begin : begin + _PART]
        await store.engine.transact(partial(insert_deliveries, starts=part))


def _set(subject: Subject, slug: str, port: int, query: str = "", **more: object) -> None:
    url = f"http://127.0.0.1:{port}/hook{query}"
    subject.api.put(f"/v1/destinations/{slug}", {"connector": "standard", "url": url} | more)


def _rate(arrivals: Sequence[Arrival]) -> float:
    """Per second, between the first and the last."""
    if len(arrivals) < 2:
        return 0.0
    return (len(arrivals) - 1) / max((arrivals[-1].at_ns - arrivals[0].at_ns) / 1e9, 1e-9)


@dataclass(frozen=True)
class Deliveries:
    """A backlog for one fast destination, alone and beside a million that wait for others.

    Of those half wait for a paused destination, and half behind one key.
    """

    name: str = "deliveries"
    per_s: int = 2_000
    rounds: int = 3
    waiting: int = 1_000_000
    ledgers: tuple[Ledger, ...] = _BOTH

    def run(self, scene: Scene) -> Measured:
        """Deliveries a second, attempts recorded; the share that is left beside the many."""
        with _sink(scene) as port, hub(scene) as subject, _store(subject, scene.folder) as opened:
            runner, store = opened
            watch = Watch(port)
            _set(subject, "bench", port)
            _set(subject, "stuck", port, state="paused")
            count = round(self.per_s * scene.seconds)

            def once() -> list[Arrival]:
                return _emptied(runner, store, subject, watch, count)

            once()  # the first one warms up
            alone = [once() for _ in range(self.rounds)]
            runner.run(_fill(store, self.waiting))
            beside = [once() for _ in range(self.rounds)]
            memory = max(resident_mb(child.process.pid) or 0.0 for child in subject.children)
        alone_per_s, beside_per_s = (median(map(_rate, each)) for each in (alone, beside))
        return Measured(
            (
                Figure("delivered", alone_per_s, "/s"),
                Figure("of that beside the many", beside_per_s / alone_per_s * 100, "%"),
                Figure("beside the many", beside_per_s, "/s"),
                Figure("memory", memory, "MB"),
            ),
            tuple(
                f"{len(each)} of {count} deliveries arrived"
                for each in (*alone, *beside)
                if len(each) != count
            ),
        )


def _emptied(
    runner: asyncio.Runner, store: Store, subject: Subject, watch: Watch, count: int
) -> list[Arrival]:
    """What arrives of a backlog that is let go all at once."""
    subject.api.post("/v1/destinations/bench/pause", {})
    watch.reset()
    runner.run(_put(store, [_start("bench", new_id("msg")) for _ in range(count)]))
    subject.api.post("/v1/destinations/bench/resume", {})
    watch.wait(count, _STALLED_S)
    return watch.arrivals()


async def _fill(store: Store, count: int) -> None:
    """Deliveries that are due and cannot go."""
    half = count // 2
    for begin in range(0, half, _PART):
        size = min(_PART, half - begin)
        stuck = [_start("stuck", "x", "") for _ in range(size)]
        await store.engine.transact(partial(insert_deliveries, starts=stuck))
        behind = [replace(each, ordering_key="stuck:key") for each in stuck]
        behind = [replace(each, id=new_id("dlv")) for each in behind]
        await store.engine.transact(partial(insert_deliveries, starts=behind))


@dataclass(frozen=True)
class Fairness:
    """98 good destinations, alone and with a slow and a dead one beside them, in turns.

    Each gets every event. The slow one answers after ``slow_s``, the dead one never.
    """

    name: str = "fairness"
    good: int = 98
    slow_s: float = 10.0
    per_s: float = 5.0
    rounds: int = 3
    ledgers: tuple[Ledger, ...] = _BOTH

    def run(self, scene: Scene) -> Measured:
        """What the good ones keep of their rate and of their latency."""
        good = [f"good-{n}" for n in range(self.good)]
        with _sink(scene) as port, hub(scene) as subject:
            watch = Watch(port)
            for slug in good:
                _subscribe(subject, slug, port, sources=("alone", "beside"))
            _subscribe(subject, "slow", port, f"?delay_ms={self.slow_s * 1000:.0f}")
            _subscribe(subject, "dead", port, "?delay_ms=600000", timeout_s=self.slow_s / 2)
            for source in ("alone", "beside"):
                subject.api.put(f"/v1/sources/{source}", {"verify": {"mode": "none"}})

            def once(source: str) -> list[Arrival]:
                watch.reset()
                sent = _stream(subject, source, self.per_s, scene.seconds)
                return _good_ones(watch, sent * len(good))

            once("alone")
            pairs = [(once("alone"), once("beside")) for _ in range(self.rounds)]
        ratios = [_rate(beside) / _rate(alone) for alone, beside in pairs]
        lags = [tuple(latency(map(_lag_ms, each)) for each in pair) for pair in pairs]
        return Measured(
            (
                Figure("of the rate alone", median(ratios) * 100, "%"),
                Figure("p50 alone", median(alone.p50_ms for alone, _ in lags), "ms"),
                Figure("p50 beside", median(beside.p50_ms for _, beside in lags), "ms"),
                Figure("p99 alone", median(alone.p99_ms for alone, _ in lags), "ms"),
                Figure("p99 beside", median(beside.p99_ms for _, beside in lags), "ms"),
            ),
            tuple(
                f"{len(beside)} of {len(alone)} deliveries to good ones arrived"
                for alone, beside in pairs
                if len(beside) != len(alone)
            ),
        )


def _subscribe(
    subject: Subject,
    slug: str,
    port: int,
    query: str = "",
    *,
    sources: Sequence[str] = ("beside",),
    **more: object,
) -> None:
    """A destination that gets every event of these sources, under its own name."""
    _set(subject, slug, port, query, transform={"id": f"{slug} {{{{id}}}}"}, **more)
    for source in sources:
        wish = {"source": source, "destination": slug}
        subject.api.put(f"/v1/subscriptions/{source}-{slug}", wish)


def _stream(subject: Subject, source: str, per_s: float, seconds: float) -> int:
    """An event so many times a second, which tells when it was sent; gives how many."""
    begun, count = time.monotonic(), round(per_s * seconds)
    for n in range(count):
        time.sleep(max(0.0, begun + n / per_s - time.monotonic()))
        subject.api.post(f"/in/{source}", {"id": str(time.time_ns()), "filler": _FILLER})
    return count


def _good_ones(watch: Watch, count: int) -> list[Arrival]:
    """What has come to good ones, once so many have or no more do."""
    until = time.monotonic() + _STALLED_S
    found: list[Arrival] = []
    while len(found) < count and time.monotonic() < until:
        time.sleep(0.2)
        found = [each for each in watch.arrivals() if _is_good(each)]
    return found


def _is_good(arrival: Arrival) -> bool:
    return (arrival.field or "").startswith("good-")


def _lag_ms(arrival: Arrival) -> float:
    return (arrival.at_ns - int((arrival.field or "").partition(" ")[2])) / 1e6


@dataclass(frozen=True)
class Herd:
    """A backlog waits for a destination that fails; then it is well, and its breaker closes."""

    name: str = "herd"
    backlog: int = 5_000
    open_s: float = 2.0
    ledgers: tuple[Ledger, ...] = (Ledger.SQLITE,)

    def run(self, scene: Scene) -> Measured:
        """What the destination gets, second by second, from the probe that is taken."""
        with _sink(scene) as port, hub(scene) as subject, _store(subject, scene.folder) as opened:
            runner, store = opened
            watch = Watch(port)
            breaker = {"open_s": self.open_s, "longest_open_s": self.open_s}
            _set(subject, "bench", port, retry_schedule_s=[1] * 50, breaker=breaker)
            watch.set_mode({"status": 503})
            runner.run(_put(store, [_start("bench", new_id("msg")) for _ in range(self.backlog)]))
            time.sleep(2 * self.open_s)
            failed = len(watch.arrivals())
            watch.reset()
            watch.wait(self.backlog, _STALLED_S)
            arrivals = watch.arrivals()
        seconds = Counter((each.at_ns - arrivals[0].at_ns) // 1_000_000_000 for each in arrivals)
        per_s = [seconds[n] for n in range(max(seconds) + 1)]
        return Measured(
            (
                Figure("while it failed", failed, "requests"),
                Figure("first second", per_s[0], "/s"),
                Figure("until all came", len(per_s), "s"),
            ),
            () if len(arrivals) == self.backlog else (f"{len(arrivals)} of {self.backlog} came",),
            _picture(per_s),
        )


def _picture(per_s: Sequence[int]) -> str:
    """A bar for each second; their lengths tell the logarithm, for they double."""
    lines = [
        f"  {n:>3} s  {count:>6}  {'█' * round(4 * count.bit_length())}"
        for n, count in enumerate(per_s)
    ]
    return "\n".join(["Requests in each second after the breaker closed:", *lines])
