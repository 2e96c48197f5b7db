"""``hub backup`` and ``hub restore``: the embedded hub in one file, taken while it runs.

A backup is a tar, packed by zstd: the database as one snapshot, the contents of the files that it
means, and at the end ``manifest.json`` with what holds for all of them. The snapshot comes first,
so that whatever it means was there; a file that went meanwhile is forgotten in the copy.

Valkey is left out. It holds rings, which are found by looking, the state of breakers and pacing,
which begin anew, and the last messages of channels, whose readers are told of a gap.
"""

import asyncio
import hashlib
import io
import os
import re
import secrets
import shutil
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import IO

from hub.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    SettingsError,
    StoreError,
)
from hub.files.place import path_of
from hub.lock import DataFolderLock
from hub.model.json import dumps, loads
from hub.model.time import now_us, to_iso
from hub.settings import Settings
from hub.store.catalog import PAUSED_ALL
from hub.store.copying import blobs_meant, check_copy, copy_database, forget_blobs, shrink
from hub.store.ledger import SQLITE_FILE, open_ledger
from hub.store.migrate import migrate, pending, require_current
from hub.store.objects import PUT, PutObject
from hub.store.revision import newest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FORMAT = 1
MANIFEST = "manifest.json"
FILES = "files"
_MEMBER = re.compile(r"hub\.sqlite|files/[0-9a-f]/fil_[0-9a-f]{32}")
_MANIFEST_BYTES = 256 << 20
_LEVEL = 3
_PIECE = 1 << 20


@dataclass
class Manifest:
    """What a backup holds. ``members`` are sizes in bytes and SHA-256, by names."""

    hub: str
    revision: str
    made_at: str
    files: str
    """``included``; ``bucket``: they lie there, and are not in the backup."""
    members: dict[str, tuple[int, str]] = field(default_factory=dict)
    format: int = FORMAT

    def text(self) -> bytes:
        """As it stands in the backup."""
        members = {
            name: {"size": size, "sha256": sha256} for name, (size, sha256) in self.members.items()
        }
        return dumps({**vars(self), "members": members})

    @property
    def size(self) -> int:
        """Bytes of all members together."""
        return sum(size for size, _ in self.members.values())


async def backup(settings: Settings, out: Path) -> Manifest:
    """Write a backup of the embedded hub, whether it runs or not; it is there whole, or not at all.

    Raises:
        SettingsError: ``backup_embedded_only``: the rows are in PostgreSQL.
        ConflictError: ``file_taken``.
        StoreError: ``store_missing``, ``store_not_migrated``, and what the disk says.
    """
    if settings.database_url is not None:
        raise _embedded_only()
    await require_current(None, settings.data)
    return await asyncio.to_thread(_backup, settings, out)


def _backup(settings: Settings, out: Path) -> Manifest:
    if out.exists():
        raise ConflictError(f"{out} is there already: nothing was written.", code="file_taken")
    copy, part = (_beside(out, kind) for kind in ("sqlite", "part"))
    is_in_bucket = settings.files_url is not None
    manifest = Manifest(
        hub=version("webhook-hub"),
        revision=newest(),
        made_at=to_iso(now_us()),
        files="bucket" if is_in_bucket else "included",
    )
    try:
        copy.touch(mode=0o600, exist_ok=False)
        copy_database(settings.data / SQLITE_FILE, copy)
        with _packing(part) as tar:
            if not is_in_bucket:
                forget_blobs(copy, _add_blobs(tar, manifest, settings.data / FILES, copy))
            with copy.open("rb") as database:
                _add(tar, manifest, SQLITE_FILE, database)
            text = manifest.text()
            tar.addfile(_entry(MANIFEST, len(text)), io.BytesIO(text))
        part.rename(out)
        _sync(out.parent)
    except OSError as error:
        raise StoreError(
            f"The backup cannot be written to {out}: {error.strerror}.", code="backup_failed"
        ) from error
    finally:
        for left in (copy, part):
            left.unlink(missing_ok=True)
    return manifest


