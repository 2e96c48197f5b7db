"""Objects that people name and set: written, read, changed and removed in one way.

Secrets that are left out are kept; what is read back holds masks, and a mask is never taken.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from hub.errors import InvalidError
from hub.model.json import Json, dumps_text, loads
from hub.model.key import Scope
from hub.model.masking import keep_secrets, masked
from hub.model.source import SLUG
from hub.model.time import to_iso
from hub.store.lookup import one, where
from hub.store.objects import DROP, PUT, DropObject, PutObject
from hub.store.schema import objects
from hub.web.api.body import object_of, validated
from hub.web.api.call import Call, Operation, answer, missing, nothing

S = TypeVar("S", bound=BaseModel)
Doc = dict[str, Any]
Paths = Iterable[tuple[str, ...]]
_TAG = "mode"


@dataclass(frozen=True)
class Named(Generic[S]):
    """How one kind of object is set."""

    kind: Literal["source", "destination"]
    shape: type[S]
    secrets: Callable[[Doc, Doc], Paths]
    """Where secrets stand in a new body, given the one before."""
    complete: Callable[[Doc], Doc]
    """Fills in secrets that the hub makes; they are shown in that answer only."""
    check: Callable[[Call, S], list[str]]
    """Raises what cannot stay; gives warnings."""
    extra: Callable[[Call, str], Doc]
    """What an answer has beside the body."""

    def operations(self) -> Iterator[Operation]:
        """The five that each kind has."""
        path = f"/v1/{self.kind}s"
        one_path = path + "/{slug}"
        kind, shape = self.kind, self.shape
        yield Operation("GET", path, Scope.READ, self.list, f"List the {kind}s")
        yield Operation("GET", one_path, Scope.READ, self.get, f"Read a {kind}")
        yield Operation("PUT", one_path, Scope.WRITE, self.put, f"Set a {kind}", shape)
        yield Operation("PATCH", one_path, Scope.WRITE, self.patch, f"Change a {kind}", shape)
        yield Operation("DELETE", one_path, Scope.WRITE, self.delete, f"Remove a {kind}")

    async def list(self, call: Call) -> Response:
        """One page, by slug."""
        page = call.page()
        rows = {row["slug"]: row for row in await call.hub.ledger.read(_rows, self.kind)}
        slugs, last = page.of_names(rows)
        return answer(page.answer([self._shown(call, rows[slug]) for slug in slugs], last))

    async def get(self, call: Call) -> Response:
        """One object, its secrets masked."""
        return answer(self._shown(call, await self._row(call)))

    async def put(self, call: Call) -> Response:
        """Create or replace."""
        slug = check_slug(call.given("slug"))
        given = object_of(await call.json())
        row = await call.hub.ledger.read(one, objects, kind=self.kind, slug=slug)
        before = loads(row["body"]) if row else {}
        return await self._write(call, slug, keep_secrets(given, before, self._at(given, before)))

    async def patch(self, call: Call) -> Response:
        """Change some fields (RFC 7396: null removes one)."""
        changes = object_of(await call.json())
        keep_secrets(changes, {}, self._at(changes, {}))  # refuses masks
        row = await self._row(call)
        return await self._write(call, row["slug"], merged(loads(row["body"]), changes))

    async def delete(self, call: Call) -> Response:
        """Remove."""
        slug = call.given("slug")
        if not await call.hub.ledger.write(DROP, DropObject(self.kind, slug)):
            raise missing(self.kind, slug)
        await call.hub.catalog.refresh()
        return nothing()

    async def _write(self, call: Call, slug: str, body: Doc) -> Response:
        completed = self.complete(body)
        value = validated(self.shape, completed)
        warnings = self.check(call, value)
        text = dumps_text(value.model_dump(mode="json", exclude_unset=True))
        created = await call.hub.ledger.write(PUT, PutObject(self.kind, slug, text))
        await call.hub.catalog.refresh()
        row = await call.hub.ledger.read(one, objects, kind=self.kind, slug=slug)
        shown = self._shown(call, row) if row else {}
        for path in self._at(body, {}) if completed != body else ():
            show_again(shown, completed, path)
        return answer({**shown, "warnings": warnings}, 201 if created else 200)

    async def _row(self, call: Call) -> Doc:
        slug = call.given("slug")
        row = await call.hub.ledger.read(one, objects, kind=self.kind, slug=slug)
        if row is None:
            raise missing(self.kind, slug)
        return row

    def _at(self, new: Doc, before: Doc) -> Paths:
        return self.secrets(new, before)

    def _shown(self, call: Call, row: Doc) -> Doc:
        body = loads(row["body"])
        try:
            body = self.shape.model_validate(body).model_dump(mode="json")
        except ValidationError:  # accepted by another version of the hub: shown as it stands
            pass
        return {
            "slug": row["slug"],
            **masked(body, self._at(body, {})),
            **self.extra(call, row["slug"]),
            "managed_by": row["managed_by"],
            "created_at": to_iso(row["created_at"]),
            "updated_at": to_iso(row["updated_at"]),
        }
