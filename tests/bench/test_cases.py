"""Cases in their short form: they measure something, and find no fault."""

import pytest

from hub.bench.cases import EndToEnd, TwoWorkers
from hub.bench.claims import Claims
from hub.bench.dashboard import Pages
from hub.bench.deliveries import Deliveries, Fairness, Herd
from hub.bench.harness import measure
from hub.bench.language import Language
from hub.bench.ledgers import Ledger
from hub.bench.realtime import Realtime
from hub.bench.scene import Case


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("case", "ledger", "figure"),
    [
        (Claims(rows=3000, claims=4), Ledger.POSTGRESQL, "with many due"),
        (Language(), Ledger.NONE, "pure steps"),
        (EndToEnd(rate=200), Ledger.SQLITE, "events"),
        (Deliveries(per_s=100, rounds=1, waiting=200), Ledger.SQLITE, "beside the many"),
        (Fairness(good=3, rounds=1, slow_s=1), Ledger.SQLITE, "of the rate alone"),
        (Herd(backlog=20, open_s=0.3), Ledger.SQLITE, "first second"),
        (
            Realtime(subscribers=5, paced=100, idle=10, idle_s=0.1, rounds=1),
            Ledger.SQLITE,
            "delivered",
        ),
        (Pages(count=300), Ledger.SQLITE, "slowest first answer"),
        (TwoWorkers(rate=100, rounds=1), Ledger.POSTGRESQL, "with two"),
    ],
)
def test_a_case_is_measured(case: Case, ledger: Ledger, figure: str) -> None:
    result = measure(case, ledger, 0.5)
    assert result.faults == ()
    assert {each.name: each.value for each in result.figures}[figure] > 0
