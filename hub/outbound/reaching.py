"""Reaching: whether a connection can be made to where a URL leads. Nothing is asked there."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

from aiohttp.resolver import ThreadedResolver

from hub.errors import OutboundError
from hub.model.destination import Tls
from hub.outbound.connecting import Gatekeeper, VettedNames
from hub.outbound.failures import RefusedError
from hub.outbound.guard import AddressPolicy, check_url
from hub.outbound.tls import context_of, public_trust

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Reached:
    """A connection stood for a moment."""

    address: str
    certified_until_s: float | None
    """When the other side's certificate ends, in seconds since the epoch; None without TLS."""


async def reach(
    url: str,
    policy: AddressPolicy,
    *,
    allow_private: bool,
    tls: Tls | None = None,
    timeout_s: float = 5.0,
) -> Reached:
    """Look the name up, connect to an address that the guard lets pass, and close at once.

    Raises:
        OutboundError: ``url_invalid``, ``address_refused``, ``dns_failed``, ``connect_failed``,
            ``tls_failed``, ``timeout``, ``request_invalid`` (its certificates cannot be used).
    """
    parsed = check_url(url)
    port = parsed.port or _PORTS[parsed.scheme]
    context = _context(tls) if parsed.scheme == "https" else None
    gate = Gatekeeper(policy, allow_private)
    try:
        async with asyncio.timeout(timeout_s):
            addresses = await _addresses(gate, parsed.host, port)
            return await _first(addresses, port, parsed.host, context)
    except TimeoutError:
        raise _failed("timeout", f"No connection stood within {timeout_s:g} s.") from None
    except RefusedError as error:
        raise _failed("address_refused", f"{error.reason}.") from error
    except ssl.SSLError as error:
        said = getattr(error, "verify_message", None) or error.reason or str(error)
        raise _failed("tls_failed", f"TLS could not be agreed on: {said}.") from error
    except OSError as error:
        raise _failed("connect_failed", f"No connection could be made: {error}.") from error


def _context(tls: Tls | None) -> ssl.SSLContext:
    return public_trust() if tls is None else context_of(tls)


async def _addresses(gate: Gatekeeper, host: str, port: int) -> list[str]:
    """Every one of them may be connected to."""
    lookup = VettedNames(gate, ThreadedResolver())
    try:
        return [each["host"] for each in await lookup.resolve(host, port)]
    except RefusedError:
        raise
    except OSError as error:
        raise _failed("dns_failed", f"{host!r} could not be looked up: {error}.") from error
    finally:
        await lookup.close()


async def _first(
    addresses: list[str], port: int, host: str, context: ssl.SSLContext | None
) -> Reached:
    """The first address that takes a connection."""
    named: dict[str, Any] = {} if context is None else {"ssl": context, "server_hostname": host}
    last: OSError | None = None
    for address in addresses:
        try:
            _, writer = await asyncio.open_connection(address, port, **named)
        except ssl.SSLError:
            raise
        except OSError as error:
            last = error
            continue
        certificate = writer.get_extra_info("peercert")
        writer.transport.abort()  # whatever is said there is not listened to
        ends = certificate and ssl.cert_time_to_seconds(certificate["notAfter"])
        return Reached(address, ends or None)
    raise last or OSError("it has no address")


def _failed(code: str, message: str) -> OutboundError:
    return OutboundError(message, code=code, may_have_run=False)
