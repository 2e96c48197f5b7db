"""What the hub should reach, in one table. Ratios count: they hold on other machines too."""

from dataclasses import dataclass

from hub.bench.ledgers import Ledger


@dataclass(frozen=True, slots=True)
class Target:
    """A bound for one figure of a case, on one ledger or on each."""

    case: str
    figure: str
    bound: float
    at_least: bool
    ledger: Ledger | None = None

    def stands(self, value: float) -> bool:
        """Whether a value keeps to it."""
        return value >= self.bound if self.at_least else value <= self.bound


def _least(case: str, figure: str, bound: float, ledger: Ledger | None = None) -> Target:
    return Target(case, figure, bound, at_least=True, ledger=ledger)


def _most(case: str, figure: str, bound: float, ledger: Ledger | None = None) -> Target:
    return Target(case, figure, bound, at_least=False, ledger=ledger)


TARGETS = (
    _least("language", "expression, compare", 500_000),
    _least("language", "expression, reckon", 300_000),
    _least("language", "expression, call", 250_000),
    _least("language", "pure steps", 100_000),
    _most("language", "load and check 500 stacks", 2),
    _least("tables", "record steps", 2_000),
    _least("claims", "of the rate with few", 80),
    _least("ingest", "of the echo", 40, Ledger.POSTGRESQL),
    _least("ingest", "of the echo", 35, Ledger.SQLITE),
    _most("ingest", "p99", 25),
    _least("retention", "of the rate alone", 90),
    _most("retention", "p99", 25),
    _most("pages", "slowest first answer", 300),
    _least("end_to_end", "events", 1200, Ledger.POSTGRESQL),
    _least("end_to_end", "events", 900, Ledger.SQLITE),
    _least("deliveries", "delivered", 1500),
    _least("deliveries", "of that beside the many", 80),
    _least("fairness", "of the rate alone", 90),
    _most("two_workers", "of the cost with one", 115),
    _most("light_load", "p50", 30),
    _most("light_load", "p99", 120),
    _least("realtime", "delivered", 20_000),
    _most("realtime", "paced, p50", 15),
    _most("realtime", "memory of an idle subscriber", 60),
    _least("datasets", "of the reader alone", 50),
    _most("datasets", "memory, most", 300),
    _most("startup", "ready, first start", 3),
    _most("startup", "ready, with data", 3),
    _most("startup", "memory, idle", 250),
)


def target_of(case: str, figure: str, ledger: Ledger) -> Target | None:
    """The target of a figure, if it has one."""
    for target in TARGETS:
        if (target.case, target.figure) == (case, figure) and target.ledger in (None, ledger):
            return target
    return None
