"""Files of named things, beside the stacks: sources, destinations, channels and more.

``{source: {slug: "shop", verify: {mode: "none"}}}``: what ``PUT /v1/sources/shop`` takes, with
its slug. A file holds one such document, or several; a file of stacks holds none.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

from hub.errors import HubError, InvalidError
from hub.model.json import dumps_text, loads
from hub.stack.documents import read_documents
from hub.stack.problem import Problem
from hub.stack.text import Document
from hub.store.ledger import Ledger
from hub.store.objects import DROP, PUT, DropObject, Kind, PutObject, all_objects, one_object
from hub.web.api.alerts import ALERTS
from hub.web.api.body import validated
from hub.web.api.channels import CHANNELS
from hub.web.api.destinations import DESTINATIONS
from hub.web.api.issuers import ISSUERS
from hub.web.api.named import Around, Named
from hub.web.api.sources import SOURCES
from hub.web.api.subscriptions import SUBSCRIPTIONS

_KINDS: tuple[Named[Any], ...] = (SOURCES, DESTINATIONS, SUBSCRIPTIONS, CHANNELS, ISSUERS, ALERTS)
_NAMED: dict[str, Named[Any]] = {each.kind: each for each in _KINDS}


@dataclass(frozen=True, slots=True)
class NamedThing:
    """One document of such a file."""

    kind: Kind
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


def problems_of(thing: NamedThing, around: Around, before: dict[str, Any]) -> list[Problem]:
    """What is wrong with it, each at its place in the file."""
    try:
        _NAMED[thing.kind].from_file(around, thing.body, before)
    except HubError as error:
        told = error.details.get("problems") or [{"pointer": "", "message": error.message}]
        return [_placed(thing, each) for each in told]
    return []


def shape_problems(thing: NamedThing) -> list[Problem]:
    """What is wrong with it by itself; secrets may be left out, since the hub may have them."""
    named = _NAMED[thing.kind]
    try:
        validated(named.shape, thing.body)
    except InvalidError as error:
        left = {_pointer(path) for path in named.secrets(thing.body, {})}
        return [
            _placed(thing, each)
            for each in error.details["problems"]
            if each["pointer"] not in left or "missing" not in each["message"]
        ]
    return []


def _pointer(path: tuple[str, ...]) -> str:
    return "".join(f"/{part}" for part in path)


def _placed(thing: NamedThing, told: dict[str, Any]) -> Problem:
    pointer = f"/{thing.kind}{told['pointer'] or ''}"
    line, column = thing.document.position_of(pointer)
    return Problem("error", told["message"], told.get("hint"), line, column, pointer)


async def put_thing(ledger: Ledger, around: Around, thing: NamedThing) -> bool:
    """Set it as its file says; False if it is so already.

    Raises:
        InvalidError: it cannot be, with all ``problems``, each at its place in the file.
        StoreError: the ledger does not take it.
    """
    row = await ledger.read(one_object, thing.kind, thing.slug)
    before = loads(row["body"]) if row else {}
    problems = problems_of(thing, around, before)
    if problems:
        first = problems[0]
        raise InvalidError(
            f"The {thing.name} cannot be set: {first.message}",
            code="validation",
            problems=[each.as_json() for each in problems],
        )
    text = _NAMED[thing.kind].from_file(around, thing.body, before)
    if row is not None and row["managed_by"] == "file" and dumps_text(before) == text:
        return False
    await ledger.write(PUT, PutObject(thing.kind, thing.slug, text, "file"))
    return True


async def prune_things(ledger: Ledger, kept: Container[tuple[Kind, str]]) -> list[str]:
    """Remove those that files gave and no file gives any more; gives their names."""
    gone = []
    for row in await ledger.read(all_objects, managed_by="file"):
        if row["kind"] in _NAMED and (row["kind"], row["slug"]) not in kept:
            await ledger.write(DROP, DropObject(row["kind"], row["slug"], "file"))
            gone.append(f"{row['kind']} {row['slug']}")
    return gone
