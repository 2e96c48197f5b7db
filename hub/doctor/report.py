"""How an examination is shown."""

from collections.abc import Iterator, Sequence

from hub.doctor.examine import NOT_LOOKED_AT, Examined
from hub.doctor.finding import Finding, Grade
from hub.model.json import Json
from hub.printing import print_json, style_of, write_styled

_WIDTH = len("problem")


def show(examined: Sequence[Examined], *, as_json: bool) -> int:
    """Print what was found; 1 where there is a problem, else 0."""
    if as_json:
        print_json(told(examined))
    else:
        _print(examined)
    return 1 if _count(examined, Grade.PROBLEM) else 0


def told(examined: Sequence[Examined]) -> dict[str, Json]:
    """``{"status", "problems", "warnings", "findings": [{status, check, code, what, do}]}``."""
    problems, warnings = (_count(examined, each) for each in (Grade.PROBLEM, Grade.WARNING))
    worst = Grade.PROBLEM if problems else Grade.WARNING if warnings else Grade.OK
    return {
        "status": worst.value,
        "problems": problems,
        "warnings": warnings,
        "findings": [each.check.as_json(found) for each in examined for found in each.findings],
    }


def _print(examined: Sequence[Examined]) -> None:
    left_out: dict[str, list[str]] = {}
    for name, finding in _all(examined):
        if finding.code == NOT_LOOKED_AT.code:
            left_out.setdefault(finding.what, []).append(name)
        else:
            _print_one(name, finding)
    for why, names in left_out.items():
        write_styled((f"{'-':<{_WIDTH}}  Not looked at: {', '.join(names)}. {why}", "dim"))
    problems, warnings = (_count(examined, each) for each in (Grade.PROBLEM, Grade.WARNING))
    write_styled((f"{_counted(problems, 'problem')}, {_counted(warnings, 'warning')}.", "bold"))


def _print_one(name: str, finding: Finding) -> None:
    grade = finding.grade.value
    title = name if finding.grade is Grade.OK else finding.code
    write_styled(
        (f"{grade:<{_WIDTH}}  ", style_of(grade)), (f"{title}: ", "bold"), (finding.what, "")
    )
    if finding.do is not None:
        write_styled((f"{'':<{_WIDTH}}  → {finding.do}", ""))


def _all(examined: Sequence[Examined]) -> Iterator[tuple[str, Finding]]:
    for each in examined:
        for finding in each.findings:
            yield each.check.name, finding


def _count(examined: Sequence[Examined], grade: Grade) -> int:
    """So many findings of that grade; what was not looked at is none."""
    return sum(
        finding.grade is grade and finding.code != NOT_LOOKED_AT.code
        for _, finding in _all(examined)
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
