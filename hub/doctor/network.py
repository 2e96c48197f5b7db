"""What is around: the hub's own port, where destinations lead, where files lie."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from hub.bootstrap import client_of, policy_of, registration_of
from hub.doctor.finding import Check, Finding, fine, problem, warning
from hub.doctor.site import CATALOG, Site
from hub.errors import InvalidError, OutboundError, SettingsError, StoreError
from hub.files import open_blobs
from hub.model.destination import Destination
from hub.model.http import OutboundRequest
from hub.model.ids import new_id
from hub.model.json import loads
from hub.model.time import US_PER_S, to_iso
from hub.outbound.client import Client
from hub.outbound.guard import AddressPolicy
from hub.outbound.oidc import Passage, Provider
from hub.outbound.reaching import reach

_AT_ONCE = 20
_ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what stands in HUB_HOST

PORT_TAKEN = problem(
    "port_taken",
    "Another program listens where the hub is to listen.",
    "Stop that program, or give the hub another address with HUB_HOST and HUB_PORT.",
)
NOT_READY = problem(
    "hub_not_ready",
    "The hub runs and says that something of it does not work.",
    "See the reason, and its log; `/readyz` says when it is over.",
)
UNREACHABLE = problem(
    "destination_unreachable",
    "No connection can be made to where deliveries of this destination go.",
    "See the reason: its name, a firewall, a service that is down; `allow_private` or "
    "HUB_OUTBOUND_ALLOW for a private address.",
)
CERTIFICATE_BAD = problem(
    "certificate_refused",
    "Its certificate is not one that the hub can trust, or has ended.",
    "Have the other side renew it; of an authority of your own, set `tls.ca`.",
)
CERTIFICATE_ENDS = warning(
    "certificate_ends",
    "Its certificate ends within two weeks.",
    "Have the other side renew it before that.",
)
PROXIED = warning(
    "destinations_proxied",
    "Requests go through HUB_OUTBOUND_PROXY, so where they lead cannot be reached for from here.",
    "See `hub destination test SLUG`, which goes the same way.",
)
PROVIDER_DOWN = problem(
    "provider_unavailable",
    "The identity provider cannot be asked, so nobody signs in with it.",
    "See the reason; HUB_OIDC_ISSUER, its discovery document, a firewall, or "
    "HUB_OIDC_ALLOW_PRIVATE for a private address.",
)
FILES_UNWRITABLE = problem(
    "files_unwritable",
    "No file can be kept: runs and sources that bring files fail.",
    "See the message; HUB_FILES_URL and the cloud's own variables, or the folder `files`.",
)


async def _port(site: Site) -> Sequence[Finding]:
    """Whoever answers there is asked what it is."""
    settings = site.settings
    if not settings.port:
        return [fine("port", "The hub takes any port that is free.")]
    host = _ANY_HOST.get(settings.host, settings.host)
    where = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
    policy = AddressPolicy(allow=settings.outbound_allow, own_ports=frozenset())
    async with Client(policy, connections=1) as client:
        try:
            asked = OutboundRequest("GET", f"{where}/readyz", (), b"")
            answer = await client.send(asked, timeout_s=site.limits.reach_s, allow_private=True)
        except OutboundError as error:
            if error.code == "connect_failed":
                return [fine("port", f"Nothing listens at {where}.")]
            return [PORT_TAKEN.found(f"{where}: {error.message}")]
    return [_readiness(where, answer.body)]


def _readiness(where: str, body: bytes) -> Finding:
    try:
        told = loads(body)
        troubles = told["troubles"]
        said = [f"{name}: {text}" for name, text in sorted(troubles.items())]
    except (InvalidError, LookupError, TypeError, AttributeError):
        return PORT_TAKEN.found(f"What answers at {where} is no hub.")
    if said:
        return NOT_READY.found(f"{where}: {' '.join(said)}")
    return fine("port", f"The hub answers at {where}.")


async def _destinations(site: Site) -> Sequence[Finding]:
    active = {slug: each for slug, each in sorted(site.now.destinations.items()) if each.takes}
    if not active:
        return [fine("reach", "No destination is active.")]
    if site.settings.outbound_proxy is not None:
        return [PROXIED.found(f"{len(active)} destinations.")]
    chosen = list(active.items())[: site.limits.destinations]
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def one(slug: str, destination: Destination) -> Finding | None:
        async with at_once:
            return await _reached(site, slug, destination)

    found = await asyncio.gather(*(one(*each) for each in chosen))
    troubles = [each for each in found if each is not None]
    left = f"; {len(active) - len(chosen):,} more were not tried" * (len(active) > len(chosen))
    well = len(chosen) - len(troubles)
    return [*troubles, fine("reach", f"{well} of {len(chosen)} take connections{left}.")]


async def _reached(site: Site, slug: str, destination: Destination) -> Finding | None:
    try:
        reached = await reach(
            str(destination.url),
            policy_of(site.settings),
            allow_private=destination.allow_private,
            tls=destination.tls,
            timeout_s=site.limits.reach_s,
        )
    except OutboundError as error:
        trouble = CERTIFICATE_BAD if error.code == "tls_failed" else UNREACHABLE
        return trouble.found(f"{slug}: {error.message}")
    ends = reached.certified_until_s
    if ends is not None and ends - site.clock_s() < site.limits.certificate_s:
        return CERTIFICATE_ENDS.found(f"{slug}: it ends at {to_iso(int(ends) * US_PER_S)}.")
    return None


async def _provider(site: Site) -> Sequence[Finding]:
    """It is asked what it says of itself; nobody is signed in."""
    registration = registration_of(site.settings)
    if registration is None:
        return [fine("provider", "No identity provider is set.")]
    async with client_of(site.settings) as client:
        provider = Provider(client, registration)
        try:
            await provider.address(Passage("hub doctor"))
        except OutboundError:
            return [PROVIDER_DOWN.found(f"{provider.issuer}: {provider.trouble}.")]
    return [fine("provider", f"{provider.issuer} can be asked.")]


async def _files(site: Site) -> Sequence[Finding]:
    """A file is written and removed again."""
    settings = site.settings
    if settings.files_url is None and not await asyncio.to_thread(settings.data.is_dir):
        return [fine("files", "There is no data folder yet.")]
    name = new_id("fil")
    try:
        blobs = open_blobs(settings.files_url, settings.data)
        try:
            await blobs.put(name, _content())
            await blobs.drop([name])
        finally:
            await blobs.close()
    except (StoreError, SettingsError) as error:
        return [FILES_UNWRITABLE.found(error.message)]
    return [
        fine("files", f"A file can be kept in {settings.files_url or settings.data / 'files'}.")
    ]


async def _content() -> AsyncIterator[bytes]:
    yield b"hub doctor"


CHECKS = (
    Check(
        "port", "Who listens where the hub is to, and how it is.", _port, (PORT_TAKEN, NOT_READY)
    ),
    Check(
        "reach",
        "That a connection can be made to every active destination; nothing is sent.",
        _destinations,
        (UNREACHABLE, CERTIFICATE_BAD, CERTIFICATE_ENDS, PROXIED),
        CATALOG,
    ),
    Check(
        "provider",
        "That the identity provider can be asked, where people sign in with one.",
        _provider,
        (PROVIDER_DOWN,),
    ),
    Check("files", "That a file can be kept.", _files, (FILES_UNWRITABLE,)),
)
