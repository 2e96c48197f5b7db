"""The guard: where a request may go and what it may say. Pure: no name is looked up here.

The client asks :class:`AddressPolicy` twice for each connection: for every address that a name
resolves to, and once more for the address that a socket is about to be connected to.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

from hub.errors import OutboundError
from hub.model.http import OutboundRequest

LONGEST_URL = 8192
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff\\]")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SET_BY_HUB = frozenset({"host", "content-length", "accept-encoding", "expect"}) | frozenset(
    # and what is between two neighbours on the way only
    {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}
    | {"proxy-connection", "proxy-authenticate", "proxy-authorization", "http2-settings"}
)
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e]*")
_PORT = re.compile(r"[^:]*|\[.*\](:[0-9]*)?|[^:]*:[0-9]*")
_HOST_NAME = re.compile(r"[0-9a-z._-]+", re.IGNORECASE)
_NUMBER_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Block:
    """A range of addresses that is not the public internet."""

    networks: tuple[IPv4Network | IPv6Network, ...]
    word: str
    opens: bool = False
    """``allow_private`` opens it."""


def _block(word: str, *networks: str, opens: bool = False) -> _Block:
    return _Block(tuple(ip_network(network) for network in networks), word, opens)


# The first that matches counts. Written out, because what ``is_global`` says differs by version.
_BLOCKS = (
    _block("unspecified", "0.0.0.0/8", "::/128"),
    _block("loopback", "127.0.0.0/8", "::1/128", opens=True),
    _block("link-local", "169.254.0.0/16", "fe80::/10"),
    # Metadata services of clouds that stand inside ranges which are otherwise harmless.
    _block(
        "cloud metadata",
        *("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"),
        *("fd00:ec2::/32", "fd00:c1::/32", "fd20:ce::/32"),
    ),
    _block("private", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", opens=True),
    _block("carrier-shared", "100.64.0.0/10", opens=True),
    _block("multicast", "224.0.0.0/4", "ff00::/8"),
    _block(
        "reserved",
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "3fff::/20"),
    ),
)
_GLOBAL_IPV6 = ip_network("2000::/3")

# Forms of IPv6 that carry an IPv4 address, and how far from the right it stands, in bits.
_CARRIERS = (
    (ip_network("::ffff:0:0/96"), "IPv4-mapped", 0),
    (ip_network("::ffff:0:0:0/96"), "IPv4-translated", 0),
    (ip_network("::/96"), "IPv4-compatible", 0),
    (ip_network("64:ff9b::/96"), "NAT64", 0),
    (ip_network("64:ff9b:1::/48"), "NAT64", 0),
    (ip_network("2002::/16"), "6to4", 80),
    (ip_network("2001::/32"), "Teredo", 0),
)
_ISATAP_MARKS = (0x00005EFE, 0x02005EFE)


@dataclass(frozen=True, slots=True)
class _Carried:
    """An IPv4 address inside an IPv6 address, and the name of the form."""

    form: str
    address: IPv4Address


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Which addresses may be connected to. Public ones may, the rest is said here.

    ``allow`` are networks opened by the owner of the deployment: exactly these, so an IPv4 network
    does not open the IPv6 forms that carry its addresses. ``own_ports`` are the hub's own.
    """

    allow: tuple[IPv4Network | IPv6Network, ...] = ()
    own_ports: frozenset[int] = frozenset()

    def refusal(self, address: str, port: int, allow_private: bool) -> str | None:
        """Why ``address`` (a literal, as a socket takes it) is refused, or None if it may be used.

        ``allow_private`` opens loopback, private, carrier-shared and unique local addresses,
        never link-local, metadata, multicast or reserved ones. Nothing opens the hub's own ports
        on a loopback address, nor an address with a scope.
        """
        if "%" in address:
            return f"{address} names a network interface; no such address is allowed"
        try:
            outer = ip_address(address)
        except ValueError:
            return f"{address!r} is not an address in its usual form"
        carried = _carried(outer)
        inner = carried.address if carried else outer
        if port in self.own_ports and (_is_here(outer) or _is_here(inner)):
            return f"{address} port {port} is the hub itself"
        if carried and not self._allows(outer):
            return f"{address} carries {inner} ({carried.form}); use the IPv4 address itself"
        word, opens = _kind(inner)
        if word is None or (opens and allow_private) or self._allows(inner):
            return None
        way = "allow_private on the destination or " if opens else ""
        return f"{address} is not public ({word}); {way}HUB_OUTBOUND_ALLOW would open it"

    def _allows(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self.allow)


