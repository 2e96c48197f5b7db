"""Downloads end with the very bytes that were offered, or with an error that says why not."""

import asyncio
import gzip
import hashlib
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import OutboundError
from hub.outbound.client import Client
from hub.outbound.download import download
from hub.outbound.downloads import Progress
from hub.outbound.guard import AddressPolicy
from hub.outbound.partfile import PartFile
from tests.outbound.datasets import MIB, QUICK, Dataset, bytes_of, fetch, fields_of
from tests.outbound.servers import LOOPBACK, Exchange, Handler, RawServer, Serve

DATA = bytes_of(3 * MIB + 17)


async def failed(client: Client, url: str, folder: Path, **more: object) -> OutboundError:
    with pytest.raises(OutboundError) as caught:
        await fetch(client, url, folder, **more)  # type: ignore[arg-type]  # limits alone
    assert caught.value.message.endswith((".", "!", "?"))
    return caught.value


def always(body: bytes, *fields: str, status: str = "200 OK") -> Handler:
    async def handler(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            await exchange.answer(body, *fields, status=status)

    return handler


async def test_everything_is_fetched_and_its_digest_told(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    server = await serve(Dataset(DATA, fields=("Content-Type: text/csv",)))
    told: list[Progress] = []

    async def tell(progress: Progress) -> None:
        told.append(progress)

    done, data = await fetch(client, server.url, tmp_path, on_progress=tell)
    assert data == DATA
    assert (done.size, done.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())
    assert (done.url, done.etag, done.content_type) == (server.url, '"one"', "text/csv")
    assert (done.resumed, done.restarted) == (0, 0)
    assert told[-1] == Progress(len(DATA), len(DATA))
    assert [each.done for each in told] == sorted(each.done for each in told)


@pytest.mark.parametrize("data", [b"", b"a"])
async def test_data_may_be_as_small_as_they_like(
    data: bytes, serve: Serve, client: Client, tmp_path: Path
) -> None:
    server = await serve(Dataset(data))
    done, there = await fetch(client, server.url, tmp_path)
    assert (there, done.sha256) == (data, hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(
    ("etag", "changed"),
    [
        ('"one"', None),
        (None, "Sun, 01 Nov 2026 08:00:00 GMT"),
        ('W/"one"', "Sun, 01 Nov 2026 08:00:00 GMT"),
    ],
)
async def test_a_broken_one_goes_on_where_it_broke(
    etag: str | None, changed: str | None, serve: Serve, client: Client, tmp_path: Path
) -> None:
    dataset = Dataset(DATA, etag=etag, last_modified=changed, cuts=[MIB, 0, 700_000])
    server = await serve(dataset)
    done, data = await fetch(client, server.url, tmp_path)
    assert data == DATA
    assert done.sha256 == hashlib.sha256(DATA).hexdigest()
    assert (done.resumed, done.restarted) == (3, 0)
    first, *others = dataset.asked
    assert first is None
    begins = [int((each or "").removeprefix("bytes=")[:-1]) for each in others]
    assert begins == sorted(begins)
    assert begins[0] > 0


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    size=st.integers(0, 300_000),
    cuts=st.lists(st.integers(0, 300_000), max_size=3),
    knows_ranges=st.booleans(),
    etag=st.sampled_from(['"one"', 'W/"one"', None]),
)
def test_wherever_it_breaks_the_same_bytes_arrive(
    size: int, cuts: list[int], knows_ranges: bool, etag: str | None, tmp_path: Path
) -> None:
    async def scenario() -> None:
        data = bytes_of(size)
        server = RawServer(Dataset(data, etag=etag, cuts=[*cuts], knows_ranges=knows_ranges))
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        server.port = listening.sockets[0].getsockname()[1]
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        async with Client(AddressPolicy(allow=LOOPBACK)) as client:
            done, there = await fetch(client, server.url, folder)
        listening.close()
        await server.stop()
        assert there == data
        assert done.sha256 == hashlib.sha256(data).hexdigest()

    asyncio.run(scenario())


async def test_what_was_kept_is_gone_on_with_after_a_crash(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    dataset = Dataset(DATA, cuts=[2 * MIB])
    server = await serve(dataset)
    none = replace(QUICK, schedule_s=())
    error = await failed(client, server.url, tmp_path, limits=none)
    assert error.code == "answer_broken"
    done, data = await fetch(client, server.url, tmp_path, limits=none)
    assert (data, done.resumed) == (DATA, 1)
    assert done.sha256 == hashlib.sha256(DATA).hexdigest()
    assert dataset.asked[1] == f"bytes={2 * MIB}-"


async def test_what_is_complete_already_is_not_asked_for_again(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    server = await serve(Dataset(DATA))
    first, _ = await fetch(client, server.url, tmp_path)
    again, data = await fetch(client, server.url, tmp_path)
    assert (again.sha256, data, again.url) == (first.sha256, DATA, server.url)
    assert len(server.heads) == 1


async def test_what_was_kept_of_another_url_is_thrown_away(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    other = await serve(Dataset(bytes_of(MIB, seed=2), cuts=[MIB // 2]))
    await failed(client, other.url, tmp_path, limits=replace(QUICK, schedule_s=()))
    dataset = Dataset(DATA)
    server = await serve(dataset)
    _, data = await fetch(client, server.url, tmp_path)
    assert (data, dataset.asked) == (DATA, [None])


async def test_without_anything_to_tell_versions_by_it_begins_again(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    dataset = Dataset(DATA, etag=None, cuts=[MIB])
    server = await serve(dataset)
    done, data = await fetch(client, server.url, tmp_path)
    assert (data, done.resumed, done.restarted) == (DATA, 0, 1)
    assert dataset.asked == [None, None]


async def test_a_server_that_knows_no_ranges_is_asked_from_the_first_byte(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    server = await serve(Dataset(DATA, knows_ranges=False, cuts=[MIB, 2 * MIB]))
    done, data = await fetch(client, server.url, tmp_path)
    assert (data, done.restarted) == (DATA, 2)


@pytest.mark.parametrize("size", [MIB // 4, MIB, 4 * MIB])
async def test_data_that_changed_meanwhile_are_fetched_from_their_first_byte(
    size: int, serve: Serve, client: Client, tmp_path: Path
) -> None:
    """Shorter than what is there, shorter than before, longer: 416 or 200."""
    old, new = Dataset(DATA, cuts=[MIB]), Dataset(bytes_of(size, seed=2), etag='"two"')

    async def handler(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            dataset = old if len(exchange.heads) == 1 else new
            await dataset.answer(exchange, fields_of(exchange.heads[-1]))

    server = await serve(handler)
    done, data = await fetch(client, server.url, tmp_path)
    assert (data, done.etag, done.restarted) == (new.data, '"two"', 1)
    assert done.sha256 == hashlib.sha256(new.data).hexdigest()


@pytest.mark.parametrize(
    "part",
    [
        f"bytes {MIB}-{len(DATA) - 1}/{len(DATA) + 1}",
        f"bytes {MIB - 1}-{len(DATA) - 2}/{len(DATA)}",
        f"bytes {MIB}-{len(DATA) - 2}/{len(DATA)}",
        "bytes nonsense",
        "",
    ],
)
async def test_a_part_that_does_not_fit_is_not_put_behind_what_is_there(
    part: str, serve: Serve, client: Client, tmp_path: Path
) -> None:
    dataset = Dataset(DATA, cuts=[MIB])

    async def handler(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            asked = fields_of(exchange.heads[-1])
            if "range" in asked:
                told = (f"Content-Range: {part}",) if part else ()
                await exchange.answer(DATA[MIB:], *told, status="206 Partial Content")
            else:
                await dataset.answer(exchange, asked)

    server = await serve(handler)
    done, data = await fetch(client, server.url, tmp_path)
    assert (data, done.restarted) == (DATA, 1)


async def test_a_part_of_another_version_is_not_put_behind_what_is_there(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    """The server ignores If-Range, but says which version it is of."""
    old = Dataset(DATA, cuts=[MIB])
    new = Dataset(bytes_of(len(DATA), seed=2), etag='"two"')

    async def handler(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            asked = fields_of(exchange.heads[-1])
            first = len(exchange.heads) == 1
            wanted = {**asked, "if-range": '"two"'} if "range" in asked else asked
            await (old if first else new).answer(exchange, wanted)

    server = await serve(handler)
    _, data = await fetch(client, server.url, tmp_path)
    assert data == new.data


async def test_data_that_change_all_the_time_are_an_error(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    async def handler(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            version = len(exchange.heads)
            dataset = Dataset(bytes_of(MIB, version), etag=f'"{version}"', cuts=[MIB // 2])
            await dataset.answer(exchange, fields_of(exchange.heads[-1]))

    server = await serve(handler)
    limits = replace(QUICK, schedule_s=(0.01,) * 20)
    error = await failed(client, server.url, tmp_path, limits=limits)
    assert error.code == "dataset_changed"
    assert "changed 4 times" in error.message
    assert len(server.heads) == 5


async def test_a_length_that_is_too_long_is_a_broken_answer_in_the_end(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")

    server = await serve(handler)
    error = await failed(client, server.url, tmp_path)
    assert error.code == "answer_broken"
    assert len(server.heads) == 1 + len(QUICK.schedule_s)


async def test_a_length_that_is_too_short_is_found(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef")

    server = await serve(handler)
    error = await failed(client, server.url, tmp_path)
    assert error.code == "answer_broken"
    assert "More came than the answer's Content-Length says" in error.message


async def test_a_server_that_never_ends_is_cut_at_the_limit(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    async def endless(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await exchange.say(b"1,2,3\n" * 10_000)

    server = await serve(endless)
    error = await failed(client, server.url, tmp_path, limits=replace(QUICK, most_bytes=3 * MIB))
    assert error.code == "answer_too_large"
    assert (tmp_path / "data.part").stat().st_size <= 3 * MIB
    assert server.connections == 1


async def test_data_that_say_that_they_are_too_large_are_not_even_begun(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    server = await serve(Dataset(DATA))
    error = await failed(client, server.url, tmp_path, limits=replace(QUICK, most_bytes=MIB))
    assert error.code == "answer_too_large"
    assert "1,048,576 bytes" in error.message
    assert (tmp_path / "data.part").stat().st_size == 0


async def test_a_dribbling_server_is_tried_again_and_then_told(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    async def dribble(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 9999\r\n\r\n')
        while True:
            await exchange.say(b"x")
            await asyncio.sleep(0.01)

    server = await serve(dribble)
    limits = replace(QUICK, idle_s=0.2, schedule_s=(0.01,))
    error = await failed(client, server.url, tmp_path, limits=limits)
    assert error.code == "answer_too_slow"
    assert server.connections == 2


async def test_the_whole_time_holds_over_all_tries(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    server = await serve(always(b"", status="503 Later"))
    limits = replace(QUICK, total_s=0.5, schedule_s=(0.1,) * 99)
    began = time.monotonic()
    error = await failed(client, server.url, tmp_path, limits=limits)
    assert time.monotonic() - began < 2
    assert error.code == "timeout"
    assert "503" in error.message


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!DOCTYPE html><html>", "application/octet-stream"),
        (b"\xef\xbb\xbf\r\n  <HTML lang=en>", "text/csv"),
        (b"a,b\n1,2\n", "text/html; charset=utf-8"),
        (b"<html>" + bytes(3 * MIB), "text/plain"),
    ],
)
async def test_a_web_page_is_refused_and_what_to_do_is_said(
    body: bytes, kind: str, serve: Serve, client: Client, tmp_path: Path
) -> None:
    server = await serve(always(body, f"Content-Type: {kind}"))
    error = await failed(client, server.url, tmp_path)
    assert error.code == "answer_is_page"
    assert "drive.usercontent.google.com" in error.message
    assert "dl=1" in error.message
    assert len(server.heads) == 1
    assert (tmp_path / "data.part").stat().st_size == 0


async def test_data_that_only_look_a_little_like_a_page_are_data(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    body = b'<?xml version="1.0"?><rows><html/></rows>'
    server = await serve(always(body, "Content-Type: application/xml"))
    assert (await fetch(client, server.url, tmp_path))[1] == body


async def test_what_is_packed_on_its_way_is_unpacked_and_begun_again_where_it_breaks(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    packed = gzip.compress(DATA)
    dataset = Dataset(packed, cuts=[MIB], fields=("Content-Encoding: gzip",))
    server = await serve(dataset)
    done, data = await fetch(client, server.url, tmp_path)
    assert (data, done.resumed, done.restarted) == (DATA, 0, 1)
    assert dataset.asked == [None, None]


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("404 Not Found", "nothing at this URL"),
        ("403 Forbidden", "signed link"),
        ("401 Unauthorized", "Authorization"),
        ("410 Gone", "gone"),
        ("204 No Content", "does not give the data"),
        ("418 Teapot", "does not give the data"),
    ],
)
async def test_a_status_that_will_not_change_is_told_at_once(
    status: str, word: str, serve: Serve, client: Client, tmp_path: Path
) -> None:
    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        await exchange.say(f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode())

    server = await serve(handler)
    error = await failed(client, server.url, tmp_path)
    assert (error.code, error.details["status"]) == ("status_refused", int(status[:3]))
    assert word in error.message
    assert server.connections == 1


@pytest.mark.parametrize("status", ["500 Oops", "503 Later", "429 Slow", "408 Timeout"])
async def test_a_status_that_passes_is_tried_again(
    status: str, serve: Serve, client: Client, tmp_path: Path
) -> None:
    dataset = Dataset(DATA)

    async def handler(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            if len(exchange.heads) < 3:
                await exchange.answer(b"<html>sorry</html>", status=status)
            else:
                await dataset.answer(exchange, {})

    server = await serve(handler)
    assert (await fetch(client, server.url, tmp_path))[1] == DATA


async def test_retry_after_is_honoured(serve: Serve, client: Client, tmp_path: Path) -> None:
    dataset = Dataset(b"a,b")

    async def handler(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            if len(exchange.heads) == 1:
                await exchange.answer(b"", "Retry-After: 1", status="429 Slow")
            else:
                await dataset.answer(exchange, {})

    server = await serve(handler)
    began = time.monotonic()
    await fetch(client, server.url, tmp_path)
    assert 1 <= time.monotonic() - began < 3


async def test_a_long_retry_after_is_left_to_the_caller(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    server = await serve(always(b"", "Retry-After: 3600", status="429 Slow"))
    error = await failed(client, server.url, tmp_path)
    assert (error.code, error.details["retry_after_s"]) == ("try_later", 3600)
    assert len(server.heads) == 1


async def test_a_redirect_is_followed_and_the_range_asked_for_there(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    dataset = Dataset(DATA, cuts=[MIB])
    target = await serve(dataset)
    server = await serve(always(b"", f"Location: {target.url}", status="302 Found"))
    done, data = await fetch(client, server.url, tmp_path)
    assert (data, done.resumed, done.url) == (DATA, 1, target.url)
    assert len(server.heads) == 2


async def test_private_addresses_are_refused_and_not_tried_again(
    strict: Client, tmp_path: Path
) -> None:
    error = await failed(strict, "http://169.254.169.254/latest/", tmp_path)
    assert error.code == "address_refused"


async def test_when_it_is_cancelled_what_was_kept_stays(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    data = bytes_of(12 * MIB)
    stop = asyncio.Event()

    async def handler(exchange: Exchange) -> None:
        await exchange.request()
        head = f'HTTP/1.1 200 OK\r\nETag: "one"\r\nContent-Length: {len(data)}\r\n\r\n'
        await exchange.say(head.encode() + data[: 10 * MIB])
        stop.set()
        await asyncio.Event().wait()

    server = await serve(handler)
    async with PartFile(tmp_path, "data") as into:
        working = asyncio.create_task(download(client, server.url, (), into, limits=QUICK))
        await asyncio.wait_for(stop.wait(), 5)
        while into.size < 9 * MIB:
            await asyncio.sleep(0.01)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
    async with PartFile(tmp_path, "data") as again:
        assert again.size >= 8 * MIB
        assert again.known is not None
        assert again.known.etag == '"one"'
        assert (await again.digest()).digest() == hashlib.sha256(data[: again.size]).digest()


DOWNLOADER = """
import asyncio, sys
from ipaddress import ip_network
from pathlib import Path
from hub.outbound.client import Client
from hub.outbound.download import download
from hub.outbound.downloads import Limits
from hub.outbound.guard import AddressPolicy
from hub.outbound.partfile import PartFile

async def main(url, folder):
    async def tell(progress):
        print(progress.done, flush=True)

    policy = AddressPolicy(allow=(ip_network("127.0.0.0/8"),))
    async with Client(policy) as client, PartFile(Path(folder), "data") as into:
        known = into.known
        await download(client, url, (), into, limits=Limits(), known=known, on_progress=tell)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_killed_at_any_moment_it_fetches_little_again(
    serve: Serve, client: Client, tmp_path: Path
) -> None:
    data = bytes_of(40 * MIB)
    dataset = Dataset(data)
    server = await serve(dataset)
    for kill_at in (5, 15, 30):
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", DOWNLOADER, server.url, str(tmp_path)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert worker.stdout is not None
        async for line in worker.stdout:
            if int(line) >= kill_at * MIB:
                break
        worker.kill()
        await worker.wait()
    done, there = await fetch(client, server.url, tmp_path)
    assert there == data
    assert done.sha256 == hashlib.sha256(data).hexdigest()
    first, *others = dataset.asked
    assert first is None
    begins = [int((each or "bytes=0-").removeprefix("bytes=")[:-1]) for each in others]
    for begin, kill_at in zip(begins, (5, 15, 30), strict=True):
        assert begin >= (kill_at - 9) * MIB
