"""The smoke script against each form of the hub, while its parts are killed, and if it fails."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from hub.valkey import EmbeddedValkey
from tests.databases import Postgres, prepare
from tests.deploy.smoking import smoke
from tests.faults.apart import pid_of_valkey
from tests.program import Driven, Program, client, embedded_hub, free_port

UNDER_KILLS = ("--events", "40", "--for", "8", "--patience", "80")
BETWEEN_S = 1.5


@asynccontextmanager
async def up(folder: Path, **environment: str) -> AsyncIterator[tuple[str, Program]]:
    """``hub up`` in a process of its own."""
    port = free_port()
    arguments = ["up", "--port", str(port), "--data", str(folder / "data")]
    arguments += ["--stacks", str(folder / "none")]
    program, base = Program(arguments, environment, folder / "up.log"), f"http://127.0.0.1:{port}"
    await program.start()
    try:
        await program.ready(base, 90)
        yield base, program
    finally:
        assert await program.stop() == 0, program.said()


async def restarting(*programs: Program) -> None:
    """What an engine of containers does with what ends by itself or is killed."""
    while True:
        for each in programs:
            if each.process is not None and each.process.returncode is not None:
                await each.start()
        await asyncio.sleep(0.1)


@pytest.mark.timeout(400)
async def test_it_is_content_with_a_hub_that_is_well_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    async with up(tmp_path) as (base, _), client(base) as api:
        smoked = await smoke("--url", base, "--events", "3")
        assert (smoked.code, "The hub is well." in smoked.said) == (0, True), smoked.said
        hub = Driven(base, api)
        for kind in ("sources", "destinations", "stacks"):
            assert (await hub.get(f"/v1/{kind}"))["items"] == []
        again = await smoke("--url", f"{base}/", "--events", "1", "--keep")
        assert again.code == 0, again.said
        assert [each["slug"] for each in (await hub.get("/v1/sources"))["items"]] == ["hub-smoke"]


@pytest.mark.timeout(400)
async def test_all_arrives_while_the_embedded_hub_is_killed(tmp_path: Path) -> None:
    async with up(tmp_path) as (base, program):
        smoking = asyncio.create_task(smoke("--url", base, *UNDER_KILLS))
        for _ in range(2):
            await asyncio.sleep(BETWEEN_S)
            assert not smoking.done(), smoking.result().said
            await program.kill()
            await program.start()
        smoked = await smoking
        assert smoked.code == 0, smoked.said
        assert "40 events were accepted." in smoked.said


@pytest.mark.timeout(400)
async def test_all_arrives_while_each_part_apart_is_killed(tmp_path: Path) -> None:
    postgres = Postgres()
    async with AsyncExitStack() as stack:
        stack.callback(postgres.stop)
        url = stack.enter_context(postgres.database())
        valkey = await stack.enter_async_context(EmbeddedValkey(tmp_path / "valkey"))
        kept = asyncio.create_task(valkey.supervise())
        stack.callback(kept.cancel)
        prepare(url, tmp_path)
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        setting = {"HUB_DATABASE_URL": url, "HUB_REDIS_URL": valkey.url, "HUB_LEASE_S": "2"}
        server = Program(["serve", "--port", str(port)], setting, tmp_path / "serve.log")
        workers = [Program(["worker"], setting, tmp_path / f"worker{n}.log") for n in range(2)]
        for program in (server, *workers):
            await program.start()
            stack.push_async_callback(program.stop)
        await server.ready(base, 90)
        smoking = asyncio.create_task(smoke("--url", base, *UNDER_KILLS))
        await asyncio.sleep(BETWEEN_S)
        engine = asyncio.create_task(restarting(server, *workers))
        stack.callback(engine.cancel)
        for program in (server, *workers):
            await program.kill()
            await asyncio.sleep(BETWEEN_S / 2)
        os.kill(await pid_of_valkey(valkey.url), signal.SIGKILL)
        await asyncio.sleep(BETWEEN_S)
        await asyncio.to_thread(postgres.kill)
        await asyncio.to_thread(postgres.start)
        smoked = await smoking
        assert smoked.code == 0, smoked.said
        assert "40 events were accepted." in smoked.said


async def test_it_says_where_an_event_stands_that_does_not_get_through(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path, deliver_concurrency=0) as hub:
        smoked = await smoke("--url", hub.base, "--events", "2", "--patience", "3")
        assert smoked.code == 1
        assert "FAILED: event 0 (evt_" in smoked.said
        assert "not 'delivered'" in smoked.said
        assert (await hub.get("/v1/sources"))["items"] == []  # what it set up is away all the same


async def test_it_says_what_it_cannot_reach_or_may_not_do(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    smoked = await smoke("--url", nowhere, "--patience", "1")
    assert (smoked.code, "FAILED: GET /readyz: " in smoked.said) == (1, True), smoked.said
    async with embedded_hub(tmp_path) as hub:
        smoked = await smoke("--url", hub.base, key="not-the-key-of-anybody")
        assert smoked.code == 1
        assert "PUT /v1/destinations/hub-smoke: 401" in smoked.said
        smoked = await smoke("--url", hub.base, "--sink", nowhere, "--patience", "1")
        assert (smoked.code, "the sink does not answer" in smoked.said) == (1, True), smoked.said


@pytest.mark.parametrize(
    "arguments", [["--events", "0"], ["--for", "-1"], ["--url", "hub.example"], ["--patience", "0"]]
)
async def test_it_does_not_begin_with_arguments_that_make_no_sense(arguments: list[str]) -> None:
    assert (await smoke(*arguments)).code == 2


async def test_it_needs_a_key(tmp_path: Path) -> None:
    smoked = await smoke(key=None)
    assert smoked.code == 1
    assert "HUB_ADMIN_KEY" in smoked.said
