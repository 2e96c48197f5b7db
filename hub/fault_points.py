"""Named points at which a test kills this process: wherever a crash could lose or double work.

``HUB_FAULT_POINT=run.claimed:3`` kills it at the third passing of that point. Unset, which it is
outside of tests, a point costs a look at one name.
"""

import os
import re
import signal
from typing import Final

from hub.errors import SettingsError

DATA_SETS: Final = (
    "download.kept",
    "download.complete",
    "dataset.kept",
    "chunk.worked",
    "chunk.marked",
    "analysis.kept",
    "report.begun",
    "report.kept",
)
"""Those that a run passes that works on a data set."""
ERRANDS: Final = ("errand.claimed", "errand.done")
"""Those that a request with an ``Idempotency-Key`` passes."""
POINTS: Final = (
    "event.recorded",
    "endpoint.begun",
    "endpoint.answered",
    "run.claimed",
    "segment.ready",
    "segment.committed",
    "transaction.open",
    "transaction.committed",
    "request.ready",
    "request.answered",
    "event.matched",
    "messages.ready",
    "messages.published",
    "delivery.claimed",
    "delivery.ready",
    "delivery.answered",
    "delivery.settled",
    "file.written",
    "alerts.ready",
    "alerts.told",
    *DATA_SETS,
    *ERRANDS,
)
_SETTING = re.compile(r"([a-z.]+):([1-9][0-9]{0,5})")
_armed: tuple[str, int] | None = None
_passed = 0


def arm(setting: str | None) -> None:
    """Have the process killed at ``point:n``; None for never.

    Raises:
        SettingsError: there is no such point.
    """
    global _armed, _passed
    _armed, _passed = None, 0
    if setting is None:
        return
    found = _SETTING.fullmatch(setting)
    if found is None or found[1] not in POINTS:
        raise SettingsError(
            f"{setting!r} is no fault point: HUB_FAULT_POINT is one of {', '.join(POINTS)}, "
            "a colon, and which passing of it kills the process. Unset it outside of tests."
        )
    _armed = (found[1], int(found[2]))


def at(point: str) -> None:
    """Die here if the process is told to: as by a power cut, with nothing done any more."""
    if _armed is not None and _armed[0] == point:
        _die_at(_armed[1])


def _die_at(which: int) -> None:
    global _passed
    _passed += 1
    if _passed == which:
        os.kill(os.getpid(), signal.SIGKILL)
