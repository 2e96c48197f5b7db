"""Files of named things, beside the stacks: sources, destinations, channels and more.

``{source: {slug: "shop", verify: {mode: "none"}}}``: what ``PUT /v1/sources/shop`` takes, with
its slug. A file holds one such document, or several; a file of stacks holds none.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from pydantic import BaseModel

from hub.errors import HubError, InvalidError
from hub.model.difference import Seen, differences
from hub.model.json import Json, dumps_text, loads
from hub.model.record import check_table
from hub.model.secret_references import Resolved, resolved
from hub.model.secrets import Path
from hub.model.table import TableSpec
from hub.stack.documents import read_documents
from hub.stack.problem import Problem
from hub.stack.text import Document
from hub.store.ledger import Ledger
from hub.store.objects import (
    DROP,
    PUT,
    DropObject,
    Kind,
    PutObject,
    all_objects,
    one_object,
    seen_object,
)
from hub.store.tables import DECLARE, FILE, FORGET, Declare, Forget, all_tables, find_table
from hub.web.api.alerts import ALERTS
from hub.web.api.body import validated
from hub.web.api.channels import CHANNELS
from hub.web.api.destinations import DESTINATIONS
from hub.web.api.issuers import ISSUERS
from hub.web.api.named import Around
from hub.web.api.sources import SOURCES
from hub.web.api.subscriptions import SUBSCRIPTIONS
from hub.web.api.variables import VARIABLES

_TABLE = "table"


class _Setting(Protocol):
    """How one kind of thing is set by a file."""

    @property
    def kind(self) -> str: ...

    @property
    def shape(self) -> type[BaseModel]: ...

    def name(self, slug: str, /) -> str: ...

    def secrets(self, body: dict[str, Any], before: dict[str, Any], /) -> tuple[Path, ...]: ...

    def from_file(self, around: Around, given: dict[str, Any], before: dict[str, Any], /) -> str:
        """The body as it is kept, as JSON text; raises InvalidError ``validation``."""
        ...


class _Tables:
    """Tables, of which a file says what they declare."""

    kind = _TABLE
    shape = TableSpec

    def name(self, slug: str) -> str:
        return check_table(slug)

    def secrets(self, body: dict[str, Any], before: dict[str, Any]) -> tuple[Path, ...]:
        return ()

    def from_file(self, around: Around, given: dict[str, Any], before: dict[str, Any]) -> str:
        return dumps_text(_declared(validated(TableSpec, given)))


def _declared(spec: TableSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json", exclude_defaults=True)


_SETTINGS = (
    *(VARIABLES, _Tables(), SOURCES, DESTINATIONS),
    *(SUBSCRIPTIONS, CHANNELS, ISSUERS, ALERTS),
)
_NAMED: dict[str, _Setting] = {each.kind: cast(_Setting, each) for each in _SETTINGS}
KINDS = tuple(_NAMED)
"""In the order in which they are applied: what is named by others comes first."""


@dataclass(frozen=True, slots=True)
class NamedThing:
    """One document of such a file."""

    kind: str
    slug: str
    body: dict[str, Any]
    document: Document

    @property
    def name(self) -> str:
        """As it is told: ``source shop``."""
        return f"{self.kind} {self.slug}"


def things_in(text: str) -> list[NamedThing]:
    """The named things of a file's text; none where it is a file of stacks.

    Raises:
        InvalidError: ``document_broken``, ``slug_invalid``.
    """
    documents = read_documents(text)
    if not documents or not all(_is_one(each.value) for each in documents):
        return []
    return list(_things(documents))


def _is_one(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) == 1
        and next(iter(value)) in _NAMED
        and isinstance(next(iter(value.values())), dict)
    )


def _things(documents: list[Document]) -> Iterator[NamedThing]:
    for document in documents:
        ((kind, given),) = document.value.items()
        body = dict(given)
        slug = body.pop("slug", None)
        if not isinstance(slug, str):
            line, column = document.position_of(f"/{kind}")
            message = f"The {kind} has no slug: say which one it is."
            problem = Problem("error", message, None, line, column, f"/{kind}/slug")
            raise InvalidError(message, code="slug_invalid", problems=[problem.as_json()])
        yield NamedThing(kind, _NAMED[kind].name(slug), body, document)


def shape_problems(thing: NamedThing) -> list[Problem]:
    """What is wrong with it by itself; secrets may be left out, since the hub may have them."""
    named, given = _NAMED[thing.kind], resolved(thing.kind, thing.body, {})
    try:
        validated(named.shape, given.body)
    except InvalidError as error:
        left = {_pointer(path) for path in named.secrets(thing.body, {})}
        return [
            _placed(thing, each, given)
            for each in error.details["problems"]
            if each["pointer"] not in left or "missing" not in each["message"]
        ]
    return []


def _pointer(path: Path) -> str:
    return "".join(f"/{part}" for part in path)


def _placed(thing: NamedThing, told: Mapping[str, Any], given: Resolved) -> Problem:
    """A problem at its place in the file, with what to set where a secret is not given."""
    at = told["pointer"] or ""
    hint = told.get("hint")
    if at in given.left:
        hint = f"Set {given.left[at]} in the environment of `hub apply`."
    pointer = f"/{thing.kind}{at}"
    line, column = thing.document.position_of(pointer)
    return Problem("error", told["message"], hint, line, column, pointer)


@dataclass(frozen=True, slots=True)
class Plan:
    """What applying a thing comes to: its body as it is kept, and what differs by it."""

    thing: NamedThing
    text: str = field(repr=False)
    changes: list[dict[str, Json]]
    is_new: bool


async def plan_thing(ledger: Ledger, around: Around, thing: NamedThing) -> Plan:
    """What it would change to set a thing as its file says.

    Raises:
        InvalidError: it cannot be, with all ``problems``, each at its place in the file.
        StoreError: the ledger does not answer.
    """
    before = await _kept(ledger, thing.kind, thing.slug)
    body = {} if before.body is None else dict(before.body)
    body.pop(_MANAGED_BY, None)
    given = resolved(thing.kind, thing.body, around.given)
    try:
        text = _NAMED[thing.kind].from_file(around, given.body, body)
    except HubError as error:
        told = error.details.get("problems") or [{"pointer": "", "message": error.message}]
        problems = [_placed(thing, each, given) for each in told]
        raise _refused(thing, problems) from error
    after = seen_object(thing.kind, thing.slug, FILE, loads(text))
    return Plan(thing, text, differences(before, after), before.body is None)


def _refused(thing: NamedThing, problems: list[Problem]) -> InvalidError:
    first = problems[0]
    message = f"{first.message} {first.hint}" if first.hint else first.message
    return InvalidError(
        f"The {thing.name} cannot be set: {message}",
        code="validation",
        problems=[each.as_json() for each in problems],
    )


_MANAGED_BY = "managed_by"


async def _kept(ledger: Ledger, kind: str, slug: str) -> Seen:
    """A thing as the hub has it now."""
    if kind == _TABLE:
        table = await ledger.read(find_table, slug)
        if table is None or table.managed_by is None:
            return Seen(kind, slug, None)
        return seen_object(kind, slug, table.managed_by, _declared(table.spec))
    row = await ledger.read(one_object, cast(Kind, kind), slug)
    if row is None:
        return Seen(kind, slug, None)
    return seen_object(kind, slug, row[_MANAGED_BY], loads(row["body"]))


async def put_thing(ledger: Ledger, plan: Plan) -> None:
    """Set a thing as it is planned.

    Raises:
        ConflictError: ``declared_elsewhere``: a stack declares the table.
        InvalidError: ``record_invalid``: the table has a record that does not fit.
        StoreError: the ledger does not take it.
    """
    thing = plan.thing
    if thing.kind == _TABLE:
        spec = TableSpec.model_validate(loads(plan.text))
        await ledger.write(DECLARE, Declare(thing.slug, spec, FILE))
    else:
        await ledger.write(PUT, PutObject(cast(Kind, thing.kind), thing.slug, plan.text, "file"))


async def orphans(ledger: Ledger, kept: Container[tuple[str, str]]) -> list[tuple[str, str]]:
    """Kind and slug of what files gave, and no file gives any more."""
    rows = await ledger.read(all_objects, managed_by="file")
    given = [(row["kind"], row["slug"]) for row in rows if row["kind"] in _NAMED]
    tables = await ledger.read(all_tables)
    given += [(_TABLE, each.name) for each in tables if each.managed_by == FILE]
    return [each for each in given if each not in kept]


async def drop_thing(ledger: Ledger, kind: str, slug: str) -> None:
    """Remove what a file gave; the records of a table stay."""
    if kind == _TABLE:
        await ledger.write(FORGET, Forget(slug, FILE))
    else:
        await ledger.write(DROP, DropObject(cast(Kind, kind), slug, "file"))
