"""What a simulation came to, as JSON and for people."""

from collections.abc import Iterable, Iterator
from typing import Any

from hub.model.json import Json, dumps_text
from hub.model.time import to_iso
from hub.simulate.simulation import Happening, Simulation

_WIDTH = 90


async def as_json(simulation: Simulation) -> dict[str, Any]:
    """``{"timeline": [{at, kind, …}], "left": […], "tables": {…}}``."""
    return {
        "timeline": [
            {"at": to_iso(each.at_us), "kind": each.kind, **each.what}
            for each in in_order(simulation.notes.happenings)
        ],
        "left": await simulation.left(),
        "tables": await simulation.tables(),
    }


def in_order(happenings: Iterable[Happening]) -> list[Happening]:
    """By time; a run stands before what it did."""
    return sorted(happenings, key=lambda each: (each.at_us, each.kind != "run"))


async def for_people(simulation: Simulation, *, tables: bool = False) -> str:
    """The timeline, a line for each step and for whatever left the hub."""
    lines: list[str] = []
    for each in in_order(simulation.notes.happenings):
        lines += _lines(each)
    left = await simulation.left()
    if left:
        lines += ["", "Would go on later:"]
        lines += [f"  {each['due_at']}  {each['task']}" for each in left]
    if tables:
        for name, rows in (await simulation.tables()).items():
            lines += ["", f"Table {name}:"]
            lines += [f"  {_short(row, 2 * _WIDTH)}" for row in rows]
    return "\n".join([*lines, ""])


def _lines(happening: Happening) -> Iterator[str]:
    at, what = to_iso(happening.at_us), happening.what
    if happening.kind == "run":
        yield from _run_lines(at, what)
    elif happening.kind == "request":
        key = f"  key {what['idempotency_key']}" if what["idempotency_key"] else ""
        yield f"{at}  → {what['method']} {what['url']}{key}"
        if what["body"] is not None:
            yield f"      {_short(what['body'])}"
        answer = "" if what["answer"] is None else f"  {_short(what['answer'])}"
        yield f"      ← {what['status'] or 'no answer'}{answer}"
    elif happening.kind == "message":
        yield f"{at}  ~ {what['channel']}  {what['event']}  {_short(what['data'])}"
    elif happening.kind == "log":
        yield f"{at}  # {what['level']}  {what['message']}"
    else:
        yield f"{at}  @ schedule of {what['task']}"


def _run_lines(at: str, what: dict[str, Json]) -> Iterator[str]:
    yield ""
    yield f"{at}  {what['task']}  {what['status']}  {_short(what['input'])}"
    for step in what["steps"]:
        took = f"{step['duration_ms']:.1f} ms" if step["duration_ms"] else ""
        line = f"  {step['path']:<16} {step['function']:<24} {took:>9}"
        if step["failure"]:
            line += f"  ! {step['failure']['code']}: {step['failure']['message']}"
        elif step["output"] is not None:
            line += f"  {_short(step['output'])}"
        if step["note"]:
            line += f"  ({step['note']})"
        yield line.rstrip()
    if what["failure"]:
        failure = what["failure"]
        place = f" at step {failure['step']}" if failure["step"] else ""
        yield f"  failed{place}: {failure['code']}: {failure['message']}"
    elif what["status"] == "waiting":
        yield f"  waits until {what['due_at']}"
    elif what["result"] is not None:
        yield f"  = {_short(what['result'])}"


def _short(value: Json, most: int = _WIDTH) -> str:
    text = value if isinstance(value, str) else dumps_text(value)
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
