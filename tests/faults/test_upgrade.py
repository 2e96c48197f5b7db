"""The tables of the next version come under load: nothing is lost, nobody is told no for good."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from redis.asyncio import Redis

from hub.store.revision import newest
from hub.valkey import EmbeddedValkey
from tests.databases import Postgres
from tests.faults.apart import programs, until
from tests.program import Driven, Program
from tests.sink import Sink, open_sink

STACK = """
{ task: "pass_on", source: "shop", function_stack: [
  { function: "deliver", destination: "till", payload: { n: "{{n}}" } },
] }
"""
NEXT = '''"""What the next version might add."""

import sqlalchemy as sa
from alembic import op

from hub.store.online import create_index_online

revision = "next"
down_revision = "{before}"


def upgrade() -> None:
    create_index_online("ix_events_type", "events", ["type"], "type IS NOT NULL")
    create_index_online("ix_runs_next", "runs", ["status"], "status = 'failed'")
    op.add_column("events", sa.Column("next_a", sa.Text(), nullable=True))
    for table in ("runs", "deliveries"):
        op.add_column(table, sa.Column("next_b", sa.Integer(), nullable=False, server_default="7"))
    op.create_table("next_things", sa.Column("id", sa.Text(), nullable=False))
'''
PRELUDE = """
from pathlib import Path
from hub.store.revision import FOLDERS
FOLDERS.append(Path("{folder}"))
"""


def next_version(folder: Path) -> str:
    """Write the migration of a version to come; gives what makes a program of that version."""
    folder.mkdir()
    (folder / "next.py").write_text(NEXT.format(before=newest()))
    return PRELUDE.format(folder=folder)


class Sender:
    """Sends events until told to stop; counts the answers."""

    def __init__(self, hub: Driven) -> None:
        self._hub = hub
        self.statuses: Counter[int] = Counter()
        self.accepted: set[int] = set()
        self._n = 0
        self._going = True

    async def run(self) -> None:
        """Send again what was answered with 503, under the same key."""
        while self._going:
            self._n += 1
            await self._send(self._n)

    async def _send(self, n: int) -> None:
        for _ in range(50):
            key = {"idempotency-key": f"order-{n}"}
            answer = await self._hub.api.post("/in/shop", json={"n": n}, headers=key)
            self.statuses[answer.status_code] += 1
            if answer.status_code in (200, 202):
                self.accepted.add(n)
                return
            await asyncio.sleep(0.1)

    def stop(self) -> None:
        """Let the last one come to its end."""
        self._going = False


def numbers_at(sink: Sink) -> Counter[int]:
    """What has arrived, and how often."""
    return Counter(each.json["n"] for each in sink.requests)


@pytest.mark.timeout(240)
async def test_tables_come_under_load(
    tmp_path: Path, postgres: Postgres, valkey: EmbeddedValkey, redis: Redis
) -> None:
    prelude = next_version(tmp_path / "versions")
    with postgres.database() as url:
        environment = {"HUB_DATABASE_URL": url, "HUB_REDIS_URL": valkey.url}

        def program(name: str, *arguments: str, newer: bool) -> Program:
            log = tmp_path / f"{name}.log"
            return Program([*arguments], environment, log, prelude if newer else None)

        async with open_sink() as sink, programs(tmp_path, url, valkey.url) as hub:
            till = {"connector": "standard", "url": sink.url, "retry_schedule_s": [0.1] * 20}
            await hub.put("/v1/destinations/till", till)
            verify = {"connector": "standard", "verify": {"mode": "none"}}
            await hub.put("/v1/sources/shop", verify)
            await hub.put("/v1/stacks/shop", STACK)
            senders = [Sender(hub)]
            sending = [asyncio.create_task(each.run()) for each in senders]
            await until(lambda: _many(senders, 30))

            early = program("early", "serve", "--port", "0", newer=True)
            assert await early.ended() == 2, early.said()
            assert "run `hub migrate` once" in early.said()
            check = program("check", "migrate", "--check", newer=True)
            assert await check.ended() == 1, check.said()
            assert "next  What the next version might add" in check.said()

            upgrade = program("upgrade", "migrate", newer=True)
            assert await upgrade.ended() == 0, upgrade.said()
            assert await program("after", "migrate", "--check", newer=True).ended() == 0
            done = len(senders[0].accepted)
            await until(lambda: _many(senders, done + 30))

            late = program("late", "worker", newer=False)
            assert await late.ended() == 2, late.said()  # an older one does not begin on them
            assert (await hub.api.get("/readyz")).status_code == 200
            for each in senders:
                each.stop()
            await asyncio.gather(*sending)
            wanted = senders[0].accepted
            await until(lambda: _arrived(sink, wanted), 60)
    assert set(senders[0].statuses) <= {200, 202, 503}
    assert all(count == 1 for count in numbers_at(sink).values())


async def _many(senders: list[Sender], count: int) -> bool:
    return all(len(each.accepted) >= count for each in senders)


async def _arrived(sink: Sink, wanted: set[int]) -> bool:
    return wanted <= set(numbers_at(sink))
