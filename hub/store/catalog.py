"""The catalog: what people have set, compiled and held in memory by every process.

Each process looks at the ledger's revision once a second and after its own writes; who asks for
a name that is not here has it looked up again before it counts as missing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from hub.errors import ExpressionError, InvalidError, NotFoundError
from hub.model.alert import BUILT_IN, Alert
from hub.model.channel import ChannelSetting
from hub.model.destination import Destination
from hub.model.issuer import Issuer
from hub.model.json import loads
from hub.model.source import Source
from hub.model.subscription import Subscription
from hub.model.table import TableSpec
from hub.model.telling import tellings
from hub.stack.channels import ChannelRules, check_setting
from hub.stack.check import candidates
from hub.stack.load import load_stack
from hub.stack.rendering import Rendering
from hub.stack.subscribed import Subscribed, Subscriptions, subscribed
from hub.stack.task import Lane, Stack, Task
from hub.store.ledger import Ledger
from hub.store.objects import all_objects, revision
from hub.store.stacks import StoredStack, all_stacks, past_versions, stack_text
from hub.store.tables import StoredTable, all_tables
from hub.store.tx import Tx

S = TypeVar("S", bound=BaseModel)
REFRESH_S = 1.0
PAUSED_ALL = "all"
_PAST_LOADED = 200
_PAST_VERSIONS = 20
"""So many versions are looked through for a task that has been removed."""
_log = structlog.get_logger("hub.catalog")


@dataclass(frozen=True, slots=True)
class Variable:
    """A value for ``env.X``. A secret one resolves only where it leaves the hub."""

    value: str
    secret: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The catalog at one revision."""

    revision: int = -1
    sources: Mapping[str, Source] = field(default_factory=dict)
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    variables: Mapping[str, Variable] = field(default_factory=dict)
    channels: ChannelRules = field(default_factory=ChannelRules)
    stacks: Mapping[str, Stack] = field(default_factory=dict)
    lanes: Mapping[str, Lane] = field(default_factory=dict)
    """Those that a stack sets; where several do, the last by name counts."""
    tables: Mapping[str, TableSpec] = field(default_factory=dict)
    """Those that are declared."""
    tasks_of_source: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Full names of the tasks that run for a source's events."""
    subscriptions: Subscriptions = field(default_factory=Subscriptions)
    issuers: Mapping[str, Issuer] = field(default_factory=dict)
    """Whose tokens pages may listen with."""
    alerts: Mapping[str, Alert] = field(default_factory=lambda: BUILT_IN)
    """The rules of what is watched, those that the hub brings along too."""
    renderings: Mapping[str, Rendering] = field(default_factory=dict)
    """Of the destinations that make something of what they get."""
    paused: frozenset[str] = frozenset()
    """``all``, ``lane:NAME``, ``stack:NAME``: runs of these do not begin, nor go on."""

    resolved: dict[tuple[str, str | None], str] = field(default_factory=dict, repr=False)
    """Names of tasks that somebody asked for, from a stack or none, and their full names."""
    signing_secrets: tuple[str, ...] = field(default=(), repr=False)
    """The hub's own, the newest first: notices of runs are signed with each."""
    token_secrets: tuple[str, ...] = field(default=(), repr=False)
    """By which the tokens of channels are signed; several only while one replaces another."""
    file_secrets: tuple[str, ...] = field(default=(), repr=False)
    """By which the addresses of files are signed."""

    @property
    def all_paused(self) -> bool:
        """Nothing runs, and nothing leaves."""
        return PAUSED_ALL in self.paused

    @property
    def paused_stacks(self) -> tuple[str, ...]:
        """The names of the stacks that are paused."""
        return tuple(
            sorted(each.partition(":")[2] for each in self.paused if each.startswith("stack:"))
        )

    def is_paused(self, task: str, lane: str) -> bool:
        """Whether runs of a task, by its full name, in a lane have to wait."""
        names = {PAUSED_ALL, f"lane:{lane}", f"stack:{task.partition('/')[0]}"}
        return not names.isdisjoint(self.paused)


def gone(full_name: str) -> NotFoundError:
    """A task that was there once."""
    return NotFoundError(
        f"The task {full_name!r} is gone: upload a stack that has it again.", code="task_gone"
    )


