"""Functions that look into text, and into lists and objects in the same words."""

import re
from typing import Any

from hub.expr.context import Context
from hub.expr.functions.parameters import Text
from hub.expr.functions.registry import function
from hub.expr.identity import is_among
from hub.expr.kinds import text_of

_LONGEST_EMAIL = 254
_LONGEST_LOCAL = 64
_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*+")
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)++[^\W\d_][\w-]*[^\W_]")


@function("contains", "includes")
def contains(context: Context, value: Any, part: Any) -> bool:
    """Whether a text holds a part, a list an item, or an object a key.

    contains('webhook', 'hook') → true
    contains([1, 2], '2') → true
    contains(null, 'a') → false
    """
    if value is None:
        return False
    if isinstance(value, list):
        return is_among(context, part, value)
    if isinstance(value, dict):
        return text_of(part) in value
    return text_of(part) in text_of(value)


@function("icontains")
def contains_any_case(text: Text, part: Text) -> bool:
    """Whether a text holds a part, small or capital letters alike.

    icontains('Epic Battle', 'battle') → true
    """
    return part.casefold() in text.casefold()


@function("starts_with")
def starts_with(text: Text, start: Text) -> bool:
    """Whether a text begins with another.

    starts_with('evt_123', 'evt_') → true
    """
    return text.startswith(start)


@function("istarts_with")
def starts_with_any_case(text: Text, start: Text) -> bool:
    """Whether a text begins with another, small or capital letters alike.

    istarts_with('Bearer abc', 'bearer ') → true
    """
    return text.casefold().startswith(start.casefold())


@function("ends_with")
def ends_with(text: Text, end: Text) -> bool:
    """Whether a text ends with another.

    ends_with('report.pdf', '.pdf') → true
    """
    return text.endswith(end)


@function("iends_with")
def ends_with_any_case(text: Text, end: Text) -> bool:
    """Whether a text ends with another, small or capital letters alike.

    iends_with('REPORT.PDF', '.pdf') → true
    """
    return text.casefold().endswith(end.casefold())


@function("is_valid_email")
def is_valid_email(text: Text) -> bool:
    """Whether this is written like the address of a mailbox with a domain; no mail is sent.

    is_valid_email('ada@example.com') → true
    is_valid_email('ada@localhost') → false
    is_valid_email(null) → false
    """
    local, at, domain = text.rpartition("@")
    return (
        bool(at)
        and len(text) <= _LONGEST_EMAIL
        and len(local) <= _LONGEST_LOCAL
        and _LOCAL.fullmatch(local) is not None
        and _DOMAIN.fullmatch(domain) is not None
    )
