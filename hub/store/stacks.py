"""Stacks and their versions. What a version says never changes, only how its text is laid out."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select, tuple_

from hub.model.difference import Seen
from hub.model.table import TableSpec
from hub.store.ledger import Write
from hub.store.lookup import one
from hub.store.objects import Manager, move_on, refuse_foreign
from hub.store.schema import stack_versions, stacks
from hub.store.statement import insert_of, now_us
from hub.store.tables import declare_of_stack
from hub.store.tx import Tx


@dataclass(frozen=True, slots=True)
class PutStack:
    """Make ``text`` the newest version of a stack."""

    name: str
    version: str
    text: str
    managed_by: Manager = "api"
    tables: tuple[tuple[str, TableSpec], ...] = ()
    """What it declares; what an earlier version declared is declared no longer."""


@dataclass(frozen=True, slots=True)
class StoredStack:
    """A stack as it stands: the text of its newest version."""

    name: str
    version: str
    text: str
    managed_by: str


_version = insert_of(stack_versions, created_at=now_us())
_PUT_VERSION = _version.on_conflict_do_update(
    index_elements=["name", "version"],
    set_={"text": _version.excluded.text},  # the same with other comments
    where=stack_versions.c.text != _version.excluded.text,
)
_stack = insert_of(stacks, updated_at=now_us())
_PUT_STACK = _stack.on_conflict_do_update(
    index_elements=["name"],
    set_={name: _stack.excluded[name] for name in ("version", "managed_by", "updated_at")},
)
_DROP = delete(stacks).where(stacks.c.name == bindparam("of_name"))
_newest = stacks.join(
    stack_versions,
    (stacks.c.name == stack_versions.c.name) & (stacks.c.version == stack_versions.c.version),
)
_ALL = (
    select(stacks.c.name, stacks.c.version, stack_versions.c.text, stacks.c.managed_by)
    .select_from(_newest)
    .order_by(stacks.c.name)
)
_TEXT = select(stack_versions.c.text).where(
    stack_versions.c.name == bindparam("of_name"),
    stack_versions.c.version == bindparam("of_version"),
)


_VERSIONS = (
    select(stack_versions.c.version)
    .where(stack_versions.c.name == bindparam("of_name"))
    .order_by(stack_versions.c.created_at.desc())
    .limit(bindparam("most"))
)


_STORED = (stack_versions.c.version, stack_versions.c.created_at)
_PAGE = (
    select(*_STORED)
    .where(
        stack_versions.c.name == bindparam("of_name"),
        tuple_(stack_versions.c.created_at, stack_versions.c.version)
        < tuple_(bindparam("before_at"), bindparam("before")),
    )
    .order_by(stack_versions.c.created_at.desc(), stack_versions.c.version.desc())
    .limit(bindparam("most"))
)
_ONE = select(*_STORED, stack_versions.c.text).where(
    stack_versions.c.name == bindparam("of_name"),
    stack_versions.c.version == bindparam("of_version"),
)
_NEVER = 2**62


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version of a stack; ``text`` is empty where it was not asked for."""

    version: str
    created_at: int
    text: str = ""


def _seen(tx: Tx, name: str) -> Seen:
    """A stack by its version: the text of each is kept."""
    row = one(tx, stacks, name=name)
    fields = ("managed_by", "version")
    return Seen("stack", name, None if row is None else {each: row[each] for each in fields})


def _put(tx: Tx, puts: Sequence[PutStack]) -> list[bool]:
    created = []
    for put in puts:
        found = one(tx, stacks, name=put.name)
        refuse_foreign(found, put.managed_by, put.name)
        tx.run(_PUT_VERSION, {"name": put.name, "version": put.version, "text": put.text})
        tx.run(
            _PUT_STACK,
            {"name": put.name, "version": put.version, "managed_by": put.managed_by},
        )
        declare_of_stack(tx, put.name, dict(put.tables))
        created.append(found is None)
    move_on(tx)
    return created


PUT: Write[PutStack, bool] = Write("put_stack", 82, _put, seen=lambda tx, put: _seen(tx, put.name))
"""Add a version and make it the newest; True if the stack is new."""


@dataclass(frozen=True, slots=True)
class DropStack:
    """Remove a stack, if it is there."""

    name: str
    managed_by: Manager = "api"


def _drop(tx: Tx, drops: Sequence[DropStack]) -> list[bool]:
    gone = []
    for drop in drops:
        refuse_foreign(one(tx, stacks, name=drop.name), drop.managed_by, drop.name)
        gone.append(bool(tx.run(_DROP, {"of_name": drop.name})))
        declare_of_stack(tx, drop.name, {})
    move_on(tx)
    return gone


DROP: Write[DropStack, bool] = Write(
    "drop_stack", 83, _drop, seen=lambda tx, drop: _seen(tx, drop.name)
)
"""Remove a stack; its versions stay for the runs that still need them."""


def all_stacks(tx: Tx) -> list[StoredStack]:
    """Every stack with the text of its newest version."""
    return [StoredStack(*row) for row in tx.rows(_ALL)]


def past_versions(tx: Tx, name: str, *, most: int) -> list[str]:
    """The newest versions that a stack has had, be it removed since."""
    return [str(row[0]) for row in tx.rows(_VERSIONS, {"of_name": name, "most": most})]


def versions_page(
    tx: Tx, name: str, *, most: int, before: StoredVersion | None = None
) -> list[StoredVersion]:
    """The versions that a stack has had, the newest first, those before one."""
    bounds = {
        "before_at": before.created_at if before else _NEVER,
        "before": before.version if before else "",
    }
    rows = tx.rows(_PAGE, {"of_name": name, "most": most, **bounds})
    return [StoredVersion(*row) for row in rows]


def one_version(tx: Tx, name: str, version: str) -> StoredVersion | None:
    """A version with its text."""
    rows = tx.rows(_ONE, {"of_name": name, "of_version": version})
    return StoredVersion(*rows[0]) if rows else None


def stack_text(tx: Tx, name: str, version: str) -> str | None:
    """The text of one version."""
    rows = tx.rows(_TEXT, {"of_name": name, "of_version": version})
    return str(rows[0][0]) if rows else None
