"""Whether destinations take anything now, as the hub or a person sees fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, update

from hub.model.destination import DestinationState
from hub.model.json import dumps_text, loads
from hub.store.ledger import Write
from hub.store.lookup import one
from hub.store.objects import move_on, see_object
from hub.store.schema import objects
from hub.store.statement import now_us
from hub.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Disable:
    """Leave a destination alone, if its URL is still this one."""

    slug: str
    url: str
    reason: str


_KIND = "destination"
_CHANGE = (
    update(objects)
    .where(objects.c.kind == bindparam("of_kind"), objects.c.slug == bindparam("of_slug"))
    .values(body=bindparam("with_body"), updated_at=now_us())
)


def _disable(tx: Tx, asked: Sequence[Disable]) -> list[bool]:
    done = [_disable_one(tx, each) for each in asked]
    if any(done):
        move_on(tx)
    return done


def _disable_one(tx: Tx, asked: Disable) -> bool:
    row = one(tx, objects, kind=_KIND, slug=asked.slug)
    body = loads(row["body"]) if row is not None else {}
    active = DestinationState.ACTIVE.value
    if body.get("url") != asked.url or body.get("state", active) != active:
        return False
    _put(tx, asked.slug, body, DestinationState.DISABLED, asked.reason)
    return True


@dataclass(frozen=True, slots=True)
class SetState:
    """Pause a destination, or let it go on; whoever has set it, a file too."""

    slug: str
    state: DestinationState
    reason: str | None


def _set_states(tx: Tx, asked: Sequence[SetState]) -> list[None]:
    for each in asked:
        row = one(tx, objects, kind=_KIND, slug=each.slug)
        if row is not None:
            body = loads(row["body"])
            _put(tx, each.slug, body, each.state, each.reason)
    move_on(tx)
    return [None] * len(asked)


SET_STATE: Write[SetState, None] = Write(
    "set_destination_state",
    69,
    _set_states,
    seen=lambda tx, asked: see_object(tx, _KIND, asked.slug),
)


def _put(
    tx: Tx, slug: str, body: dict[str, Any], state: DestinationState, reason: str | None
) -> None:
    body |= {"state": state.value, "state_reason": reason and reason[:1000]}
    tx.run(_CHANGE, {"of_kind": _KIND, "of_slug": slug, "with_body": dumps_text(body)})


DISABLE: Write[Disable, bool] = Write("disable_destination", 79, _disable)
"""True if it was active until now: who is told that is the one who tells of it."""
