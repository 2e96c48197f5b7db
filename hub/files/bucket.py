"""Blobs in a bucket of S3, GCS or Azure, by ``obstore``.

Its plain calls are used, in threads: a call of its asyncio kind that ends while the interpreter
does aborts the process. It brings its own HTTP client, and finds credentials as the clouds' own
tools do.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hub.files.place import NAME, Blob, path_of

if TYPE_CHECKING:
    from obstore import WritableFile
    from obstore.store import ObjectStore

_PART_BYTES = 5 << 20
"""What S3 takes as a part at least; 10,000 of them are the largest file."""
_PARTS_AT_ONCE = 2
_BATCH = 500


class Bucket:
    """A bucket, or what lies below a prefix in one. Each hub has its own."""

    piece_bytes = 1 << 20

    def __init__(self, store: "ObjectStore") -> None:
        self._store = store

    def begin(self, name: str) -> "_Writing":
        """A new blob."""
        from obstore import open_writer

        return _Writing(
            open_writer(
                self._store,
                path_of(name),
                buffer_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )
        )

    def read(self, name: str, start: int, end: int) -> bytes:
        """See :class:`hub.files.place.Place`."""
        from obstore import get_range

        return bytes(get_range(self._store, path_of(name), start=start, end=end))

    def remove(self, paths: Sequence[str]) -> None:
        """See :class:`hub.files.place.Place`."""
        from obstore import delete

        try:
            delete(self._store, list(paths))
        except FileNotFoundError:  # which one is not said
            for path in paths:
                self._remove(path)

    def _remove(self, path: str) -> None:
        from obstore import delete

        try:
            delete(self._store, path)
        except FileNotFoundError:
            return

    def blobs(self, shard: str) -> Iterator[Sequence[Blob]]:
        """See :class:`hub.files.place.Place`."""
        from obstore import list as listed

        for batch in listed(self._store, shard, chunk_size=_BATCH):
            found = [(each, each["path"].rpartition("/")[2]) for each in batch]
            yield [
                Blob(each["path"], name, int(each["last_modified"].timestamp() * 1_000_000))
                for each, name in found
                if NAME.fullmatch(name)
            ]

    def free(self) -> tuple[int, int] | None:
        """Nobody can say."""
        return None


def open_bucket(url: str) -> Bucket:
    """The bucket at ``s3://``, ``gs://`` or ``az://``; nothing is asked of it yet.

    Raises:
        ValueError: the URL, or what the environment says of it, makes no sense.
    """
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    try:
        return Bucket(from_url(url))
    except BaseError as error:
        raise ValueError(str(error).partition("\n")[0]) from error


class _Writing:
    """What is not closed is never seen; its parts stay until the bucket's own rule removes them."""

    def __init__(self, writer: "WritableFile") -> None:
        self._writer: WritableFile | None = writer

    def write(self, piece: bytes) -> None:
        if self._writer is not None:
            self._writer.write(piece)

    def finish(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def abandon(self) -> None:
        self._writer = None
