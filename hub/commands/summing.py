"""``hub status``: one screen of what came, ran and went lately, what waits, and what is held."""

from collections.abc import Mapping
from typing import Any

from hub.model.json import Json
from hub.printing import print_json, style_of, write_styled
from hub.store.condition import COUNTED
from hub.web.desk import Desk


async def status(desk: Desk) -> dict[str, Json]:
    """How the hub stands, as ``GET /v1/status`` tells it."""
    told: dict[str, Json] = await desk.ask("GET", "/v1/status")
    return told


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
    _line("breakers", _breakers(told["breakers"]))
    _line("paused", _paused(told["paused"]))
    _line("not active", ", ".join(told["disabled"]) or "none")
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


def _breakers(told: list[Mapping[str, str]] | None) -> str:
    if told is None:
        return "not known: Redis does not answer"
    return ", ".join(f"{each['destination']} ({each['state']})" for each in told) or "none"


def _paused(told: Mapping[str, Any]) -> str:
    lanes = [f"lane {each}" for each in told["lanes"]]
    stacks = [f"stack {each}" for each in told["stacks"]]
    return ", ".join([*(["everything"] if told["all"] else []), *lanes, *stacks]) or "nothing"


def _worker_word(beats: bool | None) -> str:
    if beats is None:
        return "not known: Redis does not answer"
    return "works" if beats else "none was heard of: start `hub up` or `hub worker`"
