"""Functions on what the hub's lanes are set to."""

from typing import Any

from hub.expr.context import Context
from hub.expr.functions.registry import function
from hub.expr.kinds import Number

_USUAL = "normal"


@function("get_priority_delay", lanes=True, light=True)
def get_priority_delay(context: Context, priority: Any) -> Number:
    """The delay in seconds that the lane of a priority is set to; ``null`` and what is no lane
    count as normal.

    get_priority_delay('high') → 0
    get_priority_delay(null) == get_priority_delay('normal') → true
    """
    delay_s = context.lane_delay_s(priority) if isinstance(priority, str) else None
    if delay_s is None:
        delay_s = context.lane_delay_s(_USUAL)
    return 0 if delay_s is None else delay_s
