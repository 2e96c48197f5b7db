"""What holds waiting deliveries back: their destination, its breaker, or one before them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hub.bootstrap import Hub
from hub.errors import StoreError
from hub.model.delivery import HELD, DeliveryStatus
from hub.model.destination import Destination, DestinationState
from hub.model.json import Json
from hub.model.time import now_us, to_iso
from hub.outbound.gates import GateState

WAITING = (DeliveryStatus.PENDING, DeliveryStatus.RETRYING)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why it does not go, and until when if that is known."""

    reason: str
    until_us: int | None = None
    spares_whom_it_told: bool = False
    """What was itself told to wait says so by itself."""


@dataclass(frozen=True, slots=True)
class Holds:
    """What holds deliveries back now, by destination."""

    all_paused: bool
    of_destination: Mapping[str, Hold]

    def of(self, row: Mapping[str, Any]) -> Hold | None:
        """What holds a delivery back, if it waits and anything does."""
        if row["status"] not in WAITING:
            return None
        if self.all_paused:
            return Hold("Everything is paused: DELETE /v1/pause lets all go on.")
        if row["held"]:
            return Hold("One that came before it has the same key and goes first.")
        hold = self.of_destination.get(row["destination"])
        if hold is not None and hold.spares_whom_it_told and row["pressed_since"] is not None:
            return None
        return hold

    def shown(self, row: Mapping[str, Any]) -> dict[str, Json]:
        """``status``, ``reason`` and ``next_attempt_at`` of a delivery as people see it."""
        hold = self.of(row)
        waits = row["status"] in WAITING
        due: int | None = row["due_at"] if waits else None
        if hold is not None:
            due = None if hold.until_us is None else max(hold.until_us, row["due_at"])
        return {
            "status": row["status"] if hold is None else HELD,
            "next_attempt_at": due and to_iso(due),
            "reason": row["reason"] if hold is None else hold.reason,
        }


async def holds_of(hub: Hub, names: Sequence[str]) -> Holds:
    """What holds deliveries to these destinations back. Without Redis no breaker is known."""
    now = hub.catalog.now
    found: dict[str, Hold] = {}
    open_ones = sorted(set(names))
    with suppress(StoreError):
        states = await hub.gates.states(open_ones) if open_ones else []
        for name, state in zip(open_ones, states, strict=True):
            hold = _of_gate(state)
            if hold is not None:
                found[name] = hold
    for name in open_ones:
        destination = now.destinations.get(name)
        if destination is not None and not destination.takes:
            found[name] = Hold(_of_state(destination))
    return Holds(now.all_paused, found)


async def held_destinations(hub: Hub) -> list[str]:
    """Every destination whose deliveries are held back."""
    names = [slug for slug, each in hub.catalog.now.destinations.items() if not each.takes]
    with suppress(StoreError):
        names += await hub.gates.not_closed()
    return sorted(set(names))


def _of_state(destination: Destination) -> str:
    because = f": {destination.state_reason}" if destination.state_reason else "."
    if destination.state is DestinationState.PAUSED:
        return f"Its destination is paused{because}"
    return f"Its destination is disabled{because}"


def _of_gate(state: GateState) -> Hold | None:
    if state.state == "open":
        by_hand = " by hand" if state.by_hand else ""
        return Hold(f"The breaker of its destination is open{by_hand}.", state.next_probe_us)
    if state.state == "half_open":
        return Hold("The breaker of its destination waits for a probe.")
    if state.not_before_us is not None and state.not_before_us > now_us():
        said = "The other side has said that it has no room."
        return Hold(said, state.not_before_us, spares_whom_it_told=True)
    return None
