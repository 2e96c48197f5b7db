"""``hub table``: tables from the command line, straight from the ledger."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydantic import ValidationError

from hub.bootstrap import current_ledger
from hub.errors import InvalidError, NotFoundError
from hub.model.filter import parse_filter
from hub.model.json import Json, loads
from hub.model.query import Query, parse_sort
from hub.model.record import check_table
from hub.model.table import TableSpec
from hub.model.telling import tellings
from hub.model.time import now_us
from hub.printing import cell, print_json, print_lines, print_table, print_things, progress, write
from hub.settings import Settings
from hub.stack.json5 import parse_documents
from hub.stack.problem import nearest
from hub.store.ledger import Ledger
from hub.store.records import find_records
from hub.store.tables import DECLARE, Declare, StoredTable, all_tables, find_table, tables_in_use
from hub.transfer import FORMATS, Format
from hub.transfer.exporting import export_records
from hub.transfer.importing import Import

_STDIN = Path("-")
_COLUMNS = ("table", "records", "columns", "declared_by")
_ENDINGS: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records, as it was typed: JSON for ``filter`` and ``sort``."""

    table: str
    filter: str | None = None
    sort: str | None = None
    limit: int | None = None

    def query(self, spec: TableSpec) -> Query:
        """The query.

        Raises:
            InvalidError: ``table_invalid``, ``filter_invalid``, ``sort_invalid``.
        """
        where = spec.settle_filter(parse_filter(_json("--filter", self.filter or "{}")))
        sort = parse_sort(_json("--sort", self.sort or "null"), spec)
        return Query(self.table, where, sort, limit=self.limit)


async def list_tables(settings: Settings, *, as_json: bool) -> None:
    """Print every table: its records, its declared columns, and who declares them."""
    async with current_ledger(settings) as ledger:
        found = await ledger.read(tables_in_use)
    told = [
        {
            "table": each.name,
            "records": count,
            "columns": list(each.spec.columns),
            "declared_by": each.managed_by,
        }
        for each, count in found.values()
    ]
    print_things(told, _COLUMNS, as_json=as_json)


async def show(settings: Settings, wanted: Wanted, *, as_json: bool) -> None:
    """Print records: aligned for people, or as JSON lines.

    Raises:
        NotFoundError: ``table_unknown``.
        InvalidError: see :meth:`Wanted.query`.
    """
    async with current_ledger(settings) as ledger:
        table = await _known(ledger, wanted.table)
        found = await ledger.read(find_records, wanted.query(table.spec))
    if as_json:
        print_lines(each.as_fields() for each in found)
        return
    names = list(dict.fromkeys(["id", *table.spec.columns, *(n for r in found for n in r.doc)]))
    print_table(names, [[cell(each.as_fields().get(name)) for name in names] for each in found])


async def show_spec(settings: Settings, name: str) -> None:
    """Print what is declared of a table, as ``hub table declare`` takes it.

    Raises:
        NotFoundError: ``table_unknown``.
    """
    async with current_ledger(settings) as ledger:
        table = await _known(ledger, name)
    told = table.spec.model_dump(mode="json", exclude_defaults=True) or {"columns": {}}
    print_json(told)


async def declare(settings: Settings, name: str, path: Path, *, as_json: bool) -> None:
    """Declare a table by a file, or by standard input where that is ``-``.

    Raises:
        InvalidError: ``declaration_invalid``; ``record_invalid`` where a record does not fit.
        ConflictError: ``declared_elsewhere``, ``not_unique``.
    """
    spec = _spec(_text(path))
    async with current_ledger(settings) as ledger:
        is_new = await ledger.write(DECLARE, Declare(check_table(name), spec))
    if as_json:
        print_json({"table": name, "changed": is_new, "columns": list(spec.columns)})
        return
    said = "Declared columns" if is_new else "Nothing is new, declared columns"
    write(f"{said} of {name}: {', '.join(spec.columns) or 'none'}.")


