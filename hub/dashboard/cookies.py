"""Cookies: out of reach of scripts and of other sites; with HTTPS also of neighbouring hosts."""

from ipaddress import ip_address
from typing import Final

from pydantic import AnyHttpUrl
from starlette.requests import Request
from starlette.responses import Response

_LOCKED: Final = "__Host-"
"""A browser takes a cookie of such a name over HTTPS alone, and from no other host."""


class Cookies:
    """Sets and reads them. ``public_url`` is the address under which others reach the hub.

    Over HTTPS their names are locked. A proxy may end HTTPS and not say so; then the public
    address does. On loopback, where browsers take no locked names, nothing has to be encrypted.
    """

    def __init__(self, public_url: AnyHttpUrl | None = None) -> None:
        self._is_public_https = public_url is not None and public_url.scheme == "https"

    def read(self, request: Request, name: str) -> str:
        """What a cookie holds; empty where there is none."""
        return request.cookies.get(self._name(request, name), "")

    def put(self, request: Request, response: Response, name: str, value: str, life_s: int) -> None:
        """Have the browser keep one."""
        locked = self._name(request, name)
        secure = locked != name
        response.set_cookie(
            locked, value, max_age=life_s, path="/", secure=secure, httponly=True, samesite="lax"
        )

    def drop(self, request: Request, response: Response, name: str) -> None:
        """Have the browser forget one."""
        self.put(request, response, name, "", 0)

    def _name(self, request: Request, name: str) -> str:
        url = request.url
        is_https = url.scheme == "https" or (
            self._is_public_https and not _is_loopback(url.hostname or "")
        )
        return f"{_LOCKED}{name}" if is_https else name


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
