"""Functions that write dates as text, in a time zone: the hub's unless one is named."""

from hub.expr.context import Context
from hub.expr.functions.parameters import Moment, Text, ZoneName
from hub.expr.functions.registry import function
from hub.expr.moment_format import moment_text
from hub.expr.php_format import php_text
from hub.expr.zones import local, zone_of


@function("format_date", "format_timestamp", zone=True)
def format_date(
    context: Context, moment: Moment, pattern: Text, zone: ZoneName = None
) -> str | None:
    """The date by PHP's letters; a backslash before a letter shows the letter itself.

    Day ``d j D l N S w z``, week ``W o``, month ``F M m n t``, year ``Y y L``, time
    ``a A B g G h H i s u v``, zone ``e T P p O Z I``, whole dates ``c r U``.

    format_date('2026-03-05T17:20:30Z', 'Y-m-d') → '2026-03-05'
    format_date('2026-03-05T17:20:30Z', 'l, F jS, g:i a') → 'Thursday, March 5th, 5:20 pm'
    format_date('2026-03-05T17:20:30Z', 'H:i T', 'Europe/Berlin') → '18:20 CET'
    format_date('2026-03-05T17:20:30Z', 'Y-m-d\\TH:i:sP') → '2026-03-05T17:20:30+00:00'
    """
    if moment is None:
        return None
    return php_text(local(moment, zone_of(zone or context.zone)), pattern)


@function("formatDate", zone=True)
def format_date_by_words(
    context: Context, moment: Moment, pattern: Text, zone: ZoneName = None
) -> str | None:
    """The date by moment's words, as Make has them; text in square brackets is shown as it is.

    Year ``YYYY YY``, quarter ``Q``, month ``MMMM MMM MM M``, week ``WW W``, day ``DD D Do DDD``,
    weekday ``dddd ddd dd d E``, time ``HH H hh h mm m ss s SSS A a``, zone ``Z ZZ z``, epoch
    ``X x``, whole dates ``L LL LLL LLLL LT LTS``.

    formatDate('2026-03-05T17:20:30Z', 'YYYY-MM-DD') → '2026-03-05'
    formatDate('2026-03-05T17:20:30Z', 'MMM Do, YYYY [at] h:mm A') → 'Mar 5th, 2026 at 5:20 PM'
    """
    if moment is None:
        return None
    return moment_text(local(moment, zone_of(zone or context.zone)), pattern)
