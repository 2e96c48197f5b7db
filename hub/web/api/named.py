"""Objects that people name and set: written, read, changed and removed in one way.

Secrets that are left out are kept; what is read back holds masks, and a mask is never taken.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response

from hub.connector import Connector, quoted
from hub.errors import InvalidError
from hub.model.json import Json, dumps_text, loads
from hub.model.key import Scope
from hub.model.masking import keep_secrets, masked, same_kind
from hub.model.secrets import Path, secret_paths
from hub.model.source import SLUG
from hub.model.time import to_iso
from hub.signature import new_secret
from hub.stack.problem import Problem, nearest
from hub.store.catalog import Catalog
from hub.store.objects import DROP, PUT, DropObject, PutObject, all_objects, one_object
from hub.web.access import allows
from hub.web.api.body import object_of, refused, validated, wrong
from hub.web.api.call import Call, Operation, answer, missing, nothing
from hub.web.paging import PAGE
from hub.web.shown.base import also, listed

S = TypeVar("S", bound=BaseModel)
Doc: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Around:
    """What an object is checked against."""

    connectors: Mapping[str, Connector]
    catalog: Catalog
    is_admin: bool = True
    """Who sets it may do what only admins may."""
    given: Mapping[str, str] = field(default_factory=dict)
    """What stands for ``${NAME}`` in the secrets of files."""


@dataclass(frozen=True)
class Named(Generic[S]):
    """How one kind of object is set."""

    kind: Literal["source", "destination", "subscription", "channel", "issuer", "variable", "alert"]
    shape: type[S]
    shown_as: type[BaseModel]
    """The shape in which it is read."""
    made: Callable[[Doc], tuple[str, str] | None]
    """Where a signing secret is wanted and none is given: the hub makes one, shown once."""
    check: Callable[[Around, S], list[str]]
    """Raises what cannot stay; gives warnings."""
    beside: Callable[[Call, str], Doc]
    """What an answer has beside the body."""
    stays: Callable[[Doc, Doc], Doc] = lambda given, before: {}
    """Fields of the one before that a body may leave out, and that stay."""
    lapses: Callable[[Doc, Doc], Iterable[str]] = lambda changed, before: ()
    """Fields that a change of others makes void."""
    fresh: Callable[[Doc], str] = lambda body: new_secret()
    """The secret that the hub makes."""
    name: Callable[[str], str] = lambda slug: check_slug(slug)
    """Raises what cannot be its name; gives it."""
    misnamed: str = "slug_invalid"
    """The code of that."""
    part: str = "{slug}"
    """Where the name stands in the path."""

    def secrets(self, body: Doc, before: Doc) -> tuple[Path, ...]:
        """Where secrets stand in a body, given also the one before it."""
        return secret_paths(self.kind, body, before)

    def operations(self) -> Iterator[Operation]:
        """The five that each kind has."""
        kind, shape, shown, path = self.kind, self.shape, self.shown_as, f"/v1/{self.kind}s"
        named, unknown = f"{path}/{self.part}", {404: (f"{kind}_unknown",)}
        filed = {409: ("managed_by_file",)}
        warned = (list[str], Field(description="What its owner should know of it."))
        written = also(shown, "Written", warnings=warned)
        read, write = Scope.READ, Scope.WRITE
        yield Operation(
            *("GET", path, read, self.get_all, f"List the {kind}s"),
            query=PAGE,
            gives={200: listed(shown)},
        )
        yield Operation(
            *("GET", named, read, self.get, f"Read a {kind}"),
            gives={200: shown},
            problems=unknown,
        )
        yield Operation(
            *("PUT", named, write, self.put, f"Create or replace a {kind}", shape),
            gives={200: written, 201: written},
            problems={400: (self.misnamed, "mask_given"), **filed},
        )
        yield Operation(
            *("PATCH", named, write, self.patch, f"Change a {kind}", shape),
            gives={200: written},
            problems={400: ("mask_given",), **unknown, **filed},
        )
        yield Operation(
            *("DELETE", named, write, self.delete, f"Remove a {kind}"),
            gives={204: None},
            problems={**unknown, **filed},
        )

    async def get_all(self, call: Call) -> Response:
        """One page, by slug."""
        page = call.page()
        found = await call.hub.ledger.read(all_objects, kind=self.kind)
        rows = {row["slug"]: row for row in found}
        slugs, last = page.of_names(rows)
        return answer(page.answer([self.shown(call, rows[slug]) for slug in slugs], last))

    async def get(self, call: Call) -> Response:
        """One object, its secrets masked."""
        return answer(self.shown(call, await self.row(call)))

    async def put(self, call: Call) -> Response:
        """Create or replace."""
        slug = self.name(call.given("slug"))
        given = object_of(await call.json())
        row = await call.hub.ledger.read(one_object, self.kind, slug)
        before = loads(row["body"]) if row else {}
        return await self.write(call, slug, self._whole(given, before))

    async def patch(self, call: Call) -> Response:
        """Change some fields (RFC 7396: null removes one)."""
        changes = object_of(await call.json())
        keep_secrets(changes, {}, self.secrets(changes, {}))  # refuses masks
        row = await self.row(call)
        before = loads(row["body"])
        changed = merged(before, changes)
        for name in self.lapses(changed, before):
            changed.pop(name, None)
        return await self.write(call, row["slug"], changed)

    async def delete(self, call: Call) -> Response:
        """Remove."""
        slug = call.given("slug")
        if not await call.hub.ledger.write(DROP, DropObject(self.kind, slug)):
            raise missing(self.kind, slug)
        await call.hub.catalog.refresh()
        return nothing()

    async def write(self, call: Call, slug: str, body: Doc) -> Response:
        """Keep a body that is whole, and answer with what is kept."""
        fresh = self.made(body)
        if fresh is not None:
            body = {**body, fresh[0]: {**body[fresh[0]], fresh[1]: [self.fresh(body)]}}
        hub, is_admin = call.hub, allows(call.key.scopes, Scope.ADMIN)
        text, warnings = self.ready(Around(hub.connectors, hub.catalog, is_admin), body)
        created = await call.hub.ledger.write(PUT, PutObject(self.kind, slug, text))
        await call.hub.catalog.refresh()
        shown = self.shown(call, await self.row(call))
        if fresh is not None:
            shown[fresh[0]] |= {fresh[1]: body[fresh[0]][fresh[1]]}
        return answer({**shown, "warnings": warnings}, 201 if created else 200)

    def ready(self, around: Around, body: Doc) -> tuple[str, list[str]]:
        """An object as it is kept, and what its owner should know of it.

        Raises:
            InvalidError: ``validation``.
            AccessError: only an admin may set that.
        """
        value = validated(self.shape, body)
        warnings = self.check(around, value)
        kept = value.model_dump(mode="json", exclude_unset=True)
        nul = next(_nul_in(kept), None)
        if nul is not None:  # no file that is applied could say so
            raise refused(wrong(nul, "A text cannot hold the character NUL."))
        return dumps_text(kept), warnings

    def from_file(self, around: Around, given: Doc, before: Doc) -> str:
        """An object of a file as it is kept; secrets that it leaves out stay as they are.

        Raises:
            InvalidError: as :meth:`ready`.
        """
        return self.ready(around, self._whole(given, before))[0]

    def _whole(self, given: Doc, before: Doc) -> Doc:
        """What is given, with what it leaves out and stays: secrets, and the rotation's rest."""
        void = tuple(self.lapses(given, before))
        before = {name: value for name, value in before.items() if name not in void}
        kept = keep_secrets(given, before, self.secrets(given, before))
        return self.stays(given, before) | kept

    async def row(self, call: Call) -> Doc:
        """The row of the slug in the path.

        Raises:
            NotFoundError
        """
        slug = call.given("slug")
        row = await call.hub.ledger.read(one_object, self.kind, slug)
        if row is None:
            raise missing(self.kind, slug)
        return row

    def shown(self, call: Call, row: Doc) -> Doc:
        """An object as it is read: its secrets masked."""
        body = loads(row["body"])
        with suppress(ValidationError):  # accepted by another version of the hub: as it stands
            body = self.shape.model_validate(body).model_dump(mode="json")
        return {
            "slug": row["slug"],
            **masked(body, self.secrets(body, {})),
            **self.beside(call, row["slug"]),
            "managed_by": row["managed_by"],
            "created_at": to_iso(row["created_at"]),
            "updated_at": to_iso(row["updated_at"]),
        }


