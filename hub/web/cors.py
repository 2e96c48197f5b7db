"""Which pages may call the hub from a browser."""

import re
from collections.abc import Callable, Collection, Iterable
from typing import Final

_WEWEB: Final = re.compile(
    r"https://(?:(?:[a-z0-9-]+-)?editor\.weweb\.io|editor-dev\.weweb\.io"
    r"|[0-9a-f-]{36}(?:-[0-9]+)?(?:-staging)?\.weweb-preview\.io)"
)
ASKED: Final = "access-control-request-headers"
_ANY: Final = "*"
_TOLD: Final = "webhook-id, hub-run, location, retry-after"
"""Fields of answers that scripts may read beside the usual ones."""
_ASKED: Final = re.compile(r"[A-Za-z0-9_, -]{0,1000}")
_PREFLIGHT: Final = {
    "access-control-allow-headers": "authorization, content-type, last-event-id",
    "access-control-max-age": "600",
}


class PageOrigins:
    """Which pages may call one path: those of its own list, ``weweb`` for WeWeb's, ``*`` for any.

    Without a list none may; those that the settings name may in any case.
    """

    def __init__(self, own: Iterable[str], named: Iterable[str]) -> None:
        self._own = frozenset(each.rstrip("/").lower() for each in (*own, *named))

    def headers(self, origin: str | None) -> dict[str, str]:
        """What any answer to that origin carries."""
        told = {"vary": "Origin"}
        if origin is None:
            return told
        plain = origin.lower()
        if plain in self._own or ("weweb" in self._own and _WEWEB.fullmatch(plain)):
            told["access-control-allow-origin"] = origin
            told["access-control-allow-credentials"] = "true"
        elif _ANY in self._own:
            told["access-control-allow-origin"] = _ANY
        if "access-control-allow-origin" in told:
            told["access-control-expose-headers"] = _TOLD
        return told

    def preflight(self, origin: str | None, methods: str, asked: str | None) -> dict[str, str]:
        """What the answer to a page's OPTIONS carries. ``methods``: ``GET, POST``.

        ``asked`` are the header fields that the page wants to send: it may, tokens are checked.
        """
        told = self.headers(origin)
        if "access-control-allow-origin" in told:
            told |= {"access-control-allow-methods": methods, **_PREFLIGHT}
            told["access-control-allow-headers"] += ", idempotency-key"
            if asked and _ASKED.fullmatch(asked):
                told["access-control-allow-headers"] = asked
        return told


class Cors:
    """WeWeb's own origins, those of the settings, and for public channels any.

    An origin that is named may send credentials; one that is let in with all others may not.
    """

    def __init__(
        self, origins: Iterable[str] = (), is_public: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._origins = frozenset(each.rstrip("/").lower() for each in origins)
        self._is_public = is_public

    def names(self, origin: str) -> bool:
        """Whether that origin is allowed by name."""
        return origin in self._origins or _WEWEB.fullmatch(origin) is not None

    def headers(self, origin: str | None, channels: Collection[str] = ()) -> dict[str, str]:
        """What any answer to that origin carries, refusals too, so that the page can read them.

        ``channels`` are all that the request is about.
        """
        told = {"vary": "Origin"}
        if origin is None:
            return told
        if self.names(origin.lower()):
            told["access-control-allow-origin"] = origin
            told["access-control-allow-credentials"] = "true"
        elif _ANY in self._origins or (channels and all(map(self._is_public, channels))):
            told["access-control-allow-origin"] = _ANY
        return told

    def preflight(
        self, origin: str | None, methods: str, channels: Collection[str] = ()
    ) -> dict[str, str]:
        """What the answer to a page's OPTIONS carries. ``methods``: ``GET, POST``."""
        told = self.headers(origin, channels)
        if "access-control-allow-origin" in told:
            told |= {"access-control-allow-methods": methods, **_PREFLIGHT}
        return told
