"""Gates do what their definition says, whatever happens in whatever order."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from redis.asyncio import Redis

from hub import keys
from hub.errors import OutboundError, StoreError
from hub.model.destination import Breaker, Pacing
from hub.outbound.gates import (
    FIRST_RATE_PER_S,
    HORIZON_S,
    SPARED_S,
    Asked,
    Change,
    Gates,
    Grant,
)
from hub.valkey import EmbeddedValkey

S = 1_000_000
BREAKER = Breaker(failure_rate=0.5, min_calls=4, window_s=60, open_s=30, longest_open_s=100)
TIMEOUT_S = 5.0
PATIENCE_US = 15_200_000  # its timeout, the horizon and the slack
BEGIN = 1_700_000_000 * S


@dataclass
class Clock:
    """Time, in the test's hand."""

    us: int = BEGIN

    def __call__(self) -> int:
        return self.us


@dataclass
class Model:
    """What a breaker is, said once more and more simply."""

    state: str = "closed"
    calls: list[tuple[int, bool]] = field(default_factory=list)
    until: int = 0
    opens: int = 0
    probe: str | None = None
    probe_until: int = 0
    full_until: int = 0
    by_hand: bool = False

    def may_go(self, now: int) -> bool:
        if now < self.full_until:
            return False
        if self.state == "closed":
            return True
        return now >= self.until and not (self.probe and now < self.probe_until)

    def call(self, now: int, taken: bool) -> bool:
        """Count it; whether that opens it."""
        if self.state != "closed":
            return False
        self.calls.append((now, taken))
        tenth = BREAKER.window_s * S // 10
        recent = [ok for at, ok in self.calls if now // tenth - at // tenth < 10]
        failed = recent.count(False)
        if taken or len(recent) < BREAKER.min_calls:
            return False
        if failed / len(recent) < BREAKER.failure_rate:
            return False
        self.open(now, 1)
        return True

    def open(self, now: int, opens: int) -> None:
        self.state, self.opens, self.calls, self.probe = "open", opens, [], None
        open_s = min(BREAKER.open_s * 2 ** (opens - 1), BREAKER.longest_open_s)
        self.until = now + int(open_s * S)
        self.by_hand = False

    def close(self) -> None:
        self.state, self.calls, self.probe, self.opens = "closed", [], None, 0
        self.by_hand = False


class GateMachine(RuleBasedStateMachine):
    """One gate beside its model."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.redis = Redis.from_url(self.url)
        self.run(self.redis.flushdb())
        self.clock = Clock()
        self.gates = Gates(self.redis, self.clock)
        self.changes: list[Change] = []
        self.gates.on_change = self.changes.append
        self.expected: list[str] = []
        self.model = Model()

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self.redis.aclose())
        self.loop.close()

    async def _report(self, *args: Any, **more: Any) -> None:
        self.gates.report("till", BREAKER, *args, **more)
        await self.gates.close()

    @rule(us=st.integers(1, 40 * S))
    def time_passes(self, us: int) -> None:
        self.clock.us += us

    @rule(want=st.integers(1, 5))
    def take(self, want: int) -> None:
        (grant,) = self.run(self.gates.take([Asked("till", want, BREAKER, TIMEOUT_S)]))
        now = self.clock.us
        if not self.model.may_go(now):
            assert grant.granted == 0
            assert grant.again_s is not None
            assert grant.again_s > 0
        elif self.model.state == "closed":
            assert grant.probe is None
            assert 0 <= grant.granted <= want
        elif grant.granted:
            assert grant.granted == 1
            assert grant.probe
            self.model.state = "half_open"
            self.model.probe, self.model.probe_until = grant.probe, now + PATIENCE_US
        else:  # it is spared still
            assert grant.again_s is not None
            assert grant.again_s <= SPARED_S

    @rule(taken=st.booleans())
    def a_request_ends(self, taken: bool) -> None:
        if self.model.call(self.clock.us, taken):
            self.expected.append("opened")
        self.run(self._report("good" if taken else "bad"))

    @rule(way=st.sampled_from(["good", "bad", "none"]), is_late=st.booleans())
    def a_probe_ends(self, way: Any, is_late: bool) -> None:
        token = "ffff" if is_late else self.model.probe
        if token is None:
            return
        counts = self.model.state == "closed" and way != "none"
        self.run(self._report(way, probe=token))
        if counts and self.model.call(self.clock.us, way == "good"):
            self.expected.append("opened")
        if self.model.state == "closed" or is_late:
            return
        if way == "good":
            self.model.close()
            self.expected.append("closed")
        elif way == "bad":
            self.model.open(self.clock.us, self.model.opens + 1)
            self.expected.append("reopened")
        self.model.probe = None

    @rule(full_s=st.integers(1, 60))
    def it_is_full(self, full_s: int) -> None:
        self.run(self._report("none", full_s=float(full_s)))
        self.model.full_until = max(self.model.full_until, self.clock.us + full_s * S)

    @rule(for_s=st.integers(1, 300))
    def it_is_tripped(self, for_s: int) -> None:
        self.run(self.gates.trip("till", float(for_s)))
        self.model.open(self.clock.us, 1)
        self.model.until = self.clock.us + for_s * S
        self.model.by_hand = True
        self.expected.append("opened")

    @rule()
    def it_is_reset(self) -> None:
        was_open = self.run(self.gates.reset("till"))
        assert was_open == (self.model.state != "closed")
        if was_open:
            self.expected.append("closed")
        self.model.close()
        self.model.full_until = 0

    @rule()
    def redis_is_lost(self) -> None:
        self.run(self.redis.flushdb())
        self.model.close()
        self.model.full_until = 0

    @invariant()
    def they_agree(self) -> None:
        (state,) = self.run(self.gates.states(["till"], BREAKER.window_s))
        assert state.state == self.model.state
        assert state.by_hand == self.model.by_hand
        assert [each.what for each in self.changes] == self.expected
        if state.state == "open":
            assert state.next_probe_us == self.model.until
        full = self.model.full_until
        assert state.not_before_us == (full if full > self.clock.us else None)


class PacingMachine(RuleBasedStateMachine):
    """Two workers that take slots of one destination, at moments of their own."""

    url = ""
    pacing = Pacing(requests=7, per_s=2.0)

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.redis = Redis.from_url(self.url)
        self.run(self.redis.flushdb())
        self.clock = Clock()
        self.workers = [Gates(self.redis, self.clock) for _ in range(2)]
        self.slots: list[float] = []

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self.redis.aclose())
        self.loop.close()

    @rule(us=st.integers(1, 3 * S))
    def time_passes(self, us: int) -> None:
        self.clock.us += us

    @rule(worker=st.integers(0, 1), want=st.integers(1, 20))
    def take(self, worker: int, want: int) -> None:
        asked = Asked("till", want, BREAKER, TIMEOUT_S, self.pacing)
        (grant,) = self.run(self.workers[worker].take([asked]))
        assert grant.granted <= want
        first = self.clock.us / S + grant.delay_s
        slots = [first + n * grant.step_s for n in range(grant.granted)]
        assert all(slot <= self.clock.us / S + HORIZON_S + 0.001 for slot in slots)
        if grant.granted < want:
            assert grant.again_s is not None
        if not grant.granted:  # because what is given out already fills the horizon
            step_s = self.pacing.per_s / (self.pacing.requests or 1)
            assert self.slots[-1] + step_s > self.clock.us / S + HORIZON_S - 0.001
        self.slots += slots

    @invariant()
    def no_window_has_more_than_it_may(self) -> None:
        for n, begin in enumerate(self.slots):
            within = [each for each in self.slots[n:] if each < begin + self.pacing.per_s - 0.001]
            assert len(within) <= (self.pacing.requests or 0) + 1


@pytest.mark.parametrize("machine", [GateMachine, PacingMachine])
def test_whatever_happens(
    valkey: EmbeddedValkey, machine: type[GateMachine] | type[PacingMachine]
) -> None:
    machine.url = valkey.url
    budget = settings(
        max_examples=40,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=budget)  # type: ignore[no-untyped-call]  # hypothesis


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gates(redis: Redis, clock: Clock) -> Gates:
    return Gates(redis, clock)


async def ask(gates: Gates, want: int = 1, pacing: Pacing | None = None) -> Grant:
    (grant,) = await gates.take([Asked("till", want, BREAKER, TIMEOUT_S, pacing)])
    return grant


async def fail(gates: Gates, times: int = 4) -> None:
    for _ in range(times):
        gates.report("till", BREAKER, "bad")
    await gates.close()


async def test_a_gate_that_nobody_knows_lets_everything_through(gates: Gates) -> None:
    assert await ask(gates, 500) == Grant("till", 500, 0.0, 0.0, None, None)
    assert await gates.take([]) == []


async def test_an_open_breaker_tells_what_opened_it(gates: Gates, clock: Clock) -> None:
    gates.report("till", BREAKER, "good")
    await fail(gates)
    (state,) = await gates.states(["till"])
    assert (state.state, state.calls, state.failed, state.failure_rate) == ("open", 5, 4, 0.8)
    clock.us += 30 * S
    gates.report("till", BREAKER, "bad", probe=(await ask(gates)).probe)
    await gates.close()
    (state,) = await gates.states(["till"])
    assert (state.state, state.failure_rate) == ("open", 0.8)
    clock.us += 60 * S
    gates.report("till", BREAKER, "good", probe=(await ask(gates)).probe)
    await gates.close()
    (state,) = await gates.states(["till"])
    assert (state.state, state.calls) == ("closed", 0)
    await gates.trip("till")
    (state,) = await gates.states(["till"])
    assert (state.state, state.calls) == ("open", 0)


async def test_open_time_doubles_up_to_its_longest(gates: Gates, clock: Clock) -> None:
    await fail(gates)
    for open_s in (30, 60, 100, 100):
        grant = await ask(gates)
        assert (grant.granted, grant.again_s) == (0, open_s)
        clock.us += open_s * S
        grant = await ask(gates, 50)
        assert grant.granted == 1
        gates.report("till", BREAKER, "bad", probe=grant.probe)
        await gates.close()


async def test_a_probe_that_never_comes_back_is_not_waited_for_too_long(
    gates: Gates, clock: Clock
) -> None:
    await fail(gates)
    clock.us += 30 * S
    assert (await ask(gates)).probe
    grant = await ask(gates)
    assert (grant.granted, grant.again_s) == (0, PATIENCE_US / S)
    clock.us += PATIENCE_US + 1
    assert (await ask(gates)).probe


async def test_who_comes_back_is_spared_at_first(gates: Gates, clock: Clock) -> None:
    """No thundering herd: 10 a second, doubled every second, and free after eight."""
    await fail(gates)
    clock.us += 30 * S
    gates.report("till", BREAKER, "good", probe=(await ask(gates)).probe)
    await gates.close()
    went = []
    for _ in range(5):
        count = 0
        for _ in range(10):
            count += (await ask(gates, 1000)).granted
            clock.us += S // 10
        went.append(count)
    for n, count in enumerate(went):
        assert FIRST_RATE_PER_S * 2**n * 0.9 <= count <= FIRST_RATE_PER_S * 2 ** (n + 1) * 1.1 + 3
    clock.us += int(SPARED_S * S)
    assert (await ask(gates, 1000)).granted == 1000


async def test_a_pace_is_kept_up_when_there_is_enough_to_do(gates: Gates, clock: Clock) -> None:
    """Make's 300 in 10 seconds: not one more, and not one less."""
    pacing = Pacing(requests=300, per_s=10)
    went = 0
    for _ in range(1000):
        went += (await ask(gates, 20, pacing)).granted
        clock.us += S // 100
    assert 300 <= went <= 300 + 300 * HORIZON_S / 10 + 1


async def test_a_clock_that_is_set_back_holds_nothing_up(gates: Gates, clock: Clock) -> None:
    pacing = Pacing(requests=1, per_s=60)
    assert (await ask(gates, 1, pacing)).granted == 1
    await fail(gates)
    gates.report("till", BREAKER, "none", full_s=60)
    await gates.close()
    clock.us -= 24 * 3600 * S
    assert (await ask(gates, 1, pacing)).granted == 1


async def test_a_pace_that_is_raised_counts_at_once(gates: Gates, clock: Clock) -> None:
    assert (await ask(gates, 1, Pacing(requests=1, per_s=3600))).granted == 1
    assert (await ask(gates, 1, Pacing(requests=1, per_s=3600))).granted == 0
    clock.us += S
    assert (await ask(gates, 1, Pacing(requests=10, per_s=1))).granted == 1


async def test_a_request_of_a_step_is_refused_while_its_origin_is_open(
    gates: Gates, clock: Clock
) -> None:
    asked = Asked("till", 1, BREAKER, TIMEOUT_S)
    assert await gates.admit(asked) is None
    await gates.trip("till", 60)
    with pytest.raises(OutboundError) as refused:
        await gates.admit(asked)
    assert refused.value.code == "breaker_open"
    assert refused.value.details["retry_after_s"] == 60
    clock.us += 60 * S
    token = await gates.admit(asked)
    assert token
    gates.report("till", BREAKER, "good", probe=token)
    await gates.close()
    assert await gates.admit(asked) is None


async def test_every_key_ends_by_itself(gates: Gates, redis: Redis) -> None:
    await ask(gates, 1, Pacing(requests=1, per_s=1))
    gates.report("desk", BREAKER, "good")
    await fail(gates)
    await gates.trip("far", 30 * 86_400)
    for name in await redis.keys("*"):
        assert name == keys.NOT_CLOSED.encode() or await redis.pttl(name) > 0
    assert await redis.pttl(keys.gate("far")) > 29 * 86_400_000


async def test_without_redis_nothing_goes_and_steps_do(clock: Clock) -> None:
    async with Redis(port=1) as nowhere:
        gates = Gates(nowhere, clock)
        with pytest.raises(StoreError, match="nothing leaves"):
            await ask(gates)
        assert await gates.admit(Asked("till", 1, BREAKER, TIMEOUT_S)) is None
        await fail(gates)  # it is lost, and nobody minds
