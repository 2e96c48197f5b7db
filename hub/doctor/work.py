"""The work: who does it, what waits for too long, what is held back, what cannot run."""

from collections.abc import Sequence

from hub import keys
from hub.doctor.finding import Check, Finding, fine, problem, warning
from hub.doctor.setting import listed
from hub.doctor.site import CATALOG, REDIS, Site
from hub.expr import LANES
from hub.model.destination import DestinationState
from hub.model.time import US_PER_S
from hub.outbound.gates import Gates
from hub.run.lanes import open_lanes
from hub.stack.check import problems_of
from hub.store.condition import delivery_queues, overdue_leases, run_queues
from hub.store.lookup import where
from hub.store.schema import stacks

NO_WORKER = problem(
    "worker_missing",
    "No worker has been heard of for a quarter of a minute: nothing runs and nothing leaves.",
    "Start `hub up`, or `hub worker`, with the same HUB_DATABASE_URL and HUB_REDIS_URL.",
)
LEASES = problem(
    "leases_overdue",
    "Workers have died, and nobody has taken back what they held.",
    "Start a worker: it takes overdue work back every five seconds.",
)
RUNS_STUCK = problem(
    "runs_stuck",
    "Runs have been due for minutes, and none of their lane is under way.",
    "Start a worker (HUB_RUN_CONCURRENCY above 0); look at its log for `task.restarted`.",
)
RUNS_LATE = warning(
    "runs_late",
    "Runs have been due for minutes while others of their lane work.",
    "Start more workers, raise HUB_RUN_CONCURRENCY or the lane's max_concurrent.",
)
DELIVERIES_STUCK = problem(
    "deliveries_stuck",
    "Deliveries have been due for minutes, nothing holds them back, and none is under way.",
    "Start a worker (HUB_DELIVER_CONCURRENCY above 0); look at its log for `task.restarted`.",
)
PAUSED = warning(
    "paused",
    "Somebody has paused this: what belongs to it waits.",
    "Let it go on: `hub resume`, `hub lane resume NAME`, `hub stack resume NAME`.",
)
DISABLED = warning(
    "destination_disabled",
    "This destination is left alone, because it is gone, failed for long, or by hand.",
    "Mend its address, then `hub destination resume SLUG`: what waits goes out in order.",
)
BREAKER = warning(
    "breaker_open",
    "Requests to it failed so often that it is left alone for a while; deliveries wait.",
    "See `hub destination test SLUG`; it is tried again by itself, or after "
    "`hub breaker reset SLUG`.",
)
STACK_BROKEN = problem(
    "stack_broken",
    "This stack has an error: what stands there fails when a run comes to it.",
    "See `hub stack show NAME`, mend it, and apply it again.",
)
SOURCE_OPEN = warning(
    "source_unverified",
    "Whoever knows the address can send events: nothing proves who sent them.",
    'Set `verify` of the source to something else than {"mode": "none"}.',
)


async def _worker(site: Site) -> Sequence[Finding]:
    if not await site.valkey.exists(keys.BEAT):
        return [NO_WORKER.found("There is no beat of a worker in Redis.")]
    return [fine("worker", "A worker was heard of within the last 16 s.")]


async def _leases(site: Site) -> Sequence[Finding]:
    found = await site.server.read(overdue_leases, int(site.limits.lease_s * US_PER_S))
    if any(found.values()):
        said = " and ".join(f"{count:,} {name}" for name, count in found.items() if count)
        return [LEASES.found(f"{said} are held by nobody who lives.")]
    return [fine("leases", "Nothing is held by a worker that is gone.")]


async def _runs(site: Site) -> Sequence[Finding]:
    lanes, without = open_lanes(LANES, site.now)
    queues = await site.server.read(run_queues, [name for name, _ in lanes], without)
    found = []
    for queue in queues:
        late_s = (queue.due_us or 0) / US_PER_S
        if late_s > site.limits.late_s:
            trouble = RUNS_LATE if queue.under_way else RUNS_STUCK
            found.append(trouble.found(f"Lane {queue.name}: the first is {late_s:,.0f} s late."))
    return found or [fine("runs", "No run waits for long.")]


