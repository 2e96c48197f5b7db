"""What an argument gives for each item of a list.

Wherever a function takes something of every item, that is a field by its name (``'amount'``,
dotted paths too) or an expression of the item. Inside the expression ``item`` is the item and
``index`` its place from 0, ``$parent`` the list; all other names are those of the scope around.
An expression that does not say ``item`` or ``index`` is worked out once and has to give a field's
name. A field is never found by its bare name: what a sender puts into a row could then take the
place of a variable.
"""

from collections.abc import Iterable
from typing import Any

from hub.expr.context import Context, metered
from hub.expr.kinds import unfit
from hub.expr.lazy import Lazy, each_value
from hub.expr.walk import getter

_HINT = "Say what of the item counts: item.amount * 2, or quote a field's name: 'amount'."


def of_each(context: Context, items: list[Any], expression: Lazy | None) -> Iterable[Any]:
    """The items, a field of each, or what an expression gives for each, in order.

    Raises:
        ExpressionError: ``expression_type`` where the argument names no field.
    """
    if expression is None:
        return items
    if expression.of_item:
        return each_value(context, items, expression)
    name = expression.run(metered(context))
    if not isinstance(name, str):
        raise unfit("the name of a field or an expression of the item", name, _HINT)
    return map(getter(name), items)