def _nul_in(value: Json, pointer: str = "") -> Iterator[str]:
    """Pointers to the texts and names that hold the character NUL."""
    if isinstance(value, str):
        if "\0" in value:
            yield pointer
    elif isinstance(value, list):
        for n, each in enumerate(value):
            yield from _nul_in(each, f"{pointer}/{n}")
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _nul_in(name, pointer)
            yield from _nul_in(each, f"{pointer}/{name}")


def check_slug(slug: str) -> str:
    """The slug, if an object can have it.

    Raises:
        InvalidError: ``slug_invalid``.
    """
    if re.fullmatch(SLUG, slug):
        return slug
    raise InvalidError(
        f"{quoted(slug)!r} is no slug: 1 to 63 lower case letters, digits and hyphens, "
        "with no hyphen at its ends.",
        code="slug_invalid",
    )


def merged(before: Doc, changes: Doc) -> Doc:
    """RFC 7396, but an object of another kind (``mode``, ``scheme``) replaces the one before."""
    result = dict(before)
    for name, value in changes.items():
        old = result.get(name)
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            alike = isinstance(old, dict) and same_kind(old | value, old)
            result[name] = merged(old if alike and isinstance(old, dict) else {}, value)
        else:
            result[name] = value
    return result


def connector_problem(around: Around, name: str) -> Problem | None:
    """What is wrong with a connector's name, if anything."""
    known = sorted(around.connectors)
    if name in known:
        return None
    return wrong(
        "/connector",
        f"There is no connector {quoted(name)!r}; known are {', '.join(known)}.",
        nearest(name, known),
    )


def refuse_any(problems: Iterable[Problem | None]) -> None:
    """Raise ``validation`` if there are problems."""
    found = [each for each in problems if each is not None]
    if found:
        raise refused(*found)
