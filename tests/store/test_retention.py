"""What is over is found and dropped by indexes, however much is kept."""

from typing import Any

import pytest
from sqlalchemy import Delete, Select, text

from hub.store import retention, schema
from hub.store.ledger import Ledger
from hub.store.tx import Tx
from tests.store.explain import Explain

PARAMS: dict[str, Any] = {
    "after": "a",
    "until": "b",
    "of_source": "shop",
    "most": 1,
    "ids": ["a"],
    "before": 1,
    "runs_before": 1,
    "deliveries_before": 1,
    "dead_before": 1,
}
LARGE = ("events", "runs", "deliveries", "attempts", "journal", "run_attempts", "resumes", "dedup")


def statements() -> dict[str, Any]:
    """Every statement of the module."""
    found = {
        name: value
        for name, value in vars(retention).items()
        if isinstance(value, (Select, Delete))
    }
    for table in (schema.runs, schema.deliveries):
        found[f"past {table.name}"] = retention._past(table)
        found[f"ended {table.name}"] = retention._lock_ended(table)
    for tries in (retention.OF_DELIVERIES, retention.OF_RUNS):
        for n, statement in enumerate(retention._tries(tries)):
            found[f"tries {tries.column} {n}"] = statement
    return found | {f"aged {name}": retention._aged(name) for name in retention.AGED}


@pytest.mark.parametrize("name", sorted(statements()))
async def test_no_statement_reads_a_whole_table(ledger: Ledger, name: str) -> None:
    statement = statements()[name]

    def explained(tx: Tx) -> str:
        if tx.dialect == "postgresql":
            tx.run(text("SET LOCAL enable_seqscan = off"))
        return "\n".join(str(row[-1]) for row in tx.rows(Explain(statement), PARAMS))

    plan = await ledger.read(explained)
    assert "Seq Scan" not in plan, plan
    scanned = {line.split()[1] for line in plan.splitlines() if line.startswith("SCAN ")}
    assert not scanned & set(LARGE), plan
