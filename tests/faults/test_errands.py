"""A hub that dies while it does a request with an ``Idempotency-Key`` does it once, or says so."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from hub.fault_points import ERRANDS
from hub.store.ledger import SQLITE_FILE
from tests.program import Program, client, free_port

RECORDS = "/v1/tables/orders/records"
KEY = {"idempotency-key": "order-17"}


def end_leases(data: Path) -> None:
    """Have the time of a lease be over."""
    with closing(sqlite3.connect(data / SQLITE_FILE)) as connection:
        connection.execute("UPDATE idempotency SET lease_until = 0")
        connection.commit()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("point", ERRANDS)
async def test_what_it_was_killed_in_is_not_done_twice(tmp_path: Path, point: str) -> None:
    port, data = free_port(), tmp_path / "data"
    base = f"http://127.0.0.1:{port}"
    arguments = ["up", "--port", str(port), "--data", str(data), "--stacks", str(tmp_path / "no")]
    dying = Program(arguments, {"HUB_FAULT_POINT": f"{point}:1"}, tmp_path / "dying.log")
    revived = Program(arguments, {}, tmp_path / "revived.log")
    async with client(base) as api:
        await dying.start()
        await dying.ready(base, 60)
        with pytest.raises(httpx.TransportError):
            await api.post(RECORDS, json={"n": 17}, headers=KEY)
        assert dying.process is not None
        assert await dying.process.wait() == -signal.SIGKILL
        await revived.start()
        try:
            await revived.ready(base, 60)
            busy = await api.post(RECORDS, json={"n": 17}, headers=KEY)
            assert busy.json()["code"] == "idempotency_key_in_use"
            end_leases(data)
            answer = await api.post(RECORDS, json={"n": 17}, headers=KEY)
            if point == "errand.claimed":  # nothing was done
                assert answer.status_code == 201
            else:
                assert answer.json()["code"] == "idempotency_outcome_lost"
            found = (await api.get(RECORDS)).json()["items"]
            assert [each["fields"]["n"] for each in found] == [17]
            audit = (await api.get("/v1/audit?kind=table&name=orders")).json()["items"]
            assert len(audit) == 1
            assert await revived.stop(60) == 0
        finally:
            if revived.process is not None and revived.process.returncode is None:
                await revived.kill()
