"""Functions on instants: microseconds inside, ISO 8601 UTC text outside; ``null`` stays null."""

import calendar
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hub.errors import ExpressionError
from hub.expr.context import Context
from hub.expr.functions.parameters import Moment, Num, Text, Whole
from hub.expr.functions.registry import function
from hub.expr.moments import iso_of
from hub.model.time import US_PER_S

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNITS_US = {
    "seconds": US_PER_S,
    "minutes": 60 * US_PER_S,
    "hours": 3_600 * US_PER_S,
    "days": 86_400 * US_PER_S,
    "weeks": 604_800 * US_PER_S,
}
_SAMPLE_US = 1_767_225_600 * US_PER_S
"""2026-01-01, for the examples."""
_MONTHS = 12
_MOST_MONTHS = 9_999 * _MONTHS


@function("now", clock=True, light=True)
def now(context: Context) -> str:
    """This instant; the same within one step.

    now() == now() → true
    """
    return iso_of(context.now_us())


@function("today", clock=True, light=True)
def today(context: Context, zone: Text = "UTC") -> str:
    """The instant at which today began.

    today() == start_of_day(now()) → true
    """
    return iso_of(_day_start(context.now_us(), zone))


@function("parse_date", light=True)
def parse_date(moment: Moment) -> str | None:
    """ISO 8601 text, epoch seconds or milliseconds as an instant in UTC.

    parse_date('2026-01-31') → '2026-01-31T00:00:00.000000Z'
    parse_date('2026-01-31T12:00:00+02:00') → '2026-01-31T10:00:00.000000Z'
    parse_date(1767225600) → '2026-01-01T00:00:00.000000Z'
    parse_date(1767225600500) → '2026-01-01T00:00:00.500000Z'
    """
    return None if moment is None else iso_of(moment)


@function("start_of_day", light=True)
def start_of_day(moment: Moment, zone: Text = "UTC") -> str | None:
    """The instant at which that day began, in a time zone.

    start_of_day('2026-03-05T17:20:00Z') → '2026-03-05T00:00:00.000000Z'
    start_of_day('2026-03-05T23:30:00Z', 'Europe/Berlin') → '2026-03-05T23:00:00.000000Z'
    """
    return None if moment is None else iso_of(_day_start(moment, zone))


@function("add_months", light=True)
def add_months(moment: Moment, months: Whole) -> str | None:
    """So many months later; a day that the month lacks becomes its last.

    add_months('2026-01-31T08:00:00Z', 1) → '2026-02-28T08:00:00.000000Z'
    """
    return None if moment is None else iso_of(_months_later(moment, months))


@function("subtract_months", light=True)
def subtract_months(moment: Moment, months: Whole) -> str | None:
    """So many months earlier; a day that the month lacks becomes its last.

    subtract_months('2026-03-31T08:00:00Z', 1) → '2026-02-28T08:00:00.000000Z'
    """
    return None if moment is None else iso_of(_months_later(moment, -months))


def _register_shifts(unit: str, unit_us: int) -> None:
    def shift(moment: int | None, amount: float, sign: int) -> str | None:
        return None if moment is None else iso_of(moment + sign * round(amount * unit_us))

    def later(moment: Moment, amount: Num) -> str | None:
        return shift(moment, amount, 1)

    def earlier(moment: Moment, amount: Num) -> str | None:
        return shift(moment, amount, -1)

    for verb, call, way in (("add", later, "later"), ("subtract", earlier, "earlier")):
        name = f"{verb}_{unit}"
        call.__doc__ = (
            f"So many {unit} {way}; the amount may have a fraction.\n\n"
            f"{name}('2026-01-01T00:00:00Z', 1) → '{call(_SAMPLE_US, 1)}'\n"
        )
        function(name, light=True)(call)


for _unit, _unit_us in _UNITS_US.items():
    _register_shifts(_unit, _unit_us)


def _datetime(us: int, zone: ZoneInfo | None = None) -> datetime:
    try:
        moment = _EPOCH + timedelta(microseconds=us)
        return moment.astimezone(zone) if zone else moment
    except OverflowError as error:
        raise _outside() from error


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _day_start(us: int, zone: str) -> int:
    local = _datetime(us, _zone(zone))
    return _microseconds(local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0))


def _months_later(us: int, months: int) -> int:
    moment = _datetime(us)
    if abs(months) > _MOST_MONTHS:
        raise _outside()
    year, month = divmod(moment.year * _MONTHS + moment.month - 1 + months, _MONTHS)
    if not 1 <= year <= 9_999:
        raise _outside()
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return _microseconds(moment.replace(year=year, month=month + 1, day=day))


def _zone(name: str) -> ZoneInfo | None:
    if not name or name == "UTC":
        return None
    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError) as error:
        raise ExpressionError(
            "There is no such time zone: give an IANA name like Europe/Berlin.",
            code="expression_type",
        ) from error


def _outside() -> ExpressionError:
    return ExpressionError("The date lies outside the years 1 to 9999.", code="expression_range")