def _beside(out: Path, kind: str) -> Path:
    return out.with_name(f".{out.name}.{secrets.token_hex(4)}.{kind}")


@contextmanager
def _packing(part: Path) -> Iterator[tarfile.TarFile]:
    """A tar that is on the disk at the end of the block; nobody else may read it."""
    part.touch(mode=0o600, exist_ok=False)
    with part.open("wb") as raw:
        with (
            zstd.ZstdFile(raw, "wb", level=_LEVEL) as packed,
            tarfile.open(fileobj=packed, mode="w|") as tar,
        ):
            yield tar
        raw.flush()
        os.fsync(raw.fileno())


def _add_blobs(tar: tarfile.TarFile, manifest: Manifest, folder: Path, copy: Path) -> list[str]:
    """Add the contents of files; gives the names of those that went since the copy was made."""
    gone = []
    for name in blobs_meant(copy):
        try:
            blob = (folder / path_of(name)).open("rb")
        except FileNotFoundError:
            gone.append(name)
            continue
        with blob:
            _add(tar, manifest, f"{FILES}/{path_of(name)}", blob)
    return gone


def _add(tar: tarfile.TarFile, manifest: Manifest, name: str, file: IO[bytes]) -> None:
    size = os.fstat(file.fileno()).st_size
    counted = _Hashing(file)
    tar.addfile(_entry(name, size), counted)
    manifest.members[name] = (size, counted.hash.hexdigest())


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(time.time())
    return entry


class _Hashing(io.RawIOBase):
    """A file whose bytes are hashed as they are read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self.hash.update(piece)
        return piece


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


async def restore(
    settings: Settings, source: Path, *, force: bool = False, paused: bool = False
) -> Manifest:
    """Put what a backup holds into the data folder, where no hub may be running.

    All is checked before anything changes. With ``force`` what was there is moved into a folder
    beside it; with ``paused`` nothing runs and nothing leaves until somebody resumes the hub.

    Raises:
        SettingsError: ``backup_embedded_only``, ``data_in_use``, ``data_unusable``.
        ConflictError: ``data_taken``: something is there.
        NotFoundError, InvalidError: ``backup_unknown``, ``backup_invalid``.
        StoreError: ``backup_damaged``, ``store_newer``, and what the disk says.
    """
    if settings.database_url is not None:
        raise _embedded_only()
    async with DataFolderLock(settings.data):
        there = [each for each in settings.data.iterdir() if each.name != "lock"]
        if there and not force:
            raise ConflictError(
                f"The data folder {settings.data} is not empty: give another one with HUB_DATA, "
                "or --force to have what is there moved aside.",
                code="data_taken",
            )
        stage = settings.data / f"restore-{secrets.token_hex(4)}"
        stage.mkdir(mode=0o700)
        try:
            manifest = await asyncio.to_thread(_unpack, source, stage)
            await _make_current(stage, paused=paused)
            _move(there, settings.data / f"before-restore-{stage.name[-8:]}")
            _move(sorted(stage.iterdir(), key=_is_database), settings.data)
            _sync(settings.data)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    return manifest


def _embedded_only() -> SettingsError:
    return SettingsError(
        "The rows are in PostgreSQL (HUB_DATABASE_URL), which has tools of its own for that: "
        "see docs/backup.md.",
        code="backup_embedded_only",
    )


async def _make_current(stage: Path, *, paused: bool) -> None:
    await pending(None, stage)  # refuses what a newer hub wrote
    await migrate(None, stage)
    if paused:
        ledger = await open_ledger(None, stage)
        try:
            await ledger.write(PUT, PutObject("pause", PAUSED_ALL, "{}"))
        finally:
            await ledger.close()


def _is_database(path: Path) -> bool:
    """It is moved last: without it nobody takes the folder for a hub's."""
    return path.name == SQLITE_FILE