@lru_cache(maxsize=2048)
def check_url(url: str) -> httpx.URL:
    """The URL, parsed, if a request may be sent to it as far as its text tells.

    ``http`` or ``https``, a host, no user or password, port 1 to 65535, no control character,
    space or backslash, at most 8192 characters; an IPv4 address in four decimal numbers.

    Raises:
        OutboundError: ``url_invalid``.
    """
    if len(url) > LONGEST_URL:
        raise _invalid(f"The URL is longer than {LONGEST_URL} characters.")
    if _UNPRINTABLE.search(url):
        raise _invalid("The URL holds a control character, a space or a backslash; encode it.")
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise _invalid(f"The URL cannot be read: {error}") from error
    problem = _problem(parsed, url)
    if problem:
        raise _invalid(problem)
    return parsed


def check_request(request: OutboundRequest) -> None:
    """Whether method and header fields may be sent as they stand.

    A field of the user's never names what the hub sets itself (Host, Content-Length) or what is
    between neighbours only (Connection, Transfer-Encoding), and its value stays on its line.

    Raises:
        OutboundError: ``request_invalid``.
    """
    if request.method not in _METHODS:
        raise _unsendable(f"The method must be one of {', '.join(sorted(_METHODS))}.")
    for name, value in request.headers:
        if not _FIELD_NAME.fullmatch(name):
            raise _unsendable(f"{name!r} cannot be the name of a header field.")
        if name.lower() in SET_BY_HUB:
            raise _unsendable(f"The header field {name!r} is set by the hub; leave it out.")
        if not _FIELD_VALUE.fullmatch(value):
            raise _unsendable(f"The header field {name!r} may hold one line of printable ASCII.")


def _problem(parsed: httpx.URL, url: str) -> str | None:
    host = parsed.raw_host.decode("ascii")
    authority = url.partition("://")[2].split("/")[0].split("?")[0].split("#")[0]
    if parsed.scheme not in ("http", "https"):
        return "The URL must start with http:// or https://."
    if "@" in authority:
        return "The URL names a user or password; set the destination's auth instead."
    if not host:
        return "The URL names no host."
    odd = not _PORT.fullmatch(authority)  # int() reads +80, 8_0 and wide digits too
    if odd or (parsed.port is not None and not 1 <= parsed.port <= 65535):
        return "The URL's port must be between 1 and 65535."
    if "%" in host:
        return "The URL's host holds a percent sign."
    if ":" not in host and not _HOST_NAME.fullmatch(host):
        return f"The URL's host {host!r} is no name of a host."
    return _number_problem(host)


def _number_problem(host: str) -> str | None:
    """Refuses the numeric spellings that some resolvers take for an address."""
    if ":" in host or not _NUMBER_LABEL.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return None
    try:
        IPv4Address(host)
    except ValueError:
        return f"The URL's host {host!r} is a number; write the address as four decimal numbers."
    return None


def _carried(address: IPv4Address | IPv6Address) -> _Carried | None:
    """The IPv4 address inside an IPv6 address, if there is one."""
    number = int(address)
    if isinstance(address, IPv4Address) or number <= 1:  # :: and ::1 are themselves
        return None
    for network, form, shift in _CARRIERS:
        if address in network:
            flip = 0xFFFFFFFF if form == "Teredo" else 0
            return _Carried(form, IPv4Address((number >> shift & 0xFFFFFFFF) ^ flip))
    if number >> 32 & 0xFFFFFFFF in _ISATAP_MARKS:
        return _Carried("ISATAP", IPv4Address(number & 0xFFFFFFFF))
    return None


def _kind(address: IPv4Address | IPv6Address) -> tuple[str | None, bool]:
    """What it is other than public, if anything, and whether ``allow_private`` opens that."""
    for block in _BLOCKS:
        if any(address in network for network in block.networks):
            return block.word, block.opens
    if isinstance(address, IPv6Address) and address not in _GLOBAL_IPV6:
        return "reserved", False
    return None, False


def _is_here(address: IPv4Address | IPv6Address) -> bool:
    return _kind(address)[0] in ("loopback", "unspecified")  # Linux takes 0.0.0.0 for loopback


def _invalid(message: str) -> OutboundError:
    return OutboundError(message, code="url_invalid", may_have_run=False)


def _unsendable(message: str) -> OutboundError:
    return OutboundError(message, code="request_invalid", may_have_run=False)
