"""Opens everything once, for every program and every test alike, and closes it in reverse.

What packages add is found by two groups of entry points: ``hub.connectors`` names objects (see
:mod:`hub.connector`), ``hub.functions`` modules whose functions stacks may then call (see
:mod:`hub.stack.plugin`). One that cannot be loaded keeps the hub from starting.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import entry_points

import structlog
from redis.asyncio import Redis

from hub import fault_points
from hub.channels import Channels
from hub.channels.presence import Presence
from hub.connector import Connector
from hub.errors import SettingsError
from hub.files import open_blobs
from hub.filing import FileBounds, Filing
from hub.jobs import Doorbell, connect_jobs
from hub.listener import Stopping
from hub.model.channel import ChannelSetting
from hub.model.ids import new_id
from hub.model.json import dumps_text
from hub.model.time import US_PER_S
from hub.observe.alive import touching
from hub.observe.deliveries import DeliveryNews
from hub.observe.metrics import Metrics
from hub.observe.rates import Rates
from hub.observe.standing import Process, WholeHub, follow_loop, tell
from hub.observe.supervise import Supervisor
from hub.observe.tracing import Tracing
from hub.observe.wanted import Wanted
from hub.observe.watch import Watch
from hub.outbound.client import Client
from hub.outbound.gates import Gates
from hub.outbound.guard import AddressPolicy
from hub.outbound.oidc import CALLBACK, Registration
from hub.retention.terms import Keep, Terms
from hub.settings import Settings, traces_wanted, variables
from hub.signature import new_secret
from hub.store.catalog import Catalog
from hub.store.ledger import Ledger, open_ledger
from hub.store.migrate import require_current
from hub.store.objects import FILES, PUT_ONCE, SIGNING, TOKENS, PutObject
from hub.store.sealing import Keyring

CONNECTORS = "hub.connectors"
FUNCTIONS = "hub.functions"
_log = structlog.get_logger("hub.bootstrap")


@dataclass(frozen=True)
class Hub:
    """The parts that every room works with."""

    settings: Settings
    redis_url: str
    ledger: Ledger
    catalog: Catalog
    channels: Channels
    bell: Doorbell
    client: Client
    gates: Gates
    connectors: Mapping[str, Connector]
    presence: Presence
    supervisor: Supervisor
    watch: Watch
    wanted: Wanted
    rates: Rates
    delivery_news: DeliveryNews
    filing: Filing
    metrics: Metrics
    whole: WholeHub
    worker: str
    """This process's name in leases."""
    tracing: Tracing | None = None
    """None unless somebody takes traces."""
    embedded: bool = False
    """Whether this is ``hub up``: server and worker in one process."""
    stopping: Stopping = field(default_factory=Stopping)
    """Set when the server stops: live streams end."""


def load_connectors() -> dict[str, Connector]:
    """Every connector that an installed package offers.

    Raises:
        SettingsError: one cannot be loaded, or two have the same name.
    """
    found: dict[str, Connector] = {}
    for point in entry_points(group=CONNECTORS):
        try:
            connector = point.load()
        except Exception as error:
            raise SettingsError(
                f"The connector {point.name!r} ({point.value}) cannot be loaded: {error}. "
                "Mend or uninstall its package."
            ) from error
        if not isinstance(connector, Connector) or connector.name != point.name:
            raise SettingsError(f"{point.value} is no connector named {point.name!r}.")
        if point.name in found:
            raise SettingsError(f"Two packages offer a connector named {point.name!r}.")
        found[point.name] = connector
    return found


def load_functions() -> None:
    """Register every function that an installed package offers to stacks; once is enough.

    Raises:
        SettingsError: one cannot be loaded.
    """
    for point in entry_points(group=FUNCTIONS):
        try:
            point.load()
        except Exception as error:
            raise SettingsError(
                f"The functions {point.name!r} ({point.value}) cannot be loaded: {error}. "
                "Mend or uninstall their package."
            ) from error


async def ledger_of(settings: Settings) -> Ledger:
    """The ledger, opened; whoever opens it closes it.

    Raises:
        StoreError: as :func:`hub.store.ledger.open_ledger`.
    """
    return await open_ledger(
        settings.database_url,
        settings.data,
        settings.commit_timeout_s,
        keyring=Keyring(settings.secret_keys),
    )


@asynccontextmanager
async def current_ledger(settings: Settings) -> AsyncIterator[Ledger]:
    """The ledger, whose database has this version's tables, until the end of the block.

    Raises:
        StoreError: as :func:`ledger_of`, or the tables are another version's, and what to do.
    """
    await require_current(settings.database_url, settings.data)
    ledger = await ledger_of(settings)
    try:
        yield ledger
    finally:
        await ledger.close()


def file_bounds_of(settings: Settings) -> FileBounds:
    """How much is kept, and how long."""
    return FileBounds(settings.file_max_bytes, settings.files_max_bytes, settings.files_keep_s)


def policy_of(settings: Settings) -> AddressPolicy:
    """Which addresses requests may go to."""
    return AddressPolicy(allow=settings.outbound_allow, own_ports=frozenset({settings.port}))


