"""What a load came to: counted while it runs, told when it has ended."""

import time
from collections import Counter
from dataclasses import dataclass, field

from hub.bench.latency import Latency, latency


@dataclass(frozen=True, slots=True)
class Answer:
    """One measured answer: the request's id, when it came by the wall clock, its status."""

    id: str
    at_ns: int
    status: int


@dataclass(frozen=True, slots=True)
class Report:
    """The first four are measured without the warm-up; the rest counts every request."""

    requests: int
    seconds: float
    per_s: float
    latency: Latency
    statuses: dict[str, int]
    sent: int
    lost: int
    """Requests whose connection ended, or whose answer did not come in time."""
    first_sent_ns: int


@dataclass
class Tally:
    """Answers by status, and the latencies of those that came while it measures."""

    answers: list[Answer] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    broken: int = 0
    first_sent_ns: int = 0
    _durations_ms: list[float] = field(default_factory=list)
    _since: float | None = None
    _until: float | None = None
    _last: float = 0.0

    def begin(self) -> None:
        """From here on it counts."""
        self._since = self._last = time.perf_counter()

    def end(self) -> None:
        """What is answered later does not count in what was measured."""
        self._until = time.perf_counter()

    def count_sent(self) -> None:
        """A request is on its way."""
        if not self.sent:
            self.first_sent_ns = time.time_ns()
        self.sent += 1

    def count_lost(self) -> None:
        """A request's connection ended before its answer."""
        self.broken += 1

    @property
    def open(self) -> int:
        """Requests whose answer may still come."""
        return self.sent - self.broken - self.statuses.total()

    def count(self, id_: str, due: float, status: int) -> None:
        """An answer has come."""
        now = time.perf_counter()
        self.statuses[str(status)] += 1
        if self._since is not None and self._until is None:
            self._durations_ms.append((now - due) * 1000)
            self.answers.append(Answer(id_, time.time_ns(), status))
            self._last = now

    def report(self) -> Report:
        """The figures; without an ``end`` the last answer was the end."""
        until = self._last if self._until is None else self._until
        seconds = max(until - (self._since or until), 1e-9)
        count = len(self._durations_ms)
        return Report(
            requests=count,
            seconds=seconds,
            per_s=count / seconds,
            latency=latency(self._durations_ms),
            statuses=dict(self.statuses),
            sent=self.sent,
            lost=self.sent - self.statuses.total(),
            first_sent_ns=self.first_sent_ns,
        )
