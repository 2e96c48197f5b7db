"""Doubts: what a stack may well say, and its author hardly meant.

Each has a word that names it (``code``), a place, and a hint. They are warnings: the stack is
loaded all the same.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from hub.expr import Compiled, DictContext, text_of
from hub.stack.places import Place
from hub.stack.problem import Problem
from hub.stack.step import Step
from hub.stack.steps.control import Conditional, Stop, Switch, ThrowError
from hub.stack.steps.loops import ForEachLoop, WhileLoop
from hub.stack.steps.records import EditRecord, GetRecord, QueryAllRecords
from hub.stack.steps.tasks import BackgroundTask
from hub.stack.task import Task

Placed: TypeAlias = tuple[Step, dict[str, Any], str]
Doubt: TypeAlias = tuple[str, str, str]
"""Where, what, and what to do instead."""
_NOTHING = DictContext()
_FEW_MS = 100


def doubts_of(place: Place, steps: Sequence[Placed], task: Task) -> Iterator[Problem]:
    """Everything doubtful about a task."""
    for code, look in _LOOKS.items():
        for pointer, message, hint in look(steps, task):
            line, column = place.position_of(pointer)
            yield Problem("warning", message, hint, line, column, pointer, code)


def _constant(steps: Sequence[Placed], task: Task) -> Iterator[Doubt]:
    for step, _, at in steps:
        fields = [("if", step.if_)]
        if isinstance(step, (Conditional, WhileLoop)):
            fields.append(("condition", step.condition))
        for name, value in fields:
            if value is not None and value.is_literal and isinstance(literal(value), str):
                yield (
                    f"{at}/{name}",
                    f"{name!r} is a plain text, which always counts as true.",
                    f'Put it in double braces: "{{{{{str(literal(value))[:40]}}}}}".',
                )


def _seconds_as_ms(steps: Sequence[Placed], task: Task) -> Iterator[Doubt]:
    for step, _, at in steps:
        value = literal(step.timeout)
        if isinstance(value, (int, float)) and 0 < value < _FEW_MS:
            yield (
                f"{at}/timeout",
                f"'timeout' is in milliseconds: {value:g} ms is hardly time for anything.",
                "For seconds write timeout_s.",
            )


def _no_case(steps: Sequence[Placed], task: Task) -> Iterator[Doubt]:
    for step, _, at in steps:
        if isinstance(step, Switch) and step.default is None:
            yield (
                at,
                "A value that no case names is passed over in silence: there is no default.",
                "Add a default, if only with a log step.",
            )


def _unreachable(steps: Sequence[Placed], task: Task) -> Iterator[Doubt]:
    ends = {
        at for step, _, at in steps if isinstance(step, (Stop, ThrowError)) and step.if_ is None
    }
    for _, _, at in steps:
        stack, _, place = at.rpartition("/")
        if place.isdigit() and f"{stack}/{int(place) - 1}" in ends:
            yield at, "This step is never reached: the one before it ends the task.", "Remove it."


def _read_then_mark(steps: Sequence[Placed], task: Task) -> Iterator[Doubt]:
    """Rows are read by a filter, acted on, then marked: two runs at once do it twice."""
    if task.concurrency_key is not None:
        return
    for step, _, at in steps:
        if not isinstance(step, QueryAllRecords) or step.filter is None:
            continue
        table = literal(step.table)
        if any(_marks(other, table) for other, _, _ in steps):
            yield (
                at,
                f"Rows of {text_of(table)!r} are read here and marked later: two runs do it twice.",
                "Take them with claim_records, or give the task a concurrency_key.",
            )


def _marks(step: Step, table: Any) -> bool:
    return (
        isinstance(step, EditRecord)
        and literal(step.table) == table
        and any("loop_item" in each.names for each in _meant(step))
    )


def _meant(step: EditRecord) -> tuple[Compiled, ...]:
    """The expressions by which a record is meant."""
    own = () if step.record_id is None else (step.record_id,)
    return own if step.where is None else (*own, *step.where.parts)


def _lost_update(steps: Sequence[Placed], task: Task) -> Iterator[Doubt]:
    """A number that was read is counted up and written: what others add meanwhile is lost."""
    if task.concurrency_key is not None:
        return
    for step, raw, at in steps:
        table = literal(step.table) if isinstance(step, EditRecord) else None
        data = raw.get("data")
        if not isinstance(table, str) or not isinstance(data, dict):
            continue
        names = {table, *(each.as_ for each, _, _ in steps if _reads(each, table) and each.as_)}
        for field, value in data.items():
            if isinstance(value, str) and _counts_up(value, names, field):
                yield (
                    f"{at}/data/{field}",
                    f"{field!r} was read before it is written here: two runs at once count one.",
                    f"Let the ledger count: {{{field}: {{$inc: 1}}}}.",
                )


def _reads(step: Step, table: str) -> bool:
    return isinstance(step, (GetRecord, QueryAllRecords)) and literal(step.table) == table


def _counts_up(text: str, names: set[str], field: str) -> bool:
    words = "|".join(map(re.escape, sorted(names)))
    return re.search(rf"(?<![\w.])(?:{words})\.{re.escape(field)}\s*[-+]", text) is not None


def _offset_paging(steps: Sequence[Placed], task: Task) -> Iterator[Doubt]:
    for step, _, at in steps:
        if (
            isinstance(step, QueryAllRecords)
            and step.offset is not None
            and step.filter is not None
        ):
            yield (
                f"{at}/offset",
                "Pages by offset over a filter skip rows as soon as rows leave the filter.",
                "Page by 'after', with the last record of the page before.",
            )


def _endless_chain(steps: Sequence[Placed], task: Task) -> Iterator[Doubt]:
    """The task starts itself, whatever happened."""
    for step, _, at in steps:
        if not isinstance(step, BackgroundTask) or step.if_ is not None:
            continue
        named = literal(step.task)
        if named in (task.name, task.full_name) and _is_plain(at):
            yield (
                at,
                "The task starts itself again at its end, under no condition: it never ends.",
                "Put the step into a conditional, or make it a scheduled task.",
            )


def _is_plain(pointer: str) -> bool:
    """Whether a step stands in the task's own stack, and in none inside that."""
    return sum(part.isdigit() for part in pointer.split("/")) == 1


