"""``hub status``: one screen of what came, ran and went lately, what waits, and what is held."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from redis.asyncio import Redis

from hub import keys
from hub.doctor.site import REDIS_ERRORS
from hub.errors import StoreError
from hub.model.ids import Prefix, first_id
from hub.model.json import Json
from hub.model.time import US_PER_S, now_us
from hub.printing import print_json, style_of, write_styled
from hub.store.condition import COUNTED, dead_letters, lately
from hub.store.due import due_destinations
from hub.web.desk import Desk

_LATELY_S = 3600
_ANSWER_S = 2.0
_WORDS: dict[Prefix, str] = {"evt": "events", "run": "runs", "dlv": "deliveries"}


async def status(desk: Desk) -> dict[str, Json]:
    """How the hub stands. Nothing is counted beyond :data:`hub.store.condition.COUNTED`.

    ``worker`` is whether one was heard of; it and ``breakers`` are null while Redis is away.
    """
    ledger, since = desk.hub.ledger, now_us() - _LATELY_S * US_PER_S
    counts = await ledger.read(lately, {prefix: first_id(prefix, since) for prefix in _WORDS})
    lanes = await desk.listed("/v1/lanes", len(_WORDS))
    due = await ledger.read(due_destinations, COUNTED)
    return {
        "within_s": _LATELY_S,
        **{word: counts[prefix] for prefix, word in _WORDS.items()},
        "lanes": {each["name"]: {w: each[w] for w in _LANE} for each in lanes},
        "deliveries_due": {each.destination: each.count for each in due},
        "dead_letters": await ledger.read(dead_letters),
        "breakers": await _breakers(desk),
        "paused": await desk.ask("GET", "/v1/pause"),
        "disabled": [s for s, d in desk.hub.catalog.now.destinations.items() if not d.takes],
        "worker": await _worker(desk.hub.redis_url),
    }


_LANE = ("due", "waiting", "running", "oldest_due_age_s", "paused")


async def _breakers(desk: Desk) -> list[str] | None:
    with suppress(StoreError):
        found = await desk.listed("/v1/breakers", COUNTED)
        return [f"{each['destination']} ({each['state']})" for each in found]
    return None


async def _worker(redis_url: str) -> bool | None:
    given: dict[str, Any] = {"socket_connect_timeout": _ANSWER_S, "socket_timeout": _ANSWER_S}
    with suppress(*REDIS_ERRORS):
        redis: Redis = Redis.from_url(redis_url, **given)
        async with redis:
            return bool(await redis.exists(keys.BEAT))
    return None


def show_status(told: Mapping[str, Any], *, as_json: bool) -> None:
    """Print it: a line for each thing, or one JSON document."""
    if as_json:
        print_json(dict(told))
        return
    for word, title in (("events", "came"), ("runs", "ran"), ("deliveries", "went")):
        _line(title, _counted(told[word]), f"in the last hour, {word}")
    for name, lane in told["lanes"].items():
        if lane["due"] or lane["waiting"] or lane["running"] or lane["paused"]:
            _line(f"lane {name}", _lane(lane))
    _line("due to go", _counted(told["deliveries_due"]))
    _line("dead letters", f"{told['dead_letters']:,}", style="red" if told["dead_letters"] else "")
    _line("breakers", _listed(told["breakers"], "Redis does not answer"))
    _line("paused", _paused(told["paused"]))
    _line("not active", _listed(told["disabled"], ""))
    _line("worker", _worker_word(told["worker"]), style="" if told["worker"] else "red")


def _line(title: str, text: str, note: str = "", style: str = "") -> None:
    tail = f"   ({note})" if note else ""
    write_styled((f"{title:<13} ", "bold"), (text, style or style_of(text)), (tail, "dim"))


def _counted(counts: Mapping[str, int]) -> str:
    shown = [f"{count:,}{'+' if count >= COUNTED else ''} {word}" for word, count in counts.items()]
    return ", ".join(shown) or "nothing"


def _lane(lane: Mapping[str, Any]) -> str:
    parts = [f"{lane[word]:,} {word}" for word in ("due", "waiting", "running") if lane[word]]
    if lane["oldest_due_age_s"]:
        parts.append(f"the oldest for {lane['oldest_due_age_s']:,.0f} s")
    return ", ".join([*parts, *(["paused"] if lane["paused"] else [])])


def _listed(names: list[str] | None, unknown: str) -> str:
    return unknown if names is None else ", ".join(names) or "none"


def _paused(told: Mapping[str, Any]) -> str:
    lanes = [f"lane {each}" for each in told["lanes"]]
    stacks = [f"stack {each}" for each in told["stacks"]]
    return ", ".join([*(["everything"] if told["all"] else []), *lanes, *stacks]) or "nothing"


def _worker_word(beats: bool | None) -> str:
    if beats is None:
        return "not known: Redis does not answer"
    return "works" if beats else "none was heard of: start `hub up` or `hub worker`"
