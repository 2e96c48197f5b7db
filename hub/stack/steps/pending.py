"""Records as the open segment leaves them, and whether others stand in their way."""

from collections.abc import Sequence

from hub.model.filter import Compare
from hub.model.query import Query
from hub.model.record import Record
from hub.model.table import TableSpec
from hub.model.unique import not_unique, rivals
from hub.stack.turn import Turn


async def look_for_rivals(turn: Turn, spec: TableSpec, records: Sequence[Record]) -> None:
    """Refuse what has the unique value of another record, in the open segment or behind it.

    Two runs that do it at once meet at the index of the column: the later one looks again.

    Raises:
        ConflictError: ``not_unique``.
    """
    if not spec.unique or not records:
        return
    await turn.course.settle()
    freed = [await _is_freed(turn, column, records) for column in spec.unique]
    if any(freed):
        await turn.commit()  # so that the index knows it, which looks at one row after the other
    # nobody waits from here until the records are put in: two branches at once see each other
    ids = {record.id for record in records}
    open_ones = [e for e in turn.effects.of_table(records[0].table) if e.id not in ids]
    for _ in rivals(spec, [*open_ones, *records]):
        pass


async def _is_freed(turn: Turn, column: str, records: Sequence[Record]) -> bool:
    """Whether a value of the records was another one's, until the open segment took it away.

    Raises:
        ConflictError: ``not_unique``: it is that one's still.
    """
    wanted = {each.doc[column] for each in records if each.doc.get(column) is not None}
    if not wanted:
        return False
    ids = {record.id for record in records}
    query = Query(records[0].table, Compare(column, "$in", list(wanted)))
    others = [each for each in await turn.world.find_records(query) if each.id not in ids]
    for found in others:
        current = _pending(turn, found)
        if current and current.doc.get(column) in wanted:
            raise not_unique(column, found.id)
    return bool(others)


def _pending(turn: Turn, found: Record) -> Record | None:
    """A record that was read, as the open segment leaves it."""
    if (found.table, found.id) in turn.effects.removed:
        return None
    return turn.effects.pending(found.table, found.id) or found


async def current_record(turn: Turn, table: str, record_id: int) -> Record | None:
    """A record as the open segment leaves it, else as it is committed."""
    pending = turn.effects.pending(table, record_id)
    if pending is not None:
        return pending
    await turn.course.settle()
    found = await turn.world.get_record(table, record_id)
    return found and _pending(turn, found)  # another branch may have been quicker