def _endless_loop(steps: Sequence[Placed], task: Task) -> Iterator[Doubt]:
    for step, _, at in steps:
        if isinstance(step, WhileLoop) and not step.condition.names and not _leaves(step):
            yield (
                f"{at}/condition",
                "The condition reads nothing that could change, and nothing leaves the loop.",
                "Read a variable that the loop changes, or add a break.",
            )


def _leaves(step: Step) -> bool:
    return any(
        part.function in ("break", "stop", "throw_error") or _leaves(part)
        for part in step.parts()
        if isinstance(part, Step)
    )


def _blank_around(steps: Sequence[Placed], task: Task) -> Iterator[Doubt]:
    """``" {{x}} "`` is a text; a list or a number was probably meant."""
    for step, raw, at in steps:
        name = "array" if isinstance(step, ForEachLoop) else None
        text = raw.get(name) if name else None
        if isinstance(text, str) and text != text.strip() and "{{" in text:
            yield (
                f"{at}/{name}",
                "The blanks around the expression make its value a text.",
                "Leave them out.",
            )


def literal(value: Compiled | None) -> Any:
    """What is written, where no expression makes it; else None."""
    return value.evaluate(_NOTHING) if value is not None and value.is_literal else None


_LOOKS: dict[str, Callable[[Sequence[Placed], Task], Iterator[Doubt]]] = {
    "blank-around": _blank_around,
    "constant-condition": _constant,
    "endless-chain": _endless_chain,
    "endless-loop": _endless_loop,
    "lost-update": _lost_update,
    "no-default": _no_case,
    "offset-paging": _offset_paging,
    "read-then-mark": _read_then_mark,
    "seconds-as-ms": _seconds_as_ms,
    "unreachable": _unreachable,
}
DOUBTS = tuple(_LOOKS)
"""Every doubt that there is."""
