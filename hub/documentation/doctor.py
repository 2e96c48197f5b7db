"""``docs/doctor.md``."""

from collections.abc import Iterable

from hub.doctor import CHECKS, INSIDE
from hub.doctor.examine import CHECK_S, OF_ANY
from hub.doctor.finding import Trouble


def doctor_page() -> str:
    """The page: each check with the troubles that it can find."""
    lines = [
        "# The doctor",
        "",
        "Made from `hub/doctor`; do not edit.",
        "`hub doctor` looks at everything that the hub needs, says what is wrong, and what to do.",
        "It runs with the same settings as the hub, beside it or without it;",
        "neither the database nor Redis has to answer; nothing is sent, but a question to the hub.",
        "`hub doctor CHECK...` makes only some checks; `--json` prints one document:",
        "`{status, problems, warnings, findings: [{status, check, code, what, do}]}`.",
        f"Each check ends within {CHECK_S:g} s.",
        "The exit code is 1 where there is a problem, else 0.",
        "`GET /v1/health`, and the page Health of the dashboard, tell the same of a hub that runs,",
        f"without the checks that reach out: {_apart()}.",
        "",
        "A *problem* means that the hub does not work, or can lose what it was given.",
        "A *warning* means that it works, and that something should be mended all the same.",
        "",
    ]
    for check in CHECKS:
        lines += [f"## {check.name}", "", check.about, "", *_table(check.troubles)]
    lines += ["## Any check", "", *_table(OF_ANY)]
    return "\n".join(lines)


def _apart() -> str:
    return ", ".join(f"`{each.name}`" for each in CHECKS if each not in INSIDE)


def _table(troubles: Iterable[Trouble]) -> list[str]:
    rows = [
        f"| `{each.code}` | {each.grade.value} | {each.about} | {each.do} |".replace("\n", " ")
        for each in troubles
    ]
    return ["| code | | what it means | what to do |", "|---|---|---|---|", *rows, ""]