class Catalog:
    """Holds the newest snapshot, and the stack versions that unfinished runs still need."""

    def __init__(self, ledger: Ledger, environment: Mapping[str, str]) -> None:
        self._ledger = ledger
        self._environment = {
            name: Variable(value, secret=False) for name, value in environment.items()
        }
        self._loaded: dict[tuple[str, str], Stack] = {}
        self._lock = asyncio.Lock()
        self.now = Snapshot()

    async def refresh(self) -> None:
        """Load what has changed since the last look; nothing if nothing has.

        Raises:
            StoreError: ``secret_unreadable``, naming the object, and as the ledger does.
        """
        async with self._lock:
            if await self._ledger.read(revision) != self.now.revision:
                found = await self._ledger.read(_everything)
                self.now = self._snapshot(*found)
                self._ledger.live = tellings(self.now.tables.items())

    async def follow(self) -> None:
        """Refresh for ever; the supervisor runs it."""
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_S)

    async def source(self, slug: str) -> Source:
        """A source by its slug.

        Raises:
            NotFoundError: ``source_unknown``.
        """
        found = self.now.sources.get(slug)
        if found is None:
            await self.refresh()
            found = self.now.sources.get(slug)
        if found is None:
            raise NotFoundError(
                f"There is no source {slug!r}. Create it with PUT /v1/sources/{slug[:63]}.",
                code="source_unknown",
            )
        return found

    async def destination(self, slug: str) -> Destination | None:
        """A destination by its slug, also where another process has set it just now."""
        found = self.now.destinations.get(slug)
        if found is None:
            await self.refresh()
            found = self.now.destinations.get(slug)
        return found

    async def task(self, full_name: str, version: str | None = None) -> Task:
        """A task in a version of its stack, the newest unless told.

        Of a task that has been removed, the last version that had it: what was queued before
        ends as it would have.

        Raises:
            NotFoundError: ``task_gone``.
        """
        stack_name, _, name = full_name.partition("/")
        stack = self.now.stacks.get(stack_name)
        if stack is None or name not in stack.tasks:
            await self.refresh()
            stack = self.now.stacks.get(stack_name)
        if version is not None and (stack is None or stack.version != version):
            stack = await self._version(stack_name, version)
        elif stack is None or name not in stack.tasks:
            stack = await self._last_with(stack_name, name)
        if stack is None or name not in stack.tasks:
            raise gone(full_name)
        return stack.tasks[name]

    def known_task(self, full_name: str) -> Task | None:
        """The newest version of a task, if there is one now."""
        stack, _, name = full_name.partition("/")
        found = self.now.stacks.get(stack)
        return found.tasks.get(name) if found is not None else None

    def subscriptions_of(self, source: str) -> Sequence[Subscribed]:
        """Who is subscribed to a source's events."""
        return self.now.subscriptions.of(source)

    def tasks_of_source(self, slug: str) -> tuple[str, ...]:
        """Full names of the tasks that run for a source's events."""
        return self.now.tasks_of_source.get(slug, ())

    def rendering(self, slug: str) -> Rendering | None:
        """What a destination makes of a body; None if it goes as it is."""
        return self.now.renderings.get(slug)

    async def _last_with(self, stack_name: str, task: str) -> Stack | None:
        versions = await self._ledger.read(past_versions, stack_name, most=_PAST_VERSIONS)
        for version in versions:
            stack = await self._version(stack_name, version)
            if stack is not None and task in stack.tasks:
                return stack
        return None

    async def once_had(self, full_name: str) -> bool:
        """Whether there was a task of that name, which has been removed."""
        stack_name, _, name = full_name.partition("/")
        return bool(name) and await self._last_with(stack_name, name) is not None

    async def _version(self, name: str, version: str) -> Stack | None:
        if (name, version) not in self._loaded:
            text = await self._ledger.read(stack_text, name, version)
            if text is None:
                return None
            try:
                self._loaded[name, version] = load_stack(name, text)
            except InvalidError as error:  # accepted by another version of the hub
                _log.error("stack.skipped", stack=name, message=error.message)
                return None
        return self._loaded[name, version]

    def resolve(self, name: str, own_stack: str | None = None) -> str:
        """The full name of a task as it stands in a stack or a request.

        Raises:
            NotFoundError: ``task_unknown``.
            InvalidError: ``task_ambiguous``, naming the tasks in question.
        """
        now = self.now
        if (name, own_stack) in now.resolved:
            return now.resolved[name, own_stack]
        found = candidates(name, own_stack, now.stacks)
        if not found:
            raise NotFoundError(
                f"There is no task {name!r}: upload a stack that has it.", code="task_unknown"
            )
        if len(found) > 1:
            raise InvalidError(
                f"{name!r} may be {' or '.join(found)}: write which.",
                code="task_ambiguous",
            )
        now.resolved[name, own_stack] = found[0]
        return found[0]

    def _snapshot(
        self,
        at: int,
        rows: list[dict[str, Any]],
        stored: list[StoredStack],
        tables: list[StoredTable],
    ) -> Snapshot:
        bodies = defaultdict[str, dict[str, Any]](dict)  # of kinds of a newer hub too
        for row in rows:
            bodies[row["kind"]][row["slug"]] = loads(row["body"])
        stacks = {each.name: self._stack(each) for each in stored}
        self._forget({(each.name, each.version) for each in stored})
        loaded = {name: stack for name, stack in sorted(stacks.items()) if stack is not None}
        lanes: dict[str, Lane] = {}
        for stack in loaded.values():
            lanes |= stack.lanes
        destinations = _valid(Destination, bodies["destination"])
        return Snapshot(
            revision=at,
            sources=_valid(Source, bodies["source"]),
            destinations=destinations,
            variables=self._environment
            | {name: Variable(**body) for name, body in bodies["variable"].items()},
            channels=_channels(bodies["channel"]),
            stacks=loaded,
            lanes=lanes,
            tables={each.name: each.spec for each in tables if each.managed_by is not None},
            tasks_of_source=_tasks_of_source(list(loaded.values())),
            subscriptions=_subscriptions(bodies["subscription"], loaded),
            issuers=_valid(Issuer, bodies["issuer"]),
            alerts={**BUILT_IN, **_valid(Alert, bodies["alert"])},
            renderings=_renderings(destinations),
            paused=frozenset(bodies["pause"]),
            signing_secrets=tuple(bodies["signing"].get("hub", {}).get("secrets", ())),
            token_secrets=tuple(bodies["signing"].get("channels", {}).get("secrets", ())),
            file_secrets=tuple(bodies["signing"].get("files", {}).get("secrets", ())),
        )

    def _forget(self, current: set[tuple[str, str]]) -> None:
        """Let go of the oldest of the past versions that were loaded, beyond a few."""
        past = [key for key in self._loaded if key not in current]
        for key in past[: max(0, len(past) - _PAST_LOADED)]:
            del self._loaded[key]

    def _stack(self, stored: StoredStack) -> Stack | None:
        key = (stored.name, stored.version)
        if key not in self._loaded:
            try:
                self._loaded[key] = load_stack(stored.name, stored.text)
            except InvalidError as error:  # accepted by another version of the hub
                _log.error("stack.skipped", stack=stored.name, message=error.message)
                return None
        return self._loaded[key]