async def import_file(
    settings: Settings, name: str, path: Path, form: str | None, *, as_json: bool
) -> None:
    """Add the rows of a file, or of standard input where that is ``-``.

    Raises:
        InvalidError: ``rows_invalid``, ``format_unknown``, ``file_unreadable``.
        ConflictError: ``not_unique``.
    """
    table, read_as = check_table(name), _format(form, path)
    async with current_ledger(settings) as ledger:
        known = await ledger.read(find_table, table)
        spec = known.spec if known is not None else TableSpec()
        ledger.live = tellings([(table, spec)])
        with _opened(path) as file:
            size = file.seek(0, os.SEEK_END)
            try:
                with progress(size) as told:
                    count = await Import(table, spec, file, read_as, now_us(), told).run(ledger)
            except InvalidError as error:
                problems: list[dict[str, Any]] = error.details.get("problems", [])
                lines = [f"  line {each['line']:,}: {each['message']}" for each in problems]
                raise InvalidError("\n".join([error.message, *lines]), code=error.code) from error
    if as_json:
        print_json({"table": table, "added": count})
        return
    counted = "1 record is" if count == 1 else f"{count:,} records are"
    write(f"{counted} added to {table}.")


async def export(settings: Settings, wanted: Wanted, out: Path | None, form: str | None) -> None:
    """Write records to a file, or to standard output.

    Raises:
        NotFoundError: ``table_unknown``.
        InvalidError: see :meth:`Wanted.query`; ``format_unknown``.
    """
    written_as = _format(form, out or Path("-.jsonl"))
    async with current_ledger(settings) as ledger:
        table = await _known(ledger, wanted.table)
        parts = export_records(ledger, wanted.query(table.spec), table.spec, written_as)
        if out is None:
            async for part in parts:
                sys.stdout.write(part)
            return
        with out.open("w", encoding="utf-8", newline="") as file:
            async for part in parts:
                file.write(part)


async def _known(ledger: Ledger, name: str) -> StoredTable:
    found = await ledger.read(find_table, check_table(name))
    if found is not None:
        return found
    near = nearest(name, [each.name for each in await ledger.read(all_tables)])
    hint = f" Did you mean {near!r}?" if near else ""
    raise NotFoundError(f"There is no table {name!r}.{hint}", code="table_unknown")


def _json(option: str, text: str) -> Json:
    try:
        return loads(text)
    except InvalidError as error:
        raise InvalidError(f"{option} takes JSON: {error.message}", code="json_broken") from error


def _spec(text: str) -> TableSpec:
    """A declaration in JSON or JSON5: ``{columns: {…}}``."""
    documents = parse_documents(text)
    if len(documents) != 1:
        raise InvalidError(
            "A declaration is one object: {columns: {name: {type: 'text'}}}.",
            code="declaration_invalid",
        )
    try:
        return TableSpec.model_validate(documents[0].value)
    except ValidationError as error:
        problems = [
            f"{'/'.join(str(part) for part in each['loc']) or 'it'}: "
            f"{each['msg'].removeprefix('Value error, ')}"
            for each in error.errors(include_url=False)
        ]
        raise InvalidError(
            "\n  ".join(["The declaration cannot be used:", *problems]),
            code="declaration_invalid",
        ) from error


def _text(path: Path) -> str:
    try:
        return sys.stdin.read() if path == _STDIN else path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        raise _unreadable(path, error) from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A file that can be read twice: standard input is put into one for that."""
    if path == _STDIN:
        with tempfile.TemporaryFile() as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
            yield cast(BinaryIO, file)
        return
    try:
        opened = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error
    with opened:
        yield opened


def _unreadable(path: Path, error: Exception) -> InvalidError:
    return InvalidError(f"{path} cannot be read: {error}.", code="file_unreadable")


def _format(given: str | None, path: Path) -> Format:
    """The format that is asked for, else that of the file's name."""
    known: dict[str, Format] = {each: each for each in FORMATS}
    found = _ENDINGS.get(path.suffix.lower()) if given is None else known.get(given)
    if found is None:
        raise InvalidError(
            f"Say which format it is: --format {' or '.join(FORMATS)}.", code="format_unknown"
        )
    return found
