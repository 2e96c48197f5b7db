"""The figures as a table for people and as JSON for programs."""

from collections.abc import Sequence
from dataclasses import asdict

import orjson

from hub.bench.machine import Machine
from hub.bench.scene import Figure, Result
from hub.bench.targets import target_of

_HEAD = ("ledger", "case", "figure", "measured", "target", "")


def render(machine: Machine, results: Sequence[Result]) -> str:
    """All as text: the machine, the table, the faults, the profiles."""
    rows = [_HEAD, *(row for result in results for row in _rows(result))]
    parts = [_facts(machine), _table(rows)]
    faults = [f"  {each.case} on {each.ledger}: {text}" for each in results for text in each.faults]
    if faults:
        parts.append("\n".join(["Invalid:", *faults]))
    parts += [each.picture for each in results if each.picture]
    parts += [
        f"Profile of {each.case} on {each.ledger} (slower by it): {text}"
        for each in results
        for text in each.profiles
    ]
    return "\n\n".join(parts) + "\n"


def to_json(machine: Machine, results: Sequence[Result]) -> bytes:
    """All as JSON; each figure with its target."""
    told = {
        "valid": not any(each.faults for each in results),
        "machine": asdict(machine),
        "results": [
            {
                "case": result.case,
                "ledger": result.ledger,
                "figures": [_figure(result, figure) for figure in result.figures],
                "faults": result.faults,
            }
            for result in results
        ],
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _figure(result: Result, figure: Figure) -> dict[str, object]:
    target = target_of(result.case, figure.name, result.ledger)
    told: dict[str, object] = {**asdict(figure), "target": None, "stands": None}
    if target is not None:
        told["target"] = {"at_least" if target.at_least else "at_most": target.bound}
        told["stands"] = target.stands(figure.value)
    return told


def _rows(result: Result) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for figure in result.figures:
        target = target_of(result.case, figure.name, result.ledger)
        bound = verdict = ""
        if target is not None:
            bound = f"{'≥' if target.at_least else '≤'} {target.bound:g} {figure.unit}"
            verdict = "stands" if target.stands(figure.value) else "falls short"
        if result.faults:
            verdict = "invalid"
        value = f"{_number(figure.value)} {figure.unit}"
        rows.append((result.ledger, result.case, figure.name, value, bound, verdict))
    return rows


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[n]) for row in rows) for n in range(len(_HEAD))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if n in (3, 4) else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _facts(machine: Machine) -> str:
    load = " ".join(f"{each:.2f}" for each in machine.load_average)
    return (
        f"{machine.cpus} processors, {machine.system}, load average {load}\n"
        f"hub {machine.hub}, Python {machine.python}, SQLite {machine.sqlite}, "
        f"PostgreSQL {machine.postgresql or 'not there'}, Valkey {machine.valkey or 'not there'}\n"
        f"data on {machine.file_system}, {machine.syncs_per_s:,.0f} syncs/s"
    )
