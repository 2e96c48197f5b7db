"""The data folder's lock: one hub at a time works in a folder."""

import asyncio
import fcntl
import os
import time
from pathlib import Path
from typing import Self

from hub.errors import SettingsError

_POLL_S = 0.05


class DataFolderLock:
    """Held from ``take`` to ``release``, and by every child process that got ``fd``.

    A child keeps it after the hub has died, so that a quick restart waits for the child's end.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._fd: int | None = None

    @property
    def fd(self) -> int:
        """The open file that carries the lock."""
        if self._fd is None:
            raise RuntimeError("the lock is not taken")
        return self._fd

    async def take(self, wait_s: float = 3.0) -> None:
        """Make the folder private to its owner and lock it.

        Raises:
            SettingsError: ``data_in_use`` when another hub keeps it longer than ``wait_s``,
                ``data_unusable`` when the folder cannot be made or written.
        """
        fd = _opened(self.folder)
        deadline = time.monotonic() + wait_s
        try:
            while not _locked(fd):
                if time.monotonic() >= deadline:
                    raise _in_use(self.folder, fd)
                await asyncio.sleep(_POLL_S)
            os.ftruncate(fd, 0)
            os.pwrite(fd, str(os.getpid()).encode(), 0)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def release(self) -> None:
        """Let go; children that still have the file open keep the lock until they end."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    async def __aenter__(self) -> Self:
        await self.take()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release()


def _opened(folder: Path) -> int:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        return os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise SettingsError(
            f"The data folder {folder} cannot be used: {error.strerror}. "
            "Give the hub a folder that its user owns with HUB_DATA.",
            code="data_unusable",
        ) from error


def _locked(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _in_use(folder: Path, fd: int) -> SettingsError:
    holder = os.pread(fd, 20, 0).decode(errors="replace")
    return SettingsError(
        f"Another hub (process {holder or 'unknown'}) uses the data folder {folder}. "
        "Stop that one first, or give this one a folder of its own with HUB_DATA.",
        code="data_in_use",
    )
