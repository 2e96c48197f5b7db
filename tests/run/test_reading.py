"""A kept file is read in chunks; work on them is done where they are read."""

import gc
import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.datasets.chunk import Chunk
from hub.model.file import StoredFile
from hub.run.reading import reading
from hub.stack.datasets import Read, Wanted

ROWS = 20_000
CONTENT = b"n,text\n" + b"".join(b"%d,row %d\n" % (n, n) for n in range(ROWS))
PIECE = 10_000


async def read(content: bytes, wanted: Wanted) -> list[Read]:
    """What is told of a file."""
    file = StoredFile("fil_1", "a.csv", "text/csv", len(content), "", "fil_1", 0, 0)

    async def pieces(file: StoredFile, start: int, end: int) -> AsyncIterator[bytes]:
        async def each() -> AsyncIterator[bytes]:
            for at in range(start, end, PIECE):
                yield content[at : min(at + PIECE, end)]

        return each()

    return [each async for each in reading(pieces, file, wanted, Path("nowhere"))]


@pytest.mark.parametrize("content", [CONTENT, gzip.compress(CONTENT)], ids=["plain", "gzip"])
async def test_work_is_given_every_chunk_before_its_mark_is_told(content: bytes) -> None:
    given: list[Chunk] = []
    told = await read(content, Wanted("fil_1", 100, work=given.append))
    assert [each.n for each in given] == list(range(ROWS // 100))
    assert [row for each in given for row in each.values] == [
        (str(n), f"row {n}") for n in range(ROWS)
    ]
    assert len(told) < len(given)
    assert told[-1].chunk is given[-1]


async def test_whoever_goes_on_at_a_mark_is_given_the_rest() -> None:
    given: list[Chunk] = []
    first = (await read(CONTENT, Wanted("fil_1", 100, work=lambda _: None)))[0]
    await read(CONTENT, Wanted("fil_1", 100, mark=first.mark, work=given.append))
    assert given[0].n == first.chunk.n + 1
    assert sum(len(each.values) for each in given) == ROWS - 100 * given[0].n


async def test_without_work_every_chunk_is_told() -> None:
    told = await read(CONTENT, Wanted("fil_1", 100))
    assert [each.chunk.n for each in told] == list(range(ROWS // 100))


async def test_cycles_are_not_looked_for_meanwhile_and_are_again_afterwards() -> None:
    seen: set[bool] = set()
    await read(CONTENT, Wanted("fil_1", 100, work=lambda _: seen.add(gc.isenabled())))
    assert seen == {False}
    assert gc.isenabled()
