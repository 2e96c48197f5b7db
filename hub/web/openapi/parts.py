"""Parts of paths: what may stand where a path has a name in braces."""

import re
from itertools import pairwise

from hub.model.ids import Prefix
from hub.model.source import SLUG
from hub.web.parameters import Parameter, id_of, text

_PART = re.compile(r"\{(\w+)(?::path)?\}")
_IDS: dict[str, Prefix] = {
    "events": "evt",
    "runs": "run",
    "deliveries": "dlv",
    "files": "fil",
    "keys": "key",
    "users": "usr",
}
_PATTERNS = {
    "connectors": r"^[a-z0-9][a-z0-9-]{0,62}$",
    "sources": f"^{SLUG}$",
    "destinations": f"^{SLUG}$",
    "issuers": f"^{SLUG}$",
    "subscriptions": r"^[a-z0-9_-]{1,63}$",
    "tables": r"^[A-Za-z_][A-Za-z0-9_]{0,62}$",
    "records": r"^[0-9]{1,18}$",
    "stacks": r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$",
    "variables": r"^[A-Za-z_][A-Za-z0-9_]{0,99}$",
}
_ABOUT = {
    "channels": "A channel's name; it may hold slashes.",
    "tasks": "The task's full name, `stack/task`, or the bare one if only one stack has it.",
    "schedules": "The schedule's full name, `stack/task`, or the bare one.",
    "lanes": "`high`, `normal` or `low`.",
    "tables": "The table's name.",
    "records": "The record's number.",
    "subscriptions": "The subscription's slug, or its id.",
    "in": "The source's slug.",
    "{source}": "Whatever the sender appends; the event has it as `path`.",
    "realtime": "A channel's name, or a pattern where the token allows all that it means.",
    "resume": "The run's id.",
    "{run}": "What proves that the URL is the run's own.",
    "{id}": "The file's name.",
}


def path_of(route: str) -> str:
    """A route's path as the document writes it."""
    return _PART.sub(r"{\1}", route)


def parts_of(route: str) -> list[Parameter]:
    """The parameters of a route's path."""
    found = []
    for before, piece in pairwise(route.split("/")):
        match = _PART.fullmatch(piece)
        if match is not None:
            found.append(_part(before, match[1]))
    return found


def _part(collection: str, name: str) -> Parameter:
    about = _ABOUT.get(collection, f"The {singular(collection)}'s {name.partition('_')[0]}.")
    if collection in _IDS:
        return id_of(name, _IDS[collection], about)
    pattern = _PATTERNS.get(collection)
    return text(name, about, **({"pattern": pattern} if pattern else {"minLength": 1}))


def singular(noun: str) -> str:
    """One of them."""
    return f"{noun[:-3]}y" if noun.endswith("ies") else noun.removesuffix("s")
