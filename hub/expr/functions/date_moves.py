"""Functions that move instants: hours and less exactly, days and longer by the calendar of a time
zone, so that the time of day stays where clocks are put on or back."""

from collections.abc import Callable
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from hub.expr.context import Context
from hub.expr.functions.parameters import Moment, Num, ZoneName
from hub.expr.functions.registry import function
from hub.expr.moments import iso_of
from hub.expr.zones import shift_days, shift_months, zone_of
from hub.model.time import US_PER_S

Shift: TypeAlias = Callable[[int, float, ZoneInfo], int]

_EXACT_US = {
    "milliseconds": 1_000,
    "seconds": US_PER_S,
    "minutes": 60 * US_PER_S,
    "hours": 3_600 * US_PER_S,
}
_CALENDAR: dict[str, tuple[Shift, int]] = {
    "days": (shift_days, 1),
    "weeks": (shift_days, 7),
    "months": (shift_months, 1),
    "years": (shift_months, 12),
}
_ALIASES = {
    "add_milliseconds": "add_ms_to_timestamp",
    "add_seconds": "add_secs_to_timestamp",
}
_SAMPLE_US = 1_767_225_600 * US_PER_S
"""2026-01-01, for the examples."""
_UTC = zone_of("UTC")
_FRACTION = "the amount may have a fraction."
_TIME_OF_DAY = "the time of day stays, whatever clocks are put on or back."
_LAST_DAY = "a day that the month lacks becomes its last."


def _register_exact(unit: str, unit_us: int) -> None:
    def later(moment: Moment, amount: Num) -> str | None:
        return None if moment is None else iso_of(moment + round(amount * unit_us))

    def earlier(moment: Moment, amount: Num) -> str | None:
        return None if moment is None else iso_of(moment - round(amount * unit_us))

    after, before = _SAMPLE_US + unit_us, _SAMPLE_US - unit_us
    _register(f"add_{unit}", later, f"So many {unit} later; {_FRACTION}", after)
    _register(f"subtract_{unit}", earlier, f"So many {unit} earlier; {_FRACTION}", before)


def _register_calendar(unit: str, shift: Shift, size: int) -> None:
    def later(context: Context, moment: Moment, amount: Num, zone: ZoneName = None) -> str | None:
        if moment is None:
            return None
        return iso_of(shift(moment, amount * size, zone_of(zone or context.zone)))

    def earlier(context: Context, moment: Moment, amount: Num, zone: ZoneName = None) -> str | None:
        return later(context, moment, -amount, zone)

    remark = _TIME_OF_DAY if shift is shift_days else _LAST_DAY
    after, before = shift(_SAMPLE_US, size, _UTC), shift(_SAMPLE_US, -size, _UTC)
    _register(f"add_{unit}", later, f"So many {unit} later; {remark}", after, zone=True)
    _register(f"subtract_{unit}", earlier, f"So many {unit} earlier; {remark}", before, zone=True)


def _register(
    name: str, call: Callable[..., Any], summary: str, sample_us: int, *, zone: bool = False
) -> None:
    example = f"{name}('2026-01-01T00:00:00Z', 1) → '{iso_of(sample_us)}'"
    call.__doc__ = f"{summary}\n\n{example}\n"
    names = [name, _ALIASES[name]] if name in _ALIASES else [name]
    function(*names, zone=zone, light=True)(call)


for _unit, _unit_us in _EXACT_US.items():
    _register_exact(_unit, _unit_us)
for _unit, (_shift, _size) in _CALENDAR.items():
    _register_calendar(_unit, _shift, _size)