def _move(entries: list[Path], folder: Path) -> None:
    if entries:
        folder.mkdir(mode=0o700, exist_ok=True)
    for each in entries:
        each.rename(folder / each.name)


def _unpack(source: Path, stage: Path) -> Manifest:
    """Write what a backup holds into a folder, and check all of it."""
    members: dict[str, tuple[int, str]] = {}
    text: bytes | None = None
    try:
        with (
            source.open("rb") as raw,
            zstd.ZstdFile(raw, "rb") as packed,
            tarfile.open(fileobj=packed, mode="r|") as tar,
        ):
            for entry in tar:
                if text is not None or not entry.isreg():
                    raise _invalid(f"{entry.name!r} is not to be in it")
                content = tar.extractfile(entry)
                assert content is not None  # noqa: S101 - it is a regular file
                if entry.name == MANIFEST:
                    text = content.read(_MANIFEST_BYTES)
                elif _MEMBER.fullmatch(entry.name):
                    members[entry.name] = _write(content, stage / entry.name)
                else:
                    raise _invalid(f"{entry.name[:100]!r} is not to be in it")
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no file {source}.", code="backup_unknown") from error
    except (tarfile.TarError, zstd.ZstdError, EOFError) as error:
        raise _invalid(f"it cannot be unpacked: {error}") from error
    except OSError as error:
        raise StoreError(
            f"The backup cannot be unpacked: {error.strerror or error}.", code="backup_failed"
        ) from error
    manifest = _manifest(text)
    _compare(manifest, members)
    check_copy(stage / SQLITE_FILE)
    return manifest


def _write(content: IO[bytes], path: Path) -> tuple[int, str]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    size, sha256 = 0, hashlib.sha256()
    with path.open("xb") as out:
        while piece := content.read(_PIECE):
            out.write(piece)
            sha256.update(piece)
            size += len(piece)
        out.flush()
        os.fsync(out.fileno())
    return size, sha256.hexdigest()


def _manifest(text: bytes | None) -> Manifest:
    if text is None:
        raise _invalid("it ends before its manifest, so it was cut off")
    try:
        given = loads(text)
        if given["format"] != FORMAT:
            raise StoreError(
                f"The backup was made by a newer hub ({given['hub']}): restore it with that one.",
                code="store_newer",
            )
        members = {
            name: (each["size"], each["sha256"]) for name, each in given.pop("members").items()
        }
        return Manifest(**given, members=members)
    except (InvalidError, TypeError, KeyError, AttributeError) as error:
        raise _invalid("its manifest cannot be read") from error


def _compare(manifest: Manifest, found: dict[str, tuple[int, str]]) -> None:
    """See that what was unpacked is what was packed.

    Raises:
        StoreError: ``backup_damaged``.
    """
    wrong = [name for name in manifest.members if found.get(name) != manifest.members[name]]
    wrong += [name for name in found if name not in manifest.members]
    if wrong or SQLITE_FILE not in found:
        raise StoreError(
            f"The backup is damaged: {(wrong or [SQLITE_FILE])[0]} is not as it was packed. Take "
            "another backup.",
            code="backup_damaged",
        )


def _invalid(why: str) -> InvalidError:
    return InvalidError(f"This is no backup of a hub: {why}.", code="backup_invalid")


async def vacuum(settings: Settings) -> tuple[int, int]:
    """Shrink the embedded database of a hub that does not run; sizes before and after, in bytes.

    Raises:
        SettingsError: ``backup_embedded_only``, ``data_in_use``.
        StoreError: ``store_missing``, ``disk_full``.
    """
    if settings.database_url is not None:
        raise _embedded_only()
    await require_current(None, settings.data)
    async with DataFolderLock(settings.data):
        return await asyncio.to_thread(shrink, settings.data / SQLITE_FILE)
