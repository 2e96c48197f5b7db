"""Applying files: each stack becomes the newest version, each named thing is as its file says."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from hub.errors import HubError, InvalidError, StoreError
from hub.objectfiles import NamedThing, prune_things, put_thing, things_in
from hub.stack.check import problems_of
from hub.stack.load import load_stack
from hub.stack.task import Stack
from hub.stackfiles import stack_files
from hub.store import stacks
from hub.store.ledger import Ledger
from hub.store.lookup import one, where
from hub.store.schema import stacks as STACKS  # noqa: N812 - a table, beside the module of the noun
from hub.web.api.named import Around

_ORDER = ("source", "destination", "subscription", "channel", "issuer", "alert")
_log = structlog.get_logger("hub.apply")


@dataclass(slots=True)
class Applied:
    """What came of it."""

    new: list[str] = field(default_factory=list)
    """Stacks that have a new version, and named things that were changed."""
    same: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    refused: list[Path] = field(default_factory=list)


async def apply_files(
    ledger: Ledger, paths: Iterable[Path], around: Around, *, prune: bool = False
) -> Applied:
    """Apply every file of these files and folders; a bad one keeps no other from it.

    A file is applied only if it says something else than what it names does now. ``prune``
    removes what files gave and no file gives any more; runs that are queued end all the same.
    Stacks come before what names them, destinations before subscriptions.

    Raises:
        StoreError: the ledger does not take them.
    """
    applied = Applied()
    files: dict[str, Path] = {}
    loaded: dict[str, Stack] = {}
    things: list[tuple[Path, NamedThing]] = []
    for path in await asyncio.to_thread(_existing, tuple(paths)):
        with _refusing(path, applied):
            text = await asyncio.to_thread(path.read_text, "utf-8")
            found = things_in(text)
            things += [(path, each) for each in found]
            if not found:
                if files.setdefault(path.stem, path) != path:
                    raise InvalidError(
                        f"{files[path.stem]} gives the stack {path.stem!r} too: rename one of them."
                    )
                loaded[path.stem] = await _apply(ledger, path, text, applied)
    await around.catalog.refresh()
    for path, thing in sorted(things, key=lambda pair: _ORDER.index(pair[1].kind)):
        with _refusing(path, applied):
            changed = await put_thing(ledger, around, thing)
            (applied.new if changed else applied.same).append(thing.name)
            await around.catalog.refresh()
    if prune:
        await _prune(ledger, files.keys(), applied)
        kept = {(each.kind, each.slug) for _, each in things}
        applied.removed += await prune_things(ledger, kept)
    for stack in loaded.values():
        problems = [each.as_json() for each in problems_of(stack, loaded)]
        if problems:
            _log.warning("stack.checked", stack=stack.name, problems=problems)
    return applied


@contextmanager
def _refusing(path: Path, applied: Applied) -> Iterator[None]:
    """What is wrong with a file is logged, and the next one is looked at."""
    try:
        yield
    except (HubError, UnicodeError, OSError) as error:
        if isinstance(error, StoreError):
            raise
        applied.refused.append(path)
        detail = error.details if isinstance(error, HubError) else {}
        _log.error("file.refused", file=str(path), message=str(error), **detail)


async def _apply(ledger: Ledger, path: Path, text: str, applied: Applied) -> Stack:
    name = path.stem
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