async def _deliveries(site: Site) -> Sequence[Finding]:
    """Those that nothing holds back: paced ones wait for their turn, and may do so for long."""
    held = set() if site.redis is None else await Gates(site.redis).not_closed()
    free = [
        slug
        for slug, each in site.now.destinations.items()
        if each.takes and each.pacing is None and slug not in held
    ]
    queues = [] if site.now.all_paused else await site.server.read(delivery_queues, free)
    found = [
        DELIVERIES_STUCK.found(
            f"{queue.name}: the first is {(queue.due_us or 0) / US_PER_S:,.0f} s late."
        )
        for queue in queues
        if (queue.due_us or 0) > site.limits.late_s * US_PER_S and not queue.under_way
    ]
    return found or [fine("deliveries", "No delivery waits for long without a reason.")]


async def _pauses(site: Site) -> Sequence[Finding]:
    if site.now.paused:
        return [PAUSED.found(f"{listed(sorted(site.now.paused))}.")]
    return [fine("pauses", "Nothing is paused.")]


async def _destinations(site: Site) -> Sequence[Finding]:
    found = [
        DISABLED.found(f"{slug}: {each.state_reason or 'disabled.'}")
        for slug, each in sorted(site.now.destinations.items())
        if each.state is DestinationState.DISABLED
    ]
    return found or [fine("destinations", f"{len(site.now.destinations)}, none is disabled.")]


async def _breakers(site: Site) -> Sequence[Finding]:
    gates = Gates(site.valkey)
    names = sorted(await gates.not_closed())
    states = await gates.states(names) if names else []
    found = [
        BREAKER.found(f"{name}: {each.failed} of {each.calls} requests failed.")
        for name, each in zip(names, states, strict=True)
        if each.state == "open"
    ]
    return found or [fine("breakers", "All are closed.")]


async def _stacks(site: Site) -> Sequence[Finding]:
    now, found = site.now.stacks, []
    for row in await site.server.read(where, stacks):
        name = row["name"]
        if name not in now:
            found.append(STACK_BROKEN.found(f"{name} cannot be loaded by this version."))
            continue
        errors = [e for e in problems_of(now[name], now, "error") if e.severity == "error"]
        if errors:
            place = f"line {errors[0].line}: " if errors[0].line else ""
            found.append(STACK_BROKEN.found(f"{name}: {place}{errors[0].message}"))
    return found or [fine("stacks", f"{len(now)}, none has an error.")]


async def _sources(site: Site) -> Sequence[Finding]:
    unproven = [
        slug for slug, each in sorted(site.now.sources.items()) if each.verify.mode == "none"
    ]
    if unproven:
        return [SOURCE_OPEN.found(f"{listed(unproven)}.")]
    return [fine("sources", f"{len(site.now.sources)}, each is verified.")]


CHECKS = (
    Check("worker", "That a worker lives.", _worker, (NO_WORKER,), REDIS),
    Check("leases", "Work that a dead worker holds.", _leases, (LEASES,), CATALOG),
    Check("runs", "Runs that wait for too long.", _runs, (RUNS_STUCK, RUNS_LATE), CATALOG),
    Check(
        "deliveries",
        "Deliveries that wait for too long.",
        _deliveries,
        (DELIVERIES_STUCK,),
        CATALOG,
    ),
    Check("pauses", "What is paused.", _pauses, (PAUSED,), CATALOG),
    Check("destinations", "Those that are left alone.", _destinations, (DISABLED,), CATALOG),
    Check("breakers", "Breakers that are open.", _breakers, (BREAKER,), REDIS),
    Check("stacks", "Stacks that cannot do what they say.", _stacks, (STACK_BROKEN,), CATALOG),
    Check("sources", "Sources that take from anybody.", _sources, (SOURCE_OPEN,), CATALOG),
)
