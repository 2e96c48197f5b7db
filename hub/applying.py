"""Applying stack files: each becomes the newest version of its stack, where it changed."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from hub.errors import ConflictError, HubError, InvalidError
from hub.stack.check import problems_of
from hub.stack.load import load_stack
from hub.stack.task import Stack
from hub.stackfiles import stack_files
from hub.store import stacks
from hub.store.ledger import Ledger
from hub.store.lookup import one, where
from hub.store.schema import stacks as STACKS  # noqa: N812 - a table, beside the module of the noun

_log = structlog.get_logger("hub.apply")


@dataclass(slots=True)
class Applied:
    """What came of it."""

    new: list[str] = field(default_factory=list)
    """Stacks that have a new version."""
    same: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    refused: list[Path] = field(default_factory=list)


async def apply_files(ledger: Ledger, paths: Iterable[Path], *, prune: bool = False) -> Applied:
    """Apply every stack file of these files and folders; a bad one keeps no other from it.

    A file is applied only if it says something else than its stack does now. ``prune`` removes
    the stacks that files gave and no file gives any more; runs that are queued end all the same.

    Raises:
        StoreError: the ledger does not take them.
    """
    applied = Applied()
    files: dict[str, Path] = {}
    loaded: dict[str, Stack] = {}
    for path in await asyncio.to_thread(_existing, tuple(paths)):
        try:
            if files.setdefault(path.stem, path) != path:
                raise InvalidError(
                    f"{files[path.stem]} gives the stack {path.stem!r} too: rename one of them."
                )
            loaded[path.stem] = await _apply(ledger, path, applied)
        except (InvalidError, ConflictError, UnicodeError, OSError) as error:
            applied.refused.append(path)
            detail = error.details if isinstance(error, HubError) else {}
            _log.error("stack.refused", file=str(path), message=str(error), **detail)
    if prune:
        await _prune(ledger, files.keys(), applied)
    for stack in loaded.values():
        problems = [each.as_json() for each in problems_of(stack, loaded)]
        if problems:
            _log.warning("stack.checked", stack=stack.name, problems=problems)
    return applied


async def _apply(ledger: Ledger, path: Path, applied: Applied) -> Stack:
    name, text = path.stem, await asyncio.to_thread(path.read_text, "utf-8")
    stack = load_stack(name, text)
    known = await ledger.read(one, STACKS, name=name)
    if known is not None and (known["version"], known["managed_by"]) == (stack.version, "file"):
        applied.same.append(name)
        return stack
    await ledger.write(
        stacks.PUT, stacks.PutStack(name, stack.version, text, "file", tuple(stack.tables.items()))
    )
    applied.new.append(name)
    _log.info("stack.applied", stack=name, version=stack.version)
    return stack


async def _prune(ledger: Ledger, given: Iterable[str], applied: Applied) -> None:
    kept = set(given)
    for row in await ledger.read(where, STACKS, managed_by="file"):
        if row["name"] not in kept:
            await ledger.write(stacks.DROP, stacks.DropStack(row["name"], "file"))
            applied.removed.append(row["name"])
            _log.info("stack.removed", stack=row["name"])


def _existing(paths: tuple[Path, ...]) -> list[Path]:
    return stack_files(path for path in paths if path.exists())
