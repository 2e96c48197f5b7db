"""Waiting and trying again: a run that waits for long is parked, and holds no worker."""

import asyncio
import random
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from hub.model.time import US_PER_S
from hub.stack.ports import Parked
from hub.stack.turn import NOT_DONE, Turn

MAX_WAIT_S = 10 * 366 * 86_400
Seconds = Annotated[float, Field(ge=0, le=MAX_WAIT_S)]


class Retry(BaseModel):
    """Tries again, with growing pauses."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max: int = Field(3, ge=1, le=1000, description="How often it is tried again.")
    base_s: Seconds = Field(1, description="The first pause, in seconds.")
    factor: float = Field(2, ge=1, le=100, description="Each pause is so many times the last.")
    max_s: Seconds = Field(3600, description="No pause is longer, in seconds.")
    jitter: float = Field(0.1, ge=0, le=1, description="The part of a pause that chance decides.")

    def pause_us(self, n: int, seed: str) -> int:
        """The pause before try ``n`` (from 1): the same whenever it is asked with this seed."""
        # beyond a thousand doublings the power itself would overflow
        pause_s = self.base_s and min(self.max_s, self.base_s * self.factor ** min(n - 1, 150))
        chance = random.Random(seed).uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 - no secret
        return int(min(self.max_s, pause_s * chance) * US_PER_S)


async def pause(turn: Turn, path: str, delay_us: int, function: str = "pause") -> None:
    """Wait, and go on when the time is over: a short wait here, a longer one parked.

    It stands in the journal as ``function``.

    Raises:
        StepError: ``timeout``: the time around is over before that.
        Parked: the run goes on from its journal when it is due.
    """
    world = turn.world
    until: Any = turn.replayed(path)
    if until is NOT_DONE:
        until = world.now_us() + delay_us
        turn.check_deadline(until, path)
        turn.record(path, function, until)
    left_us = until - world.now_us()
    if left_us <= 0:
        return
    if left_us > world.short_wait_us:
        raise Parked(until)
    await turn.commit()
    await asyncio.sleep(left_us / US_PER_S)
