"""Rows of files, on both databases."""

from hub.model.ids import new_id
from hub.store.files import (
    DROP,
    EXPIRE,
    KEEP,
    NewFile,
    files_page,
    find_file,
    meant_blobs,
    used_bytes,
)
from hub.store.ledger import Ledger
from hub.store.lookup import LAST

HOUR_US = 3_600_000_000


def new(size: int = 1, keep_us: int = HOUR_US, run_id: str | None = None) -> NewFile:
    """A file whose blob is there."""
    blob = new_id("fil")
    return NewFile(blob, "a.txt", "text/plain", size, "0" * 64, blob, keep_us, run_id)


async def test_files_are_counted_listed_and_forgotten(ledger: Ledger) -> None:
    assert await ledger.read(used_bytes) == 0
    run_id = new_id("run")
    large = new(size=3_000_000_000, run_id=run_id)
    wanted = [new(), large, new()]
    for each in wanted:
        kept = await ledger.write(KEEP, each)
        assert kept is not None
        assert kept == await ledger.read(find_file, each.id)
        assert kept.expires_at - kept.created_at == HOUR_US
    assert await ledger.read(used_bytes) == 3_000_000_002
    ids = [each.id for each in await ledger.read(files_page, LAST, 10)]
    assert ids == sorted((each.id for each in wanted), reverse=True)
    of_run = await ledger.read(files_page, LAST, 10, run_id=run_id)
    assert [each.id for each in of_run] == [large.id]
    blobs = [each.blob for each in wanted]
    assert await ledger.read(meant_blobs, [*blobs, new_id("fil")]) == set(blobs)
    assert await ledger.write(DROP, large.id) == large.blob
    assert await ledger.write(DROP, large.id) is None
    assert await ledger.read(used_bytes) == 2


async def test_files_past_their_time_go_in_batches(ledger: Ledger) -> None:
    over, kept = [new(keep_us=1) for _ in range(5)], new()
    for each in [*over, kept]:
        await ledger.write(KEEP, each)
    assert await ledger.read(find_file, over[0].id) is None
    gone = [await ledger.write(EXPIRE, 2) for _ in range(4)]
    assert [len(each) for each in gone] == [2, 2, 1, 0]
    assert {blob for each in gone for blob in each} == {each.blob for each in over}
    assert await ledger.read(find_file, kept.id) is not None


async def test_the_first_file_of_an_id_stays(ledger: Ledger) -> None:
    first = new()
    kept = await ledger.write(KEEP, first)
    second = NewFile(first.id, "b", "text/plain", 9, "1" * 64, new_id("fil"), HOUR_US)
    assert await ledger.write(KEEP, second) == kept
