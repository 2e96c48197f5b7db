"""``/v1/export``: all that people have set, as files that ``hub apply`` takes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from hub.model.json import Json, dumps_text, loads
from hub.model.key import Scope
from hub.model.secret_references import referring
from hub.stack.documents import is_json5
from hub.stack.fmt import format_text
from hub.store.ledger import Ledger
from hub.store.objects import all_objects
from hub.store.stacks import all_stacks
from hub.store.tables import StoredTable, all_tables
from hub.store.tx import Tx
from hub.web.api.call import Call, Operation, answer
from hub.web.api.rotation import RETIRED
from hub.web.shown.data import ExportShown

KINDS = ("variable", "source", "destination", "subscription", "channel", "issuer", "alert")
_MOST_CHARS = 512 << 10
"""Of a file: a longer one is cut between two documents."""


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file by its path, such as ``sources.json5`` or ``stacks/shop.yaml``."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Exported:
    """The files, and the names of the secrets that are not in them."""

    files: tuple[ExportedFile, ...]
    secrets: tuple[str, ...]

    def as_json(self) -> Json:
        """As the API tells it."""
        files: list[Json] = [{"path": each.path, "text": each.text} for each in self.files]
        return {"files": files, "secrets": list(self.secrets)}


@dataclass(frozen=True, slots=True)
class _Document:
    text: str
    secrets: tuple[str, ...] = ()


async def exported(ledger: Ledger) -> Exported:
    """All that is set, whoever has set it: what a stack declares stands in the stack alone.

    In place of each secret stands ``${NAME}``; secrets that a rotation has retired are left out.

    Raises:
        StoreError: as the ledger does.
    """
    return _exported(*await ledger.read(_everything))


def _everything(tx: Tx, /) -> tuple[list[dict[str, Any]], list[StoredTable], list[ExportedFile]]:
    stacks = [
        ExportedFile(f"stacks/{each.name}.{'json5' if is_json5(each.text) else 'yaml'}", each.text)
        for each in all_stacks(tx)
    ]
    return all_objects(tx), all_tables(tx), stacks


def _exported(
    rows: list[dict[str, Any]], tables: list[StoredTable], stacks: list[ExportedFile]
) -> Exported:
    documents = {kind: [_object(row) for row in rows if row["kind"] == kind] for kind in KINDS}
    documents["table"] = [_table(each) for each in tables if _is_declared(each)]
    files = [
        file for kind, of_kind in sorted(documents.items()) for file in _files(f"{kind}s", of_kind)
    ]
    secrets = [name for of_kind in documents.values() for each in of_kind for name in each.secrets]
    return Exported((*files, *stacks), tuple(sorted(secrets)))


def _object(row: dict[str, Any]) -> _Document:
    kind, slug, body = row["kind"], row["slug"], loads(row["body"])
    body.pop(RETIRED, None)
    told, names = referring(kind, slug, body)
    return _Document(dumps_text({kind: {"slug": slug, **told}}), tuple(names))


def _is_declared(table: StoredTable) -> bool:
    return table.managed_by is not None and not table.managed_by.startswith("stack:")


def _table(table: StoredTable) -> _Document:
    spec = table.spec.model_dump(mode="json", exclude_defaults=True)
    return _Document(dumps_text({"table": {"slug": table.name, **spec}}))


def _files(name: str, documents: Iterable[_Document]) -> Iterator[ExportedFile]:
    """The documents of a kind, in as many files as they need."""
    some: list[_Document] = []
    number = chars = 0
    for each in documents:
        if some and chars + len(each.text) > _MOST_CHARS:
            number += 1
            yield _file(f"{name}-{number}", some)
            some, chars = [], 0
        some.append(each)
        chars += len(each.text)
    if some:
        yield _file(f"{name}-{number + 1}" if number else name, some)


def _file(name: str, documents: list[_Document]) -> ExportedFile:
    secrets = [secret for each in documents for secret in each.secrets]
    lines = [
        "// Secrets are not in this file. What a hub has already stays as it is; for another hub",
        "// set these in the environment of `hub apply`:",
        *(f"//   {secret}" for secret in secrets),
        "",
    ]
    parts = [*(lines if secrets else ()), *(each.text for each in documents)]
    return ExportedFile(f"{name}.json5", format_text("\n".join(parts)))


async def _get(call: Call) -> Response:
    call.query()
    return answer((await exported(call.hub.ledger)).as_json())


OPERATIONS = (
    Operation(
        *("GET", "/v1/export", Scope.READ, _get, "Read all that is set, as files to apply"),
        gives={200: ExportShown},
        problems={400: ("query_unknown",)},
    ),
)
