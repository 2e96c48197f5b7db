"""Publishing: messages leave after their segment's commit, in order, each under its own id."""

import asyncio
import time
from contextlib import suppress

import structlog

from hub import fault_points
from hub.channels import Channels
from hub.errors import HubError, InvalidError, StoreError, TooLargeError
from hub.model.message import Message
from hub.model.segment import Publication
from hub.model.time import now_us
from hub.store.ledger import Ledger
from hub.store.outbox import PUBLISHED, overdue

_BATCH = 200
_MOST_WAITING = 20_000
_LOOK_EVERY_S = 1.0
_PUBLISH_S = 5.0
_OVERDUE_US = 3_000_000
_log = structlog.get_logger("hub.publish")


class Publisher:
    """Takes what is committed, publishes it, then forgets it.

    What a crash or an outage of Redis left behind is found in the ledger and published then; the
    message's id keeps it single.
    """

    def __init__(self, ledger: Ledger, channels: Channels) -> None:
        self._ledger = ledger
        self._channels = channels
        self._waiting: list[Publication] = []
        self._wake = asyncio.Event()
        self._look_at = 0.0

    def publish(self, publications: list[Publication]) -> None:
        """Take committed messages; returns at once.

        Those that it has no room for stand in the ledger, and are overdue soon.
        """
        self._waiting.extend(publications[: max(0, _MOST_WAITING - len(self._waiting))])
        self._wake.set()

    async def run(self) -> None:
        """Publish for ever; the supervisor runs it."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._wake.wait()
            self._wake.clear()
            if time.monotonic() >= self._look_at:
                await self._look()
            while self._waiting:
                await self._publish_some()

    async def _look(self) -> None:
        """Put what was left behind in front, however busy it is; a full batch is not all."""
        left = await self._ledger.read(overdue, age_us=_OVERDUE_US, most=_BATCH)
        known = {each.id for each in self._waiting}
        self._waiting[:0] = [each for each in left if each.id not in known]
        if len(left) == _BATCH:
            self._wake.set()
        else:
            self._look_at = time.monotonic() + _LOOK_EVERY_S

    async def _publish_some(self) -> None:
        some, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
        await self._publish_all(some)

    async def _publish_all(self, some: list[Publication]) -> None:
        fault_points.at("messages.ready")
        try:
            async with asyncio.timeout(_PUBLISH_S):
                await self._channels.publish([_message(each) for each in some])
        except (InvalidError, TooLargeError) as error:
            await self._drop_unfit(some, error)
            return
        except (StoreError, TimeoutError) as error:
            self._waiting.clear()  # they stand in the ledger, and are overdue soon
            _log.warning("messages.delayed", count=len(some), error=str(error))
            await asyncio.sleep(_LOOK_EVERY_S)
            return
        fault_points.at("messages.published")
        await asyncio.gather(*(self._ledger.write(PUBLISHED, each.id) for each in some))

    async def _drop_unfit(self, some: list[Publication], error: HubError) -> None:
        """One of these can never be published: it goes, with a word, and the others leave."""
        if len(some) == 1:
            _log.error("message.dropped", message=some[0].id, error=error.message)
            await self._ledger.write(PUBLISHED, some[0].id)
            return
        middle = len(some) // 2
        for half in (some[:middle], some[middle:]):
            await self._publish_all(half)


def _message(publication: Publication) -> Message:
    return Message(
        id=publication.id,
        channel=publication.channel,
        event=publication.event,
        data=publication.data,
        ts=now_us(),
    )
