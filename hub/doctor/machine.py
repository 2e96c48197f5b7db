"""The machine: Python, memory, disks, open files, who may read what."""

import asyncio
import os
import platform
import resource
import shutil
import stat
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from hub.doctor.finding import Check, Finding, fine, problem, warning
from hub.doctor.site import Site
from hub.run.machine import Machine
from hub.settings import secret_files

LEAST_PYTHON = (3, 11)
OTHER_FILES = 512

PYTHON_OLD = problem(
    "python_old",
    "The hub is not made for a Python as old as this.",
    "Run the hub with Python 3.11 or newer.",
)
MEMORY_LOW = warning(
    "memory_low",
    "Little memory is left: the system may end the hub at any moment.",
    "Give the machine or the container more memory, or lower HUB_RUN_CONCURRENCY.",
)
DISK_LOW = problem(
    "disk_low",
    "Little room is left on a disk: soon nothing can be committed, and events are refused.",
    "Free space there, or move the folder to a larger disk.",
)
INODES_LOW = problem(
    "inodes_low",
    "A disk has room, but hardly any file can be made there.",
    "Remove small files there, or make the file system anew with more inodes.",
)
FILES_FEW = warning(
    "open_files_few",
    "This process may not open enough files for the live streams that are allowed.",
    "Raise the limit (ulimit -n, LimitNOFILE=, --ulimit nofile), or lower HUB_STREAMS.",
)
FOLDER_MISSING = warning(
    "data_missing",
    "The data folder is not there yet.",
    "Start `hub up` once, or run `hub migrate`; or set HUB_DATA to where it is.",
)
FOLDER_UNWRITABLE = problem(
    "data_unwritable",
    "Nothing can be written into the data folder.",
    "Give the folder to the user that runs the hub, on a file system that can be written to.",
)
FOLDER_OPEN = warning(
    "data_open",
    "Other users of this machine can look into the data folder, which holds keys and secrets.",
    "Run `chmod 700` on it.",
)
SECRET_OPEN = problem(
    "secret_file_open",
    "Every user of this machine can read a file that holds a setting of the hub.",
    "Run `chmod o-rwx` on it.",
)


async def _python(site: Site) -> Sequence[Finding]:
    said = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}."
    if sys.version_info[:2] < LEAST_PYTHON:
        return [PYTHON_OLD.found(said)]
    return [fine("python", said)]


async def _memory(site: Site) -> Sequence[Finding]:
    left = await asyncio.to_thread(Machine().memory_left)
    said = f"{shown_bytes(left)} of memory are left."
    if left < site.limits.memory_bytes:
        return [MEMORY_LOW.found(said)]
    return [fine("memory", said)]


async def _disk(site: Site) -> Sequence[Finding]:
    found = await asyncio.to_thread(lambda: [_room(site, each) for each in _folders(site)])
    return found or [fine("disk", "Nothing is kept on a disk of this machine.")]


def _folders(site: Site) -> list[Path]:
    """Those in which something grows, one for each disk."""
    settings = site.settings
    files = settings.data / "files" if settings.files_url is None else None
    data = settings.data if settings.database_url is None or site.embedded_redis else None
    there = [_there(each) for each in (data, files) if each is not None]
    return list({each.stat().st_dev: each for each in there[::-1]}.values())


def _there(folder: Path) -> Path:
    """The folder, or what it will be made in."""
    whole = folder.absolute()
    return next(each for each in (whole, *whole.parents) if each.exists())


def _room(site: Site, folder: Path) -> Finding:
    limits, disk, nodes = site.limits, shutil.disk_usage(folder), os.statvfs(folder)
    said = f"{shown_bytes(disk.free)} of {shown_bytes(disk.total)} are free at {folder}."
    if disk.free < min(limits.disk_bytes, limits.free_share * disk.total):
        return DISK_LOW.found(said)
    if nodes.f_files and nodes.f_favail < limits.free_share * nodes.f_files:
        return INODES_LOW.found(f"{nodes.f_favail:,} of {nodes.f_files:,} are free at {folder}.")
    return fine("disk", said)


async def _open_files(site: Site) -> Sequence[Finding]:
    """The hub raises the soft limit itself; the hard one is what counts."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    needed = site.settings.streams + OTHER_FILES
    if hard != resource.RLIM_INFINITY and hard < needed:
        return [FILES_FEW.found(f"{hard:,} files may be open; {needed:,} are needed.")]
    most = "Any number of" if hard == resource.RLIM_INFINITY else f"{hard:,}"
    return [fine("open_files", f"{most} files may be open; {needed:,} are needed.")]


async def _folder(site: Site) -> Sequence[Finding]:
    if site.settings.database_url is not None and not site.embedded_redis:
        return [fine("data_folder", "The hub keeps nothing in a data folder.")]
    return await asyncio.to_thread(_folder_findings, site.settings.data.absolute())


def _folder_findings(folder: Path) -> Sequence[Finding]:
    if not folder.is_dir():
        return [FOLDER_MISSING.found(f"{folder} is no folder.")]
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return [FOLDER_UNWRITABLE.found(f"{folder}: {error}.")]
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        return [FOLDER_OPEN.found(f"{folder} has the mode {mode:o}.")]
    return [fine("data_folder", f"{folder} is the hub's alone.")]


async def _secret_files(site: Site) -> Sequence[Finding]:
    return await asyncio.to_thread(_file_findings, secret_files())


def _file_findings(files: Mapping[str, Path]) -> Sequence[Finding]:
    modes = {name: stat.S_IMODE(file.stat().st_mode) for name, file in files.items()}
    found = [
        SECRET_OPEN.found(f"{name}: {files[name]} has the mode {mode:o}.")
        for name, mode in modes.items()
        if mode & 0o007
    ]
    return found or [fine("secret_files", f"{len(files)}, and nobody else can read them.")]


def shown_bytes(count: float) -> str:
    """A number of bytes as people say it."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"


CHECKS = (
    Check("python", "The version of Python.", _python, (PYTHON_OLD,)),
    Check("memory", "The memory of the machine, or of the container.", _memory, (MEMORY_LOW,)),
    Check("disk", "Room for the database and for files.", _disk, (DISK_LOW, INODES_LOW)),
    Check("open_files", "How many files may be open at once.", _open_files, (FILES_FEW,)),
    Check(
        "data_folder",
        "The data folder is there, can be written to, and is nobody else's.",
        _folder,
        (FOLDER_MISSING, FOLDER_UNWRITABLE, FOLDER_OPEN),
    ),
    Check("secret_files", "Who may read files with secrets.", _secret_files, (SECRET_OPEN,)),
)
