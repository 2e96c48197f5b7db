"""Functions that change text."""

from typing import Any

from hub.expr.functions.lists import check_room
from hub.expr.functions.parameters import Place, Text, Whole
from hub.expr.functions.registry import function
from hub.expr.kinds import fits, text_of


@function("lowercase", "to_lower")
def lowercase(text: Text) -> str:
    """All letters small.

    lowercase('Ada LOVELACE') → 'ada lovelace'
    """
    return text.lower()


@function("uppercase", "to_upper")
def uppercase(text: Text) -> str:
    """All letters capital.

    uppercase('Ada') → 'ADA'
    """
    return text.upper()


@function("capitalize")
def capitalize(text: Text) -> str:
    """The first letter capital, the rest as it is.

    capitalize('order paid by Ada') → 'Order paid by Ada'
    """
    return text[:1].upper() + text[1:]


@function("trim")
def trim(text: Text, characters: Text = "") -> str:
    """Without white space, or without the given characters, at both ends.

    trim('  hook ') → 'hook'
    trim('/a/b/', '/') → 'a/b'
    """
    return text.strip(characters or None)


@function("ltrim")
def trim_start(text: Text, characters: Text = "") -> str:
    """Without white space, or without the given characters, at its beginning.

    ltrim('  hook ') → 'hook '
    ltrim('007', '0') → '7'
    """
    return text.lstrip(characters or None)


@function("rtrim")
def trim_end(text: Text, characters: Text = "") -> str:
    """Without white space, or without the given characters, at its end.

    rtrim('  hook ') → '  hook'
    rtrim('https://hub.example/', '/') → 'https://hub.example'
    """
    return text.rstrip(characters or None)


@function("replace")
def replace(text: Text, search: Text, put: Text) -> str:
    """With every occurrence of a text replaced.

    replace('a-b-c', '-', '/') → 'a/b/c'
    replace('abc', '', 'x') → 'abc'
    """
    if not search:
        return text
    fits(len(text) + text.count(search) * (len(put) - len(search)))
    return text.replace(search, put)


@function("truncate")
def truncate(text: Text, characters: Whole, end: Text = "...") -> str:
    """Cut to so many characters, ``end`` included; a shorter text stays as it is.

    truncate('Webhooks', 6) → 'Web...'
    truncate('Webhooks', 3, '') → 'Web'
    """
    most = max(characters, 0)
    if len(text) <= most:
        return text
    return text[: max(most - len(end), 0)] + end[:most]


@function("substring")
def substring(text: Text, start: Whole, end: Place = None) -> str:
    """From one place up to another, as in JavaScript; places count from 0.

    substring('webhook', 0, 3) → 'web'
    substring('webhook', 3) → 'hook'
    """
    first = max(start, 0)
    last = len(text) if end is None else max(end, 0)
    return text[min(first, last) : max(first, last)]


@function("substr")
def part(text: Text, start: Whole, length: Place = None) -> str:
    """So many characters from a place on, as in Xano; a negative place counts from the end, a
    negative length leaves characters out there.

    substr('Epic Battle', 5, 6) → 'Battle'
    substr('webhook', -4) → 'hook'
    substr('webhook', 0, -4) → 'web'
    """
    first = max(len(text) + start, 0) if start < 0 else start
    if length is None:
        return text[first:]
    return text[first : len(text) + length if length < 0 else first + length]


@function("split")
def split(value: Any, separator: Text = ",") -> list[str]:
    """The parts of a text between separators; with '' its characters; of ``null`` none.

    split('a,b,c') → ['a', 'b', 'c']
    split('abc', '') → ['a', 'b', 'c']
    split(null) → []
    """
    if value is None:
        return []
    text = text_of(value)
    check_room(text.count(separator) + 1)
    return text.split(separator) if separator else list(text)
