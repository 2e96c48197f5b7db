"""TLS to PostgreSQL, said in the URL as libpq and all who host databases say it.

``?sslmode=`` (or ``ssl=``): ``disable``, ``allow``, ``prefer``, ``require``, ``verify-ca`` or
``verify-full``; ``sslrootcert=`` names the authority's certificate, without it the system's
authorities count; ``sslcert=`` and ``sslkey=`` are the hub's own.
"""

import ssl
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import URL, make_url

from hub.errors import SettingsError

UNTRUSTED = ssl.SSLError
"""What a connection fails with whose certificate does not fit."""
_FIELDS = ("sslmode", "ssl", "sslrootcert", "sslcert", "sslkey")
_UNVERIFIED = ("disable", "allow", "prefer", "require")
_VERIFIED = ("verify-ca", "verify-full")


def way_to(database_url: str) -> tuple[URL, dict[str, Any]]:
    """The URL without what it says of TLS, and what that comes to for the driver.

    A URL that names an authority and no mode means ``verify-full``, ``require`` with one
    ``verify-ca``: who gives a certificate wants it looked at.

    Raises:
        SettingsError: a mode that there is not, a file that cannot be used.
    """
    url = make_url(database_url)
    given = {name: str(url.query[name]) for name in _FIELDS if name in url.query}
    if not given:
        return url, {}
    return url.difference_update_query(_FIELDS), {"ssl": _of(given)}


def _of(given: Mapping[str, str]) -> ssl.SSLContext | str:
    authority = given.get("sslrootcert")
    mode = given.get("sslmode") or given.get("ssl") or ("verify-full" if authority else "prefer")
    if mode == "require" and authority:
        mode = "verify-ca"
    if mode not in (*_UNVERIFIED, *_VERIFIED):
        raise SettingsError(
            f"HUB_DATABASE_URL: there is no sslmode {mode[:40]!r}: take one of "
            f"{', '.join((*_UNVERIFIED, *_VERIFIED))}."
        )
    if mode in ("disable", "allow", "prefer"):
        return mode
    try:
        return _context(mode, None if authority == "system" else authority, given)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(
            f"HUB_DATABASE_URL: a certificate or key that it names cannot be used: {error}."
        ) from error


def _context(mode: str, authority: str | None, given: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority)
    context.check_hostname = mode == "verify-full"
    if mode not in _VERIFIED:
        context.verify_mode = ssl.CERT_NONE
    if "sslcert" in given:
        context.load_cert_chain(given["sslcert"], given.get("sslkey"))
    return context
