"""Telling: what a change of a record tells whoever listens to its table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hub.model.channel import TABLES
from hub.model.filter import EVERYTHING, Filter, matches, parse_filter
from hub.model.ids import new_id
from hub.model.json import Json, dumps_text
from hub.model.message import MAX_DATA_BYTES
from hub.model.record import Record
from hub.model.segment import Publication
from hub.model.table import Live, TableSpec


@dataclass(frozen=True, slots=True)
class Telling:
    """Of a table: which of its records are told of, and which of their fields."""

    table: str
    filter: Filter = EVERYTHING
    fields: frozenset[str] | None = None
    """None: all of them."""

    def of(self, before: Record | None, after: Record | None) -> Publication | None:
        """The message about a change; None where nobody is to know.

        ``before`` is None for a new record, ``after`` for one that is gone. To whoever listens a
        record is there while the filter means it: one that comes to match is ``record.added``,
        one that does no longer is ``record.removed``.
        """
        was, is_now = self._means(before), self._means(after)
        if after is not None and is_now:
            if before is not None and was:
                changed = self._told(changed_fields(before.doc, after.doc))
                return self._message("record.edited", after, changed=changed)
            return self._message("record.added", after)
        return self._message("record.removed", before) if before is not None and was else None

    def _means(self, record: Record | None) -> bool:
        return record is not None and (
            self.filter is EVERYTHING or matches(self.filter, record.as_fields())
        )

    def _told(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self.fields is None or name in self.fields]

    def _message(self, event: str, record: Record, **more: Json) -> Publication:
        told: dict[str, Json] = {"table": self.table, "id": record.id, "record": None}
        if event == "record.removed":
            return self._publication(event, dumps_text(told))
        shown = record.as_shown()
        shown["fields"] = {name: record.doc[name] for name in self._told(record.doc)}
        text = dumps_text(told | {"record": shown} | more)
        if len(text.encode()) > MAX_DATA_BYTES:
            text = dumps_text(told | {"truncated": True})
        return self._publication(event, text)

    def _publication(self, event: str, data: str) -> Publication:
        return Publication(new_id("msg"), f"{TABLES}{self.table}", event, data)


def changed_fields(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of the fields that are not as they were; what is missing is null."""
    return [name for name in {**before, **after} if not _same(before.get(name), after.get(name))]


def _same(one: Json, other: Json) -> bool:
    return type(one) is type(other) and bool(one == other)


def telling_of(table: str, spec: TableSpec) -> Telling | None:
    """What a table's declaration says of telling; None where nothing is told."""
    if spec.live is False:
        return None
    live = Live() if spec.live is True else spec.live
    found = spec.settle_filter(parse_filter(live.filter)) if live.filter else EVERYTHING
    return Telling(table, found, None if live.fields is None else frozenset(live.fields))


def tellings(specs: Iterable[tuple[str, TableSpec]]) -> dict[str, Telling]:
    """Those of the tables, by name, of whose records something is told."""
    found = ((table, telling_of(table, spec)) for table, spec in specs)
    return {table: each for table, each in found if each is not None}
