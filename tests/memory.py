"""Tables in memory: what queries, changes and measures mean, apart from any database."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from hub.errors import HubError
from hub.model.change import Change, Outcome
from hub.model.filter import kind_of, matches, value_at
from hub.model.json import Json, dumps_text
from hub.model.query import Aggregate, Place, Query, Sort, key_of
from hub.model.record import Record, check_text
from hub.model.unique import not_unique, rivals

Records = dict[tuple[str, int], Record]


def in_order(records: Sequence[Record], sorts: Sequence[Sort]) -> list[Record]:
    """Records sorted: each field's kinds keep their order, whatever the direction."""
    found = sorted(records, key=lambda record: record.id)
    for sort in reversed(sorts):
        found.sort(
            key=lambda each: key_of(sort, each.as_fields()), reverse=sort.direction == "desc"
        )
        found.sort(key=lambda each: key_of(sort, each.as_fields())[0])
    return found


def is_behind(fields: Mapping[str, Json], place: Place, sorts: Sequence[Sort]) -> bool:
    """Whether a record comes after a place."""
    for sort, before in zip(sorts, place.keys, strict=True):
        key = key_of(sort, fields)
        if key[0] != before[0]:
            return key[0] > before[0]
        if key != before:
            return key > before if sort.direction == "asc" else key < before
    return bool(fields["id"] > place.id)


def find(records: Records, query: Query) -> list[Record]:
    """The records that a query means."""
    found = [
        record
        for record in records.values()
        if record.table == query.table and matches(query.filter, record.as_fields())
    ]
    if query.after is not None:
        found = [each for each in found if is_behind(each.as_fields(), query.after, query.sort)]
    found = in_order(found, query.sort)
    end = None if query.limit is None else query.offset + query.limit
    return found[query.offset : end]


def change(records: Records, wanted: Change, new_id: int) -> Outcome:
    """What a change does."""
    try:
        return _changed(records, wanted, new_id)
    except HubError as error:
        return Outcome(error=error)


def _changed(records: Records, wanted: Change, new_id: int) -> Outcome:
    found = find(records, wanted.query)
    if wanted.removes:
        for record in found:
            del records[record.table, record.id]
        return Outcome(found)
    after = [wanted.apply(record) for record in found]
    is_new = not found and wanted.adds is not None
    if is_new:
        doc = wanted.spec.complete(wanted.adds or {})
        wanted.spec.check(doc)
        after = [Record(wanted.query.table, new_id, doc, wanted.at, wanted.at, rev=0)]
    for record in after:
        check_text(record.doc)
    for column, query in rivals(wanted.spec, after):
        if find(records, query):
            raise not_unique(column)
    for record in after:
        rev = record.rev + 1
        records[record.table, record.id] = Record(
            record.table, record.id, record.doc, record.created_at, record.updated_at, rev
        )
    return Outcome(after, added=is_new)


def aggregate(records: Records, wanted: Aggregate) -> list[dict[str, Json]]:
    """The measures of each group."""
    groups: dict[tuple[str, ...], list[dict[str, Json]]] = {} if wanted.group_by else {(): []}
    for record in find(records, Query(wanted.table, wanted.filter)):
        fields = record.as_fields()
        key = tuple(dumps_text(value_at(fields, path)) for path in wanted.group_by)
        groups.setdefault(key, []).append(fields)
    rows = []
    for members in groups.values():
        row = {path: value_at(members[0], path) for path in wanted.group_by}
        row |= {name: measure(word, path, members) for name, word, path in wanted.measures}
        rows.append(row)
    return rows


def measure(word: str, path: str, members: list[dict[str, Json]]) -> Json:
    """One measure of one group."""
    values = [value for each in members if (value := value_at(each, path)) is not None]
    if word == "count":
        return len(values) if path else len(members)
    if word == "count_unique":
        return len({dumps_text(value) for value in values})
    numbers: list[Any] = [value for value in values if kind_of(value) == "number"]
    if word in ("sum", "avg"):
        total = sum((Fraction(str(value)) for value in numbers), Fraction(0))
        return _plain(total if word == "sum" else total / max(1, len(numbers)))
    pick = min if word == "min" else max
    texts = [value for value in values if isinstance(value, str)]
    return pick(numbers, default=None) if numbers else pick(texts, default=None)


def _plain(number: Fraction) -> Json:
    is_whole = number.denominator == 1 and abs(number) < 2**63
    return int(number) if is_whole else float(f"{float(number):.15g}")
