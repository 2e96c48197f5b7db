"""The database: that it answers, how old it is, whether it keeps what it commits, its clock."""

from collections.abc import Sequence

from hub.doctor.finding import Check, Finding, fine, problem, warning
from hub.doctor.site import DATABASE, Site
from hub.model.time import US_PER_S
from hub.store.condition import Server, server
from hub.store.ledger import Ledger

LEAST_SQLITE, LEAST_POSTGRESQL = (3, 38), (14,)
_DURABLE = {"journal_mode": ("wal",), "synchronous": ("2", "3")}
_FAR_S = 60.0

DOWN = problem(
    "database_down",
    "The database does not answer: no event can be taken.",
    "Start it, and look at HUB_DATABASE_URL (or HUB_DATA): address, password, name.",
)
MISSING = problem(
    "database_missing",
    "No hub has been started in this folder yet.",
    "Start `hub up` once, or run `hub migrate`; or set HUB_DATA to the folder that you mean.",
)
OLD = problem(
    "database_old",
    "The hub needs what this version of the database does not have.",
    "Bring the database to PostgreSQL 14, or Python to one with SQLite 3.38, or newer.",
)
BEHIND = problem(
    "tables_behind",
    "The tables are those of an older hub, or there are none yet.",
    "Run `hub migrate` once (`hub up` does it by itself).",
)
AHEAD = problem(
    "tables_ahead",
    "The tables were written by a newer hub.",
    "Start that newer version again.",
)
WEAK = problem(
    "database_not_durable",
    "What the database commits can be lost when the machine stops.",
    "Switch these on (postgresql.conf, ALTER SYSTEM); SQLite needs a local disk for its folder.",
)
CLOCK = warning(
    "database_clock",
    "The database's clock and this machine's differ: times in lists and logs do not fit together.",
    "Have both machines keep time (chrony, systemd-timesyncd).",
)
CLOCK_FAR = problem(
    "database_clock_far",
    "The clocks differ by more than a minute: signatures and tokens are taken or refused wrongly.",
    CLOCK.do,
)
UNREADABLE = problem(
    "catalog_unreadable",
    "What people have set cannot be read.",
    "Set HUB_SECRET_KEY to the key that the secrets were encrypted with; see the message.",
)


async def _answers(site: Site) -> Sequence[Finding]:
    if site.ledger is None:
        why = site.absent["database"]
        return [(MISSING if why.code == "store_missing" else DOWN).found(why.message)]
    found = await site.ledger.read(server)
    name = _name(site.ledger)
    least = LEAST_SQLITE if site.ledger.dialect == "sqlite" else LEAST_POSTGRESQL
    if version_of(found.version) < least:
        return [OLD.found(f"It is {name} {found.version}.")]
    return [fine("database", f"{name} {found.version}.")]


async def _tables(site: Site) -> Sequence[Finding]:
    if site.standing == "behind":
        return [BEHIND.found("They are not those of this version.")]
    if site.standing == "newer":
        return [AHEAD.found("Their revision is not known here.")]
    return [fine("tables", "They are those of this version.")]


async def _durable(site: Site) -> Sequence[Finding]:
    return durability(_name(site.server), await site.server.read(server))


def durability(name: str, found: Server) -> Sequence[Finding]:
    """Whether a commit is on the disk when it returns."""
    weak = [
        f"{word}={value}"
        for word, value in found.settings.items()
        if value == "off" or value not in _DURABLE.get(word, (value,))
    ]
    if weak:
        return [WEAK.found(f"{name} runs with {', '.join(weak)}.")]
    said = ", ".join(f"{word}={value}" for word, value in found.settings.items())
    return [fine("durability", f"{said}.")]


async def _clock(site: Site) -> Sequence[Finding]:
    before = site.clock_s()
    found = await site.server.read(server)
    middle = (before + site.clock_s()) / 2
    apart = abs(found.now_us / US_PER_S - middle)
    said = f"They differ by {apart:.1f} s."
    if apart > _FAR_S:
        return [CLOCK_FAR.found(said)]
    if apart > site.limits.clock_s:
        return [CLOCK.found(said)]
    return [fine("database_time", said)]


async def _catalog(site: Site) -> Sequence[Finding]:
    if site.catalog is None:
        is_older = site.standing != "current"  # then the tables' own check says so
        return [] if is_older else [UNREADABLE.found(site.absent["catalog"].message)]
    now = site.now
    said = (
        f"{len(now.sources)} sources, {len(now.destinations)} destinations, "
        f"{len(now.stacks)} stacks."
    )
    return [fine("catalog", said)]


def _name(ledger: Ledger) -> str:
    return "SQLite" if ledger.dialect == "sqlite" else "PostgreSQL"


def version_of(text: str) -> tuple[int, ...]:
    """The numbers that a version begins with: ``16.2 (Debian …)`` is ``(16, 2)``."""
    numbers = text.partition(" ")[0].split(".")
    return tuple(int(each) for each in numbers if each.isdigit())


CHECKS = (
    Check("database", "That it answers, and its version.", _answers, (DOWN, MISSING, OLD)),
    Check("tables", "Whether they are this version's.", _tables, (BEHIND, AHEAD), DATABASE),
    Check("durability", "Whether a commit can be lost.", _durable, (WEAK,), DATABASE),
    Check(
        "database_time",
        "The database's clock against this machine's.",
        _clock,
        (CLOCK, CLOCK_FAR),
        DATABASE,
    ),
    Check("catalog", "What people have set can be read.", _catalog, (UNREADABLE,), DATABASE),
)
