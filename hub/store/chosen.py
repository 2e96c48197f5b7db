"""Deliveries chosen by what they are: to be listed, replayed or cancelled.

A time stands in an id too, so that a part of the time is a part of the primary key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, Select, bindparam, func, literal, not_, or_, select, union_all

from hub.model.ids import first_id
from hub.model.time import US_PER_S
from hub.store.lookup import LAST
from hub.store.schema import deliveries
from hub.store.statement import inline, now_us, one_of, unsought
from hub.store.tx import Tx

WAITING = ("pending", "retrying")
NOT_DELIVERED = (*WAITING, "delivering", "dead")
_ID_SLACK_US = 60 * US_PER_S
"""An id is made by a process's own clock, and some time before its row is committed."""
_COLUMNS = ("destination", "event_id", "run_id", "reason")
_SHOWN = [column for column in deliveries.c if column.name != "body"]
_Place: TypeAlias = Literal["any", "held", "free"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which deliveries: with any of these statuses, or all of them; times in microseconds.

    They were made at ``since`` or later, and before ``until``.
    """

    statuses: tuple[str, ...] = ()
    destination: str | None = None
    event_id: str | None = None
    run_id: str | None = None
    since: int | None = None
    until: int | None = None
    reason: str | None = None
    ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Form:
    """What a statement is made for: the choices of one form differ in their values alone."""

    statuses: tuple[str, ...]
    columns: tuple[str, ...]
    timed: bool
    named: bool
    """By their ids."""


def _form(chosen: Chosen) -> _Form:
    columns = tuple(name for name in _COLUMNS if getattr(chosen, name) is not None)
    timed = chosen.since is not None or chosen.until is not None
    return _Form(chosen.statuses, columns, timed, chosen.ids is not None)


def _params(chosen: Chosen, before: str = LAST) -> dict[str, Any]:
    since, until = chosen.since or 0, chosen.until
    end = LAST if until is None else first_id("dlv", until + _ID_SLACK_US)
    params: dict[str, Any] = {"first_id": first_id("dlv", since - _ID_SLACK_US)}
    params["before"] = min(end, before)
    if _form(chosen).timed:
        params |= {"since": since, "until": 2**62 if until is None else until}
    if chosen.ids is not None:
        params["ids"] = list(chosen.ids)
    return params | {
        f"of_{name}": getattr(chosen, name)
        for name in _COLUMNS
        if getattr(chosen, name) is not None
    }


def _conditions(form: _Form, place: _Place = "any") -> list[ColumnElement[bool]]:
    """What holds for them; of those that wait, for the held or the free ones alone."""
    key: Any = deliveries.c.id if place == "any" else unsought(deliveries.c.id)
    found: list[ColumnElement[bool]] = [key >= bindparam("first_id"), key < bindparam("before")]
    if len(form.statuses) == 1:
        found.append(deliveries.c.status == inline(form.statuses[0]))
    elif form.statuses:
        found.append(deliveries.c.status.in_([inline(each) for each in form.statuses]))
    if place != "any":
        found.append(deliveries.c.held if place == "held" else not_(deliveries.c.held))
    for name in form.columns:
        column: Any = deliveries.c[name]
        if name == "destination" and (place == "held" or form.statuses == ("dead",)):
            column = unsought(column)
        found.append(column == bindparam(f"of_{name}"))
    if form.timed:
        made = deliveries.c.created_at
        found += [made >= bindparam("since"), made < bindparam("until")]
    if form.named:
        found.append(one_of(deliveries.c.id, "ids"))
    return found


@lru_cache(64)
def _listed(form: _Form, held: bool) -> Select[Any]:
    conditions = _conditions(form)
    if held:
        conditions.append(or_(deliveries.c.held, one_of(deliveries.c.destination, "held_by")))
    return (
        select(*_SHOWN).where(*conditions).order_by(deliveries.c.id.desc()).limit(bindparam("most"))
    )


def deliveries_page(
    tx: Tx,
    chosen: Chosen,
    *,
    most: int,
    before: str = LAST,
    held_by: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Their rows without bodies, the newest first, those before an id.

    With ``held_by`` those that wait for these destinations, or for one before them.
    """
    params = _params(chosen, before) | {"most": most}
    if held_by is not None:
        params["held_by"] = list(held_by)
    rows = tx.rows(_listed(_form(chosen), held_by is not None), params)
    return [{column.name: value for column, value in zip(_SHOWN, row, strict=True)} for row in rows]


@dataclass(frozen=True, slots=True)
class One:
    """One of those that are found; ``created_at`` in microseconds."""

    id: str
    destination: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Found:
    """Those that are chosen, the oldest first; ``left`` are as many more, which came later."""

    each: tuple[One, ...]
    left: int
    now_us: int
    """By the database's clock."""


@lru_cache(64)
def _found(form: _Form) -> tuple[Select[Any], Select[Any]]:
    """The rows, and their number.

    Of a destination those that are held and those that are not have an index of their own each.
    """
    columns = (deliveries.c.id, deliveries.c.destination, deliveries.c.created_at)
    places: tuple[_Place, ...] = ("free", "held") if _is_split(form) else ("any",)
    parts = [select(*columns).where(*_conditions(form, place)) for place in places]
    whole = (union_all(*parts) if len(parts) > 1 else parts[0]).subquery("chosen")
    key: Any = unsought(whole.c.id) if len(parts) > 1 else whole.c.id
    rows = select(whole).order_by(key).limit(bindparam("most"))
    return rows, select(func.count(literal(1))).select_from(whole)


def _is_split(form: _Form) -> bool:
    return form.statuses == WAITING and form.columns == ("destination",)


_NOW = select(now_us())


def find_chosen(tx: Tx, chosen: Chosen, most: int) -> Found:
    """Find ``most`` of them, and how many there are beyond."""
    rows, count = _found(_form(chosen))
    params = _params(chosen)
    each = tuple(One(*row) for row in tx.rows(rows, {**params, "most": most}))
    there = len(each) if len(each) < most else tx.rows(count, params)[0][0]
    return Found(each, there - len(each), tx.rows(_NOW)[0][0])


@dataclass(frozen=True, slots=True)
class Group:
    """Those with one destination and one reason; times in microseconds."""

    destination: str
    reason: str | None
    count: int
    oldest: int
    newest: int


@lru_cache(64)
def _grouped(form: _Form) -> Select[Any]:
    """The newest ones by destination and reason, the largest groups first."""
    columns = (deliveries.c.destination, deliveries.c.reason, deliveries.c.created_at)
    newest = (
        select(*columns)
        .where(*_conditions(form))
        .order_by(deliveries.c.id.desc())
        .limit(bindparam("most"))
        .subquery("newest")
    )
    count, made = func.count(literal(1)), newest.c.created_at
    names = (newest.c.destination, newest.c.reason)
    return (
        select(*names, count, func.min(made), func.max(made))
        .group_by(*names)
        .order_by(count.desc(), *names)
    )


def grouped(tx: Tx, chosen: Chosen, most: int) -> list[Group]:
    """The newest ones, at most so many, counted by destination and reason."""
    params = _params(chosen) | {"most": most}
    return [Group(*row) for row in tx.rows(_grouped(_form(chosen)), params)]
