"""Supervision: no background task of a process dies in silence.

One that ends or fails is started again with a growing pause, logged and counted, and ``/readyz``
names it until it has been well for a while.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

_log = structlog.get_logger("hub.supervisor")
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_WELL_AFTER_S = 2.0


@dataclass(slots=True)
class Health:
    """How a supervised task is: ``trouble`` is None while it is well."""

    restarts: int = 0
    trouble: str | None = None


class Supervisor:
    """Runs coroutines for ever, each by itself."""

    def __init__(self) -> None:
        self.health: dict[str, Health] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` until :meth:`stop`; it is meant never to end by itself."""
        self.health[name] = Health()
        self._tasks.append(asyncio.create_task(self._keep(name, work), name=name))

    def troubles(self) -> dict[str, str]:
        """What is not well, by name."""
        return {name: health.trouble for name, health in self.health.items() if health.trouble}

    async def stop(self) -> None:
        """Cancel them, the newest first, and wait for their end."""
        for task in reversed(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        health = self.health[name]
        loop = asyncio.get_running_loop()
        pause_s = _FIRST_PAUSE_S
        while True:
            started = loop.time()
            well = loop.call_later(_WELL_AFTER_S, setattr, health, "trouble", None)
            failure: BaseException | None = None
            try:
                await work()
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the task goes on
                failure = error
            finally:
                well.cancel()
            if _is_to_stop():
                raise asyncio.CancelledError
            health.restarts += 1
            health.trouble = _said(failure)
            _log.warning("task.restarted", task=name, error=health.trouble, exc_info=failure)
            if loop.time() - started > 10 * _LONGEST_PAUSE_S:
                pause_s = _FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _is_to_stop() -> bool:
    """Whether this task itself is cancelled, rather than something that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _said(failure: BaseException | None) -> str:
    return "It ended." if failure is None else str(failure) or type(failure).__name__