def terms_of(settings: Settings) -> Terms:
    """How long what is over is kept, where its source says nothing."""

    def us(seconds: float) -> int:
        return round(seconds * US_PER_S)

    return Terms(
        Keep(
            us(settings.keep_events_s), us(settings.keep_runs_s), us(settings.keep_dead_letters_s)
        ),
        attempts=us(settings.keep_attempts_s),
        rejected=us(settings.keep_rejected_s),
        aged={"purges": us(settings.keep_events_s), "audit": us(settings.keep_audit_s)},
    )


def client_of(settings: Settings) -> Client:
    """The way out, to be entered; says where the check of addresses has moved to."""
    proxy = settings.outbound_proxy
    if proxy is not None:
        _log.warning(
            "guard.moved",
            message="Requests go through HUB_OUTBOUND_PROXY. The hub checks addresses that are "
            "written out and those that it finds for names itself, but the proxy looks names up "
            "anew: have the proxy refuse private and link-local addresses.",
        )
    return Client(
        policy_of(settings),
        connections=max(1, settings.deliver_concurrency),
        proxy=None if proxy is None else proxy.get_secret_value(),
    )


def registration_of(settings: Settings) -> Registration | None:
    """What the identity provider and the hub know of each other, where one is set."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    secret = settings.oidc_client_secret
    return Registration(
        settings.oidc_issuer,
        settings.oidc_client_id,
        None if secret is None else secret.get_secret_value(),
        f"{settings.root}{CALLBACK}",
        settings.oidc_scope,
        settings.oidc_allow_private,
    )


def tracing_of(ledger: Ledger, process: str) -> Tracing | None:
    """What makes spans, where OpenTelemetry's variables say that somebody takes them."""
    if not traces_wanted():
        return None
    try:
        from hub.observe.otel import OpenTelemetry
    except ImportError as error:
        hint = "pip install 'webhook-hub[otel]'"
        _log.error("tracing.missed", error=str(error), hint=hint)
        return None
    return Tracing(OpenTelemetry(process), ledger)


@asynccontextmanager
async def open_hub(
    settings: Settings, redis_url: str, *, embedded: bool = False
) -> AsyncIterator[Hub]:
    """The hub's parts, opened; its background tasks run until the end of the block.

    The database must have this version's tables. Redis need not be there yet.

    Raises:
        StoreError, SettingsError: it cannot start, and why.
    """
    fault_points.arm(settings.fault_point)
    load_functions()  # before the stacks that name them
    blobs = open_blobs(settings.files_url, settings.data)
    ledger = await ledger_of(settings)
    redis = Redis.from_url(redis_url, socket_connect_timeout=2)
    bell = Doorbell(connect_jobs(redis_url))
    supervisor = Supervisor()
    filing = Filing(ledger, blobs, file_bounds_of(settings))
    try:
        async with client_of(settings) as client:
            catalog = Catalog(ledger, variables())
            await catalog.refresh()
            await _make_own_secrets(ledger, catalog)
            worker = new_id("wrk")

            def setting_of(name: str) -> ChannelSetting:
                return catalog.now.channels.of(name)

            channels = Channels(redis, setting_of)
            gates, wanted = Gates(redis), Wanted(redis)
            presence = Presence(redis, setting_of, worker)
            metrics = Metrics()
            channels.tell_heard(metrics.message_heard)
            ledger.on_commit, ledger.on_failure = metrics.committed, metrics.commit_failed
            tracing = tracing_of(ledger, worker)
            supervisor.start("catalog", catalog.follow)
            if settings.alive_file is not None:
                supervisor.start("alive", touching(settings.alive_file))
            supervisor.start("loop", lambda: follow_loop(metrics))
            rates = Rates(redis, metrics)
            supervisor.start("rates", rates.follow)
            news, stopping = DeliveryNews(channels, wanted), Stopping()
            whole = WholeHub(
                ledger, gates, lambda: catalog.now.destinations, settings.files_max_bytes
            )
            tell(metrics.registry, whole)
            process = Process(ledger, bell, supervisor, news, lambda: stopping.open)
            tell(metrics.registry, process)
            try:
                yield Hub(
                    settings=settings,
                    redis_url=redis_url,
                    ledger=ledger,
                    catalog=catalog,
                    channels=channels,
                    bell=bell,
                    client=client,
                    gates=gates,
                    connectors=load_connectors(),
                    presence=presence,
                    supervisor=supervisor,
                    watch=Watch(ledger, channels),
                    worker=worker,
                    embedded=embedded,
                    wanted=wanted,
                    rates=rates,
                    delivery_news=news,
                    filing=filing,
                    metrics=metrics,
                    whole=whole,
                    tracing=tracing,
                    stopping=stopping,
                )
            finally:
                await supervisor.stop()
                await presence.close()
                await gates.close()
                if tracing is not None:
                    await tracing.close()
    finally:
        await bell.close()
        await redis.aclose()
        await filing.close()
        await ledger.close()


async def _make_own_secrets(ledger: Ledger, catalog: Catalog) -> None:
    """What the hub itself signs with; the first process of all makes it."""
    now = catalog.now
    for own, there in (
        (SIGNING, now.signing_secrets),
        (TOKENS, now.token_secrets),
        (FILES, now.file_secrets),
    ):
        if not there:
            secrets = dumps_text({"secrets": [new_secret()]})
            await ledger.write(PUT_ONCE, PutObject(*own, secrets))
    await catalog.refresh()