def _valid(shape: type[S], bodies: dict[str, Any]) -> dict[str, S]:
    valid: dict[str, S] = {}
    for slug, body in bodies.items():
        try:
            valid[slug] = shape.model_validate(body)
        except ValidationError as error:  # accepted by another version of the hub
            _log.error("object.skipped", kind=shape.__name__, slug=slug, message=str(error))
    return valid


def _subscriptions(bodies: dict[str, Any], stacks: Mapping[str, Stack]) -> Subscriptions:
    """Those that can be asked; a task's counts while there is one task of that name."""
    found = []
    for slug, each in _valid(Subscription, bodies).items():
        tasks = [] if each.task is None else candidates(each.task, None, stacks)
        if each.destination is None and len(tasks) != 1:
            _log.warning("subscription.skipped", slug=slug, task=each.task, found=tasks)
            continue
        try:
            found.append(subscribed(slug, each, tasks[0] if tasks else None))
        except ExpressionError as error:  # accepted by another version of the hub
            _log.error("subscription.skipped", slug=slug, message=error.message)
    return Subscriptions(found)


def _channels(bodies: dict[str, Any]) -> ChannelRules:
    valid = _valid(ChannelSetting, bodies)
    for name, setting in list(valid.items()):
        try:
            check_setting(setting)
        except ValueError as error:  # accepted by another version of the hub
            _log.error("object.skipped", kind="channel", slug=name, message=str(error))
            del valid[name]
    return ChannelRules(valid)


def _renderings(destinations: Mapping[str, Destination]) -> dict[str, Rendering]:
    found = {}
    for slug, destination in destinations.items():
        try:
            rendering = Rendering(destination)
        except ExpressionError as error:  # accepted by another version of the hub
            _log.error("destination.skipped", slug=slug, message=error.message)
            continue
        if rendering.changes:
            found[slug] = rendering
    return found


def _tasks_of_source(stacks: list[Stack]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for stack in stacks:
        for task in stack.tasks.values():
            if task.source is not None:
                found.setdefault(task.source, []).append(task.full_name)
    return {source: tuple(sorted(names)) for source, names in found.items()}


def _everything(
    tx: Tx,
) -> tuple[int, list[dict[str, Any]], list[StoredStack], list[StoredTable]]:
    return revision(tx), all_objects(tx), all_stacks(tx), all_tables(tx)
