"""The steps of a run as they are read: what its journal holds, and the one that failed."""

from typing import Any

from hub.bootstrap import Hub
from hub.errors import HubError
from hub.model.json import Json, loads
from hub.model.time import from_iso, now_us, to_iso
from hub.run.past import inputs_of
from hub.stack.journal import Entry, decode
from hub.stack.outline import finder, outline
from hub.store.runs import journal_of


async def steps_of(hub: Hub, row: dict[str, Any]) -> list[dict[str, Json]]:
    """All of them, in the order in which they went; ``row`` is the run's."""
    entries = [
        entry
        for segment in await hub.ledger.read(journal_of, row["id"])
        for entry in decode(segment)
        if not entry.path.endswith("?")  # what an ``if`` read of the clock
    ]
    steps = [_shown_step(entry) for entry in entries]
    failure = None if row["failure"] is None else loads(row["failure"])
    told = any(step["failure"] and step["path"] == failure["step"] for step in steps if failure)
    if failure and failure["step"] is not None and not told:
        steps.append(_failed_step(failure, await _function_at(hub, row, failure["step"])))
    return steps


async def with_input(
    hub: Hub, row: dict[str, Any], steps: list[dict[str, Json]]
) -> list[dict[str, Json]]:
    """Steps of a run with what their fields came to, which is computed from its journal."""
    zone = hub.settings.timezone
    journal = await hub.ledger.read(journal_of, row["id"])
    for step in steps:
        began = step["started_at"]
        at_us = now_us() if began is None else from_iso(began)
        place = (step["path"], at_us)
        step["input"] = await inputs_of(hub.ledger, hub.catalog, zone, row, journal, place)
    return steps


def _shown_step(entry: Entry) -> dict[str, Json]:
    return {
        "path": entry.path,
        "function": entry.function,
        "status": "failed" if entry.failure else "succeeded",
        "started_at": to_iso(entry.started_at),
        "duration_ms": round(entry.duration_us / 1000, 3),
        "input": None,
        "output": entry.output,
        "note": entry.note,
        "failure": entry.failure and {"code": entry.failure.code, "message": entry.failure.message},
    }


def _failed_step(failure: dict[str, Json], function: str | None) -> dict[str, Json]:
    return {
        "path": failure["step"],
        "function": function,
        "status": "failed",
        "started_at": None,
        "duration_ms": None,
        "input": None,
        "output": None,
        "note": None,
        "failure": {"code": failure["code"], "message": failure["message"]},
    }


async def _function_at(hub: Hub, row: dict[str, Any], path: str) -> str | None:
    """The function of the step at a path, if its version can still be read."""
    try:
        task = await hub.catalog.task(row["task"], row["version"])
    except HubError:
        return None
    found = finder({each.path: each for each in outline(task.steps)})(path)
    return None if found is None else found.function
