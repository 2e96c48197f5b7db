"""Files that are cut off, lie, or are being written when the hub dies: whole, or not there."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from hub.files import open_blobs
from hub.filing import FileBounds, Filing, Swept
from hub.store.ledger import open_ledger
from tests.faults.apart import until
from tests.faults.wire import Wire, ask, post
from tests.program import ADMIN_KEY, Driven, Program, client, embedded_hub, free_port

KEY = f"Authorization: Bearer {ADMIN_KEY}"


@pytest_asyncio.fixture
async def driven(tmp_path: Path) -> AsyncIterator[Driven]:
    async with embedded_hub(
        tmp_path, body_timeout_s=1.0, file_max_bytes=1_000_000, files_max_bytes=3_000_000
    ) as hub:
        yield hub


def lying(data: Path) -> list[Path]:
    """What lies in the folder."""
    return [each for each in (data / "files").rglob("*") if each.is_file()]


async def nothing_kept(driven: Driven) -> None:
    """No file, and nothing left of one."""
    assert (await driven.get("/v1/files"))["items"] == []
    assert driven.hub is not None
    data, filing = driven.hub.settings.data, driven.hub.filing

    async def clean() -> bool:
        return not lying(data) and filing.room.arriving == 0

    await until(clean, 5)


def head(*fields: str) -> bytes:
    """The head of an upload."""
    return "\r\n".join(["POST /v1/files HTTP/1.1", "Host: hub", KEY, *fields, "", ""]).encode()


async def test_a_body_that_is_cut_off_is_not_kept(driven: Driven) -> None:
    for fields in (("Content-Length: 900000",), ("Transfer-Encoding: chunked",)):
        async with Wire(driven.base) as wire:
            await wire.send(head(*fields), b"7a120\r\n" if "chunked" in fields[0] else b"")
            await wire.send(b"x" * 500_000)
            await asyncio.sleep(0.2)
        await nothing_kept(driven)


async def test_a_body_that_stalls_is_refused(driven: Driven) -> None:
    answer = await ask(driven.base, head("Content-Length: 900000"), b"x" * 1000)
    assert answer is not None
    assert (answer.status, answer.problem["code"]) == (408, "body_timeout")
    await nothing_kept(driven)


async def test_a_body_that_trickles_is_refused(driven: Driven) -> None:
    async with Wire(driven.base) as wire:
        await wire.send(head("Content-Length: 900000"))
        began = time.monotonic()
        answering = asyncio.create_task(wire.answer())
        while not answering.done():
            await wire.send(b"x" * 100)
            await asyncio.sleep(0.05)
            assert time.monotonic() - began < 8
        answer = await answering
    assert answer is not None
    assert answer.problem["code"] == "body_timeout"
    await nothing_kept(driven)


async def test_a_body_without_an_end_is_refused_at_the_limit(driven: Driven) -> None:
    async with Wire(driven.base) as wire:
        await wire.send(head("Transfer-Encoding: chunked"))
        answering = asyncio.create_task(wire.answer())
        sent = 0
        while not answering.done() and sent < 50_000_000:
            await wire.send(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            sent += 65_536
            await asyncio.sleep(0)
        answer = await answering
    assert answer is not None
    assert (answer.status, answer.problem["code"]) == (413, "file_too_large")
    assert sent < 50_000_000
    await nothing_kept(driven)


async def test_a_length_that_is_too_much_is_refused_before_the_body(driven: Driven) -> None:
    answer = await ask(driven.base, head("Content-Length: 1000001"))
    assert answer is not None
    assert answer.problem["code"] == "file_too_large"


async def test_a_length_that_is_too_little_cuts_the_body(driven: Driven) -> None:
    answer = await ask(driven.base, head("Content-Length: 3"), b"abcdef")
    assert answer is not None
    assert (answer.status, answer.json["size"]) == (201, 3)
    assert answer.json["sha256"] == hashlib.sha256(b"abc").hexdigest()


async def test_files_that_come_at_once_never_pass_the_bound_together(driven: Driven) -> None:
    answers = await asyncio.gather(
        *(ask(driven.base, post("/v1/files", b"x" * 900_000, KEY)) for _ in range(6))
    )
    statuses = [each.status for each in answers if each is not None]
    assert set(statuses) <= {201, 503}
    kept = (await driven.get("/v1/files"))["items"]
    assert len(kept) == statuses.count(201) <= 3
    assert driven.hub is not None
    assert len(lying(driven.hub.settings.data)) == len(kept)


async def test_who_leaves_a_download_stops_it(driven: Driven) -> None:
    made = (await driven.api.post("/v1/files", content=b"x" * 1_000_000)).json()
    for _ in range(5):
        async with Wire(driven.base) as wire:
            request = f"GET /v1/files/{made['id']}/content HTTP/1.1\r\nHost: hub\r\n{KEY}\r\n\r\n"
            await wire.send(request.encode())
            await wire.reader.readexactly(1000)
    whole = await driven.api.get(f"/v1/files/{made['id']}/content")
    assert len(whole.content) == 1_000_000


async def sweep(data: Path) -> Swept:
    """What the hub's own sweep does in two hours."""
    then = time.time() - 7200
    for path in lying(data):
        os.utime(path, (then, then))
    ledger = await open_ledger(None, data)
    filing = Filing(ledger, open_blobs(None, data), FileBounds(1, 1, 1))
    try:
        return await filing.sweep()
    finally:
        await filing.close()
        await ledger.close()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("point", [None, "file.written:1"])
async def test_a_hub_that_is_killed_amid_an_upload_has_no_file_of_it(
    tmp_path: Path, point: str | None
) -> None:
    port, data = free_port(), tmp_path / "data"
    base = f"http://127.0.0.1:{port}"
    arguments = ["up", "--port", str(port), "--data", str(data), "--stacks", str(tmp_path / "no")]
    hub = Program(arguments, {"HUB_FAULT_POINT": point}, tmp_path / "up.log")
    sent = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x" * 1_000_000
        sent.set()
        if point is None:
            await asyncio.sleep(60)

    await hub.start()
    try:
        await hub.ready(base)
        async with client(base) as api:
            uploading = asyncio.create_task(api.post("/v1/files", content=body()))
            await sent.wait()
            if point is None:
                while not lying(data):
                    await asyncio.sleep(0.01)
                await hub.kill()
            with pytest.raises(httpx.TransportError):
                await uploading
        assert len(lying(data)) == 1
        assert await sweep(data) == Swept(expired=0, left=1)
        assert lying(data) == []
        hub = Program(arguments, {}, tmp_path / "up.log")
        await hub.start()
        await hub.ready(base)
        async with client(base) as api:
            assert (await api.get("/v1/files")).json()["items"] == []
            made = (await api.post("/v1/files", content=b"again")).json()
            assert (await api.get(f"/v1/files/{made['id']}/content")).content == b"again"
        assert await hub.stop() == 0
    finally:
        if hub.process is not None and hub.process.returncode is None:
            await hub.kill()
