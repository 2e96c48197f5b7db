"""Functions with regular expressions, in linear time (RE2): no look-around, no back-references.

A pattern may stand in slashes with flags, as in JavaScript: ``'/^a+$/i'``.
"""

import re
from typing import TypeAlias

from hub.expr.context import Context, charge
from hub.expr.functions.lists import check_room
from hub.expr.functions.parameters import Regex, Text, XanoRegex
from hub.expr.functions.registry import function
from hub.expr.kinds import fits
from hub.expr.patterns import Match, Pattern

Parts: TypeAlias = tuple[str | int, ...]
"""A replacement: pieces of text, and numbers of groups."""

_GROUP = re.compile(
    r"\$\$|\\\\|\$&|[$\\](?P<digits>\d{1,2})|\$\{(?P<braced>\d{1,2})\}|\$<(?P<name>\w{1,100})>",
    re.ASCII,
)


@function("regex_match")
def regex_match(text: Text, pattern: Regex) -> bool:
    """Whether a pattern fits anywhere in a text; ``^`` and ``$`` tie it to the ends.

    regex_match('order-123', '[0-9]+') → true
    regex_match('ORDER', '/^order$/i') → true
    regex_match('order-123', '^[0-9]+$') → false
    """
    return pattern.search(text) is not None


@function("regex_replace")
def regex_replace(context: Context, text: Text, pattern: Regex, put: Text) -> str:
    """With every match of a pattern replaced; ``$1`` is the first group, ``$&`` the whole match.

    The text comes first here, unlike in Xano.

    regex_replace('a  b   c', '\\s+', ' ') → 'a b c'
    regex_replace('<p>Hi <b>Ada</b></p>', '<[^>]*>', '') → 'Hi Ada'
    regex_replace('2026-03-05', '(\\d+)-(\\d+)-(\\d+)', '$3.$2.$1') → '05.03.2026'
    """
    parts = _parts(put, pattern)
    pieces: list[str] = []
    room = end = 0
    for match in pattern.search_all(text):
        charge(context, match)
        pieces += (text[end : match.start()], _filled(parts, match))
        room += len(pieces[-2]) + len(pieces[-1])
        fits(room)
        end = match.end()
    pieces.append(text[end:])
    return "".join(pieces)


@function("regex_matches")
def regex_matches(pattern: XanoRegex, text: Text) -> bool:
    """Whether a text fits a pattern; as in Xano the pattern comes first, in slashes.

    regex_matches('/^a.*c$/', 'abbbbc') → true
    '/\\d{3}/' | regex_matches: 'tel. 555' → true
    """
    return pattern.search(text) is not None


@function("regex_get_first_match")
def regex_get_first_match(pattern: XanoRegex, text: Text) -> list[str | None]:
    """The first match and its groups; as in Xano the pattern comes first, in slashes.

    regex_get_first_match('/(\\w+)@(\\w+)/', 'to ada@example') → ['ada@example', 'ada', 'example']
    regex_get_first_match('/x/', 'abc') → []
    """
    match = pattern.search(text)
    return [] if match is None else _with_groups(match)


@function("regex_get_all_matches")
def regex_get_all_matches(
    context: Context, pattern: XanoRegex, text: Text
) -> list[list[str | None]]:
    """All matches, each with its groups; as in Xano the pattern comes first, in slashes.

    regex_get_all_matches('/\\w+/', 'a b') → [['a'], ['b']]
    regex_get_all_matches('/(\\w)=(\\d)/', 'a=1 b=2') → [['a=1', 'a', '1'], ['b=2', 'b', '2']]
    """
    found: list[list[str | None]] = []
    for match in pattern.search_all(text):
        found.append(_with_groups(match))
        charge(context, found[-1])
        check_room(len(found))
    return found


def _parts(put: str, pattern: Pattern) -> Parts:
    """The replacement in its parts; what names no group is text."""
    parts: list[str | int] = []
    place = 0
    for match in _GROUP.finditer(put):
        parts.append(put[place : match.start()])
        parts += _part(match, pattern)
        place = match.end()
    parts.append(put[place:])
    return tuple(part for part in parts if part != "")


def _part(match: "re.Match[str]", pattern: Pattern) -> list[str | int]:
    sign = match[0]
    if sign in ("$$", "\\\\"):
        return [sign[0]]
    if sign == "$&":
        return [0]
    if match["name"]:
        return [pattern.group_numbers.get(match["name"], "")]
    digits = match["digits"] or match["braced"]
    if int(digits) <= pattern.groups:
        return [int(digits)]
    if match["digits"] and len(digits) > 1 and int(digits[0]) <= pattern.groups:
        return [int(digits[0]), digits[1]]
    return [sign]


def _filled(parts: Parts, match: Match) -> str:
    return "".join(part if isinstance(part, str) else match.group(part) or "" for part in parts)


def _with_groups(match: Match) -> list[str | None]:
    return [match.group(0), *match.groups()]
