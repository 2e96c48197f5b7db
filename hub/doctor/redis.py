"""Redis or Valkey: that it answers, how old it is, what it keeps and throws away, its clock."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from redis.exceptions import ResponseError

from hub.doctor.database import version_of
from hub.doctor.finding import Check, Finding, fine, problem, warning
from hub.doctor.machine import shown_bytes
from hub.doctor.site import REDIS, Site

LEAST = (7,)

DOWN = problem(
    "redis_down",
    "Redis does not answer: events are taken, and nothing leaves until it is back.",
    "Start it, and look at HUB_REDIS_URL: address, password, TLS (rediss://).",
)
STOPPED = warning(
    "hub_stopped",
    "The Valkey that `hub up` brings along does not run here, so neither does the hub.",
    "Start `hub up`; or set HUB_REDIS_URL and HUB_DATABASE_URL to those of the hub you mean.",
)
OLD = problem(
    "redis_old",
    "The hub needs what this version does not have.",
    "Use Redis 7, or Valkey 7.2, or newer.",
)
REPLICA = problem(
    "redis_replica",
    "This is a replica, which takes no writes.",
    "Set HUB_REDIS_URL to the primary.",
)
CLUSTER = problem(
    "redis_cluster",
    "This is a cluster; the hub's scripts need all of their keys in one place.",
    "Use a single primary, with replicas or Sentinel where it has to stay up.",
)
EVICTS = problem(
    "redis_evicts",
    "When its memory is full it throws keys away that the hub still needs: breakers close by "
    "themselves, streams lose messages.",
    "Set maxmemory-policy to noeviction.",
)
FULL = warning(
    "redis_full",
    "Hardly any of the memory that it may use is left: soon it takes no writes.",
    "Raise maxmemory, or shorten the history of channels.",
)
NO_LOG = warning(
    "redis_forgets",
    "It keeps no append-only file: after a restart channels have no history and breakers are "
    "closed. No work is lost by that.",
    "Set appendonly to yes, and appendfsync to everysec.",
)
CLOCK = warning(
    "redis_clock",
    "Its clock and this machine's differ: pacing and breakers wait too long or too short.",
    "Have both machines keep time (chrony, systemd-timesyncd).",
)


async def _answers(site: Site) -> Sequence[Finding]:
    if site.redis is None:
        down = STOPPED if site.embedded_redis and not site.runs else DOWN
        return [down.found(site.absent["redis"].message)]
    told = await site.redis.info()
    name, version = named(told)
    if version_of(version) < LEAST:
        return [OLD.found(f"It is {name} {version}.")]
    if told.get("role") == "slave":
        return [REPLICA.found(f"Its primary is {told.get('master_host')}.")]
    if told.get("cluster_enabled"):
        return [CLUSTER.found(f"It is {name} {version} with cluster-enabled.")]
    return [fine("redis", f"{name} {version}.")]


def named(told: Mapping[str, Any]) -> tuple[str, str]:
    """What it is and its version, by what it tells of itself."""
    if "valkey_version" in told:
        return "Valkey", str(told["valkey_version"])
    return "Redis", str(told.get("redis_version", "0"))


async def _memory(site: Site) -> Sequence[Finding]:
    told = await site.valkey.info("memory")
    most, used, policy = told["maxmemory"], told["used_memory"], told["maxmemory_policy"]
    if not most:
        return [fine("redis_memory", f"{shown_bytes(used)} are used, without a bound.")]
    said = f"{shown_bytes(used)} of {shown_bytes(most)} are used, with {policy}."
    found = [EVICTS.found(said)] if policy != "noeviction" else []
    if used > site.limits.redis_share * most:
        found.append(FULL.found(said))
    return found or [fine("redis_memory", said)]


async def _persistence(site: Site) -> Sequence[Finding]:
    told = await site.valkey.info("persistence")
    synced = "unknown"
    with suppress(ResponseError):  # what is rented out often forbids the question
        config = await site.valkey.config_get("appendfsync")
        synced = config.get("appendfsync", synced)
    if not told.get("aof_enabled"):
        return [NO_LOG.found("appendonly is no.")]
    if synced == "no":
        return [NO_LOG.found("appendfsync is no.")]
    return [fine("redis_persistence", f"appendonly is yes, appendfsync is {synced}.")]


async def _clock(site: Site) -> Sequence[Finding]:
    before = site.clock_s()
    seconds, us = await site.valkey.time()
    apart = abs(seconds + us / 1e6 - (before + site.clock_s()) / 2)
    said = f"They differ by {apart:.1f} s."
    return [CLOCK.found(said) if apart > site.limits.clock_s else fine("redis_time", said)]


CHECKS = (
    Check(
        "redis",
        "That it answers, its version, and that it is one that can be written to.",
        _answers,
        (DOWN, STOPPED, OLD, REPLICA, CLUSTER),
    ),
    Check("redis_memory", "What happens when its memory is full.", _memory, (EVICTS, FULL), REDIS),
    Check("redis_persistence", "What a restart costs.", _persistence, (NO_LOG,), REDIS),
    Check("redis_time", "Its clock against this machine's.", _clock, (CLOCK,), REDIS),
)
