"""Contents as they come in."""

from collections.abc import AsyncIterator


async def content(*parts: bytes) -> AsyncIterator[bytes]:
    """These bytes."""
    for part in parts:
        yield part


async def gathered(pieces: AsyncIterator[bytes]) -> bytes:
    """All of it."""
    return b"".join([piece async for piece in pieces])
