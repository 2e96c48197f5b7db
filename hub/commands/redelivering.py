"""``hub replay`` of deliveries, straight from the ledger."""

import sys
from dataclasses import dataclass

from hub.bootstrap import current_ledger
from hub.deliver.again import (
    MAX_RATE_PER_S,
    MIN_RATE_PER_S,
    RATE_PER_S,
    delivery_row,
    find,
    plan_of,
    replay_found,
    replay_one,
    takes_s,
    under_way,
)
from hub.errors import InvalidError
from hub.model.delivery import ENDED
from hub.model.json import Json, dumps_text
from hub.settings import Settings
from hub.store.chosen import Chosen
from hub.store.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be replayed, as it was typed."""

    target: str | None = None
    task: str | None = None
    dead: bool = False
    destination: str | None = None
    rate: float | None = None

    @property
    def is_of_deliveries(self) -> bool:
        """Whether deliveries are meant, and not an event or a run."""
        return self.dead or self._narrows or (self.target or "").startswith("dlv_")

    def check(self) -> None:
        """Find what does not go together.

        Raises:
            InvalidError: ``options_invalid``.
        """
        if self.dead == (self.target is not None):
            raise _refused("Give either an id, or --dead for all dead letters.")
        if self.task is not None:
            raise _refused("--task is for events: a delivery has none.")
        if self._narrows and not self.dead:
            raise _refused("--destination and --rate go with --dead.")
        if self.rate is not None and not MIN_RATE_PER_S <= self.rate <= MAX_RATE_PER_S:
            raise _refused(f"--rate is a number from {MIN_RATE_PER_S:g} to {MAX_RATE_PER_S:,.0f}.")

    @property
    def _narrows(self) -> bool:
        return self.destination is not None or self.rate is not None


async def replay_deliveries(
    settings: Settings, asked: Asked, *, dry_run: bool, as_json: bool
) -> None:
    """Send a delivery again, or all dead letters, and print what was begun; or what would be.

    A hub that is running takes them up within a second.

    Raises:
        InvalidError: ``options_invalid``.
        NotFoundError: ``delivery_unknown``.
        ConflictError: ``delivery_under_way``.
    """
    asked.check()
    async with current_ledger(settings) as ledger:
        if asked.target is not None:
            told = await _one(ledger, asked.target, dry_run=dry_run)
            text = f"{told['id']} {told['destination']}: {told['status']}\n" if dry_run else None
            text = text or f"{told['id']}\n"
        else:
            told = await _dead(ledger, asked, dry_run=dry_run)
            text = _planned(told) if dry_run else _done(told)
    sys.stdout.write(dumps_text(told) + "\n" if as_json else text)


async def _one(ledger: Ledger, delivery_id: str, *, dry_run: bool) -> dict[str, Json]:
    if not dry_run:
        await replay_one(ledger, delivery_id)
        return {"id": delivery_id}
    row = await delivery_row(ledger, delivery_id)
    if row["status"] not in ENDED:
        raise under_way(f"is {row['status']}: only one that has ended can be sent again.")
    return {"dry_run": True, **{name: row[name] for name in ("id", "destination", "status")}}


async def _dead(ledger: Ledger, asked: Asked, *, dry_run: bool) -> dict[str, Json]:
    rate = RATE_PER_S if asked.rate is None else asked.rate
    found = await find(ledger, Chosen(("dead",), destination=asked.destination))
    if dry_run:
        return {"dry_run": True, **plan_of(found), "takes_s": takes_s(len(found.each), rate)}
    done = await replay_found(ledger, found, "dead", rate)
    return {"count": done.count, "left": done.left, "takes_s": takes_s(done.count, rate)}


def _planned(told: dict[str, Json]) -> str:
    lines = [_counted(told["count"])]
    if told["count"]:
        lines[0] += f", from {told['oldest']} to {told['newest']}: {told['takes_s']:g} s"
        width = max(len(name) for name in told["by_destination"])
        lines += [f"  {name:<{width}}  {n:,}" for name, n in told["by_destination"].items()]
    return "\n".join(lines + _rest(told)) + "\n"


def _done(told: dict[str, Json]) -> str:
    said = f"{_counted(told['count'])} will have left in {told['takes_s']:g} s."
    return "\n".join([said if told["count"] else "There are no dead letters.", *_rest(told)]) + "\n"


def _counted(count: int) -> str:
    return "1 dead letter" if count == 1 else f"{count:,} dead letters"


def _rest(told: dict[str, Json]) -> list[str]:
    return [f"{told['left']:,} more are left: replay them afterwards."] if told["left"] else []


def _refused(said: str) -> InvalidError:
    return InvalidError(said, code="options_invalid")
