"""Applying files: each stack becomes the newest version, each named thing is as its file says."""

import asyncio
import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import structlog

from hub.errors import HubError, InvalidError, StoreError
from hub.model.difference import readable
from hub.model.json import Json, dumps_text
from hub.objectfiles import KINDS, NamedThing, drop_thing, orphans, plan_thing, put_thing, things_in
from hub.stack.check import problems_of
from hub.stack.load import load_stack
from hub.stack.task import Stack
from hub.stackfiles import stack_files
from hub.store import stacks
from hub.store.errand import Actor, Errand, running
from hub.store.ledger import Ledger
from hub.store.lookup import one, where
from hub.store.schema import stacks as STACKS  # noqa: N812 - a table, beside the module of the noun
from hub.web.api.named import Around

_log = structlog.get_logger("hub.apply")
How = Literal["new", "changed", "removed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as its file says; ``lines`` say what differs, without secrets."""

    name: str
    how: How
    lines: tuple[str, ...] = ()


@dataclass(slots=True)
class Applied:
    """What came of it, or would come."""

    changes: list[Change] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    refused: list[Path] = field(default_factory=list)

    @property
    def new(self) -> list[str]:
        """Stacks that have a new version, and named things that were changed."""
        return [each.name for each in self.changes if each.how != "removed"]

    @property
    def removed(self) -> list[str]:
        """What files gave, and no file gives any more."""
        return [each.name for each in self.changes if each.how == "removed"]


@dataclass(frozen=True, slots=True)
class Way:
    """How files are applied.

    ``prune`` removes what files gave and no file gives any more; runs that are queued end all
    the same. While a file cannot be read only stacks are removed. A ``dry_run`` changes nothing.
    ``operation`` is what the audit calls it.
    """

    prune: bool = False
    dry_run: bool = False
    operation: str = "hub apply"


async def apply_files(
    ledger: Ledger, paths: Iterable[Path], around: Around, way: Way = Way()
) -> Applied:
    """Apply every file of these files and folders; a bad one keeps no other from it.

    A file is applied only if it says something else than what it names does now.
    Stacks come before what names them, destinations before subscriptions.

    Raises:
        StoreError: the ledger does not take them.
    """
    applying = _Applying(ledger, around, way)
    for path in await asyncio.to_thread(_existing, tuple(paths)):
        with applying.refusing(path):
            await applying.take(path)
    all_read = not applying.applied.refused
    await around.catalog.refresh()
    for path, thing in sorted(applying.things, key=lambda pair: KINDS.index(pair[1].kind)):
        with applying.refusing(path):
            await applying.put(path, thing)
            await around.catalog.refresh()
    if way.prune:
        await applying.prune_stacks()
    if way.prune and all_read:  # what cannot be read may give anything
        await applying.prune_things()
    for stack in applying.loaded.values():
        problems = [each.as_json() for each in problems_of(stack, applying.loaded)]
        if problems:
            _log.warning("stack.checked", stack=stack.name, problems=problems)
    return applying.applied


class _Applying:
    """One application of many files."""

    def __init__(self, ledger: Ledger, around: Around, way: Way) -> None:
        self._ledger, self._around, self._way = ledger, around, way
        self._files: dict[str, Path] = {}
        self.applied = Applied()
        self.loaded: dict[str, Stack] = {}
        self.things: list[tuple[Path, NamedThing]] = []

    async def take(self, path: Path) -> None:
        """Apply a file of stacks; of any other note the things."""
        text = await asyncio.to_thread(path.read_text, "utf-8")
        found = things_in(text)
        self.things += [(path, each) for each in found]
        if found:
            return
        name = path.stem
        if self._files.setdefault(name, path) != path:
            raise InvalidError(
                f"{self._files[name]} gives the stack {name!r} too: rename one of them."
            )
        self.loaded[name] = await self._put_stack(path, text)

    async def put(self, path: Path, thing: NamedThing) -> None:
        """Apply one thing."""
        plan = await plan_thing(self._ledger, self._around, thing)
        if not plan.changes:
            self.applied.same.append(thing.name)
            return
        if not self._way.dry_run:
            with self._errand(path):
                await put_thing(self._ledger, plan)
        self._note(thing.name, "new" if plan.is_new else "changed", readable(plan.changes, told))

    async def prune_stacks(self) -> None:
        """Remove the stacks that no file gives any more."""
        for row in await self._ledger.read(where, STACKS, managed_by="file"):
            name = row["name"]
            if name in self._files:
                continue
            if not self._way.dry_run:
                with self._errand():
                    await self._ledger.write(stacks.DROP, stacks.DropStack(name, "file"))
                _log.info("stack.removed", stack=name)
            self._note(name, "removed")

    async def prune_things(self) -> None:
        """Remove all else that no file gives any more."""
        kept = {(each.kind, each.slug) for _, each in self.things}
        for kind, slug in await orphans(self._ledger, kept):
            if not self._way.dry_run:
                with self._errand():
                    await drop_thing(self._ledger, kind, slug)
            self._note(f"{kind} {slug}", "removed")

    @contextmanager
    def refusing(self, path: Path) -> Iterator[None]:
        """What is wrong with a file is logged, and the next one is looked at."""
        try:
            yield
        except (HubError, UnicodeError, OSError) as error:
            if isinstance(error, StoreError):
                raise
            self.applied.refused.append(path)
            detail = error.details if isinstance(error, HubError) else {}
            _log.error("file.refused", file=str(path), message=str(error), **detail)

    async def _put_stack(self, path: Path, text: str) -> Stack:
        name = path.stem
        stack = load_stack(name, text)
        known = await self._ledger.read(one, STACKS, name=name)
        if known is not None and (known["version"], known["managed_by"]) == (stack.version, "file"):
            self.applied.same.append(name)
            return stack
        lines = await self._told_stack(known, text)
        if not self._way.dry_run:
            tables = tuple(stack.tables.items())
            put = stacks.PutStack(name, stack.version, text, "file", tables)
            with self._errand(path):
                await self._ledger.write(stacks.PUT, put)
            _log.info("stack.applied", stack=name, version=stack.version)
        self._note(name, "new" if known is None else "changed", lines)
        return stack

    async def _told_stack(self, known: Mapping[str, str] | None, text: str) -> list[str]:
        """The lines of a stack that differ."""
        if not self._way.dry_run or known is None:
            return []
        managed_by = known["managed_by"]
        taken_over = [] if managed_by == "file" else [f'~ /managed_by: "{managed_by}" -> "file"']
        before = await self._ledger.read(stacks.stack_text, known["name"], known["version"])
        lines = difflib.unified_diff((before or "").splitlines(), text.splitlines(), n=1)
        return [*taken_over, *(line.rstrip() for line in list(lines)[2:])]

    def _errand(self, path: Path | None = None) -> AbstractContextManager[Errand]:
        """What the audit says of it: a file gives it, or somebody prunes."""
        actor = Actor("command line") if path is None else Actor("file", name=str(path))
        return running(Errand(self._ledger, actor, self._way.operation))

    def _note(self, name: str, how: How, lines: Iterable[str] = ()) -> None:
        self.applied.changes.append(Change(name, how, tuple(lines)))


def told(value: Json) -> str:
    """A value on one line; a long one is cut."""
    text = dumps_text(value)
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"


_WIDEST = 200


def _existing(paths: tuple[Path, ...]) -> list[Path]:
    return stack_files(path for path in paths if path.exists())
