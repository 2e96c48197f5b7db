"""Pages of a list: ``?limit=&cursor=``, ``{"items", "next"}``, and filters that are known."""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from starlette.requests import Request

from hub.errors import InvalidError
from hub.model.json import dumps, loads
from hub.stack.problem import nearest
from hub.web.parameters import Parameter, text, whole

T = TypeVar("T", str, int)
DEFAULT_LIMIT, MAX_LIMIT = 50, 500
LIMIT = whole("limit", "So many at most.", 1, MAX_LIMIT, default=DEFAULT_LIMIT)
CURSOR = text("cursor", "Where the page begins, as `next` of the one before says.")
PAGE = (LIMIT, CURSOR)
"""What every list takes."""
_LARGEST = 2**53
_UNFIT = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    limit: int
    cursor: str | None
    path: str
    """The list's own URL."""
    filters: dict[str, str]

    def after(self, start: T) -> T:
        """Where the cursor stands, or ``start`` without one.

        Raises:
            InvalidError: ``cursor_invalid``.
        """
        if self.cursor is None:
            return start
        found = self.decoded()
        if type(found) is not type(start):
            raise cursor_invalid()
        if _UNFIT.search(found) if isinstance(found, str) else not 0 <= found < _LARGEST:
            raise cursor_invalid()
        return found

    def decoded(self) -> Any:
        """What the cursor says; None without one.

        Raises:
            InvalidError: ``cursor_invalid``.
        """
        return None if self.cursor is None else _decoded(self.cursor)

    def answer(self, items: Sequence[Any], last: Any) -> dict[str, Any]:
        """The list's body; ``last`` is where the next page begins, None at the end."""
        if last is None:
            return {"items": items, "next": None}
        cursor = base64.urlsafe_b64encode(dumps(last)).decode().rstrip("=")
        query = urlencode({**self.filters, "limit": self.limit, "cursor": cursor})
        return {"items": items, "next": f"{self.path}?{query}"}

    def of_names(self, names: Iterable[str]) -> tuple[list[str], str | None]:
        """This page's part of all names, and where the next one begins."""
        after = self.after("")
        found = sorted(name for name in names if name > after)
        return found[: self.limit], found[self.limit - 1] if len(found) > self.limit else None


def page_of(request: Request, root: str, known: Sequence[Parameter] = PAGE) -> Page:
    """The page that a request asks for; ``root`` is the URL that the hub is reached under.

    Raises:
        InvalidError: ``query_unknown``, ``query_invalid``, ``limit_invalid``.
    """
    given = query_of(request, known)
    return Page(
        limit=limit_of(given.pop(LIMIT.name, None)),
        cursor=given.pop(CURSOR.name, None),
        path=root + quote(request.scope["path"]),
        filters=given,
    )


def query_of(request: Request, known: Sequence[Parameter]) -> dict[str, str]:
    """The query's parameters, each known and given once.

    Raises:
        InvalidError: ``query_unknown``, ``query_invalid``.
    """
    given: dict[str, str] = {}
    by_name = {each.name: each for each in known}
    for name, value in request.query_params.multi_items():
        if name not in by_name:
            hint = nearest(name, by_name)
            raise InvalidError(
                f"There is no query parameter {name!r} here; "
                + (f"did you mean {hint!r}?" if hint else f"known are {', '.join(by_name)}."),
                code="query_unknown",
            )
        if name in given or _UNFIT.search(value):
            raise InvalidError(
                f"The query parameter {name!r} must be given once, as plain text.",
                code="query_invalid",
            )
        given[name] = by_name[name].check(value)
    return given


def limit_of(text: str | None) -> int:
    """How many are asked for at once.

    Raises:
        InvalidError: ``limit_invalid``.
    """
    if text is None:
        return DEFAULT_LIMIT
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    raise InvalidError(
        f"'limit' must be a whole number from 1 to {MAX_LIMIT}.", code="limit_invalid"
    )


def _decoded(cursor: str) -> Any:
    try:
        return loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, InvalidError, ValueError) as error:
        raise cursor_invalid() from error


def cursor_invalid() -> InvalidError:
    """A cursor that is none of this list's."""
    return InvalidError(
        "This cursor is none of this list's: follow 'next' as it stands, or begin without one.",
        code="cursor_invalid",
    )
