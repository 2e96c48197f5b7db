"""``docs/alerts.md``: written by hand, but for the tables of conditions and of built-in rules."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from hub.model.alert import BUILT_IN
from hub.model.condition import CONDITIONS, Condition, lasting

PAGE = "docs/alerts.md"
_BEGIN = "<!-- {name}: made from hub/model; do not edit -->"
_END = "<!-- end of {name} -->"


def alerts_page() -> str:
    """The page as it stands, with its tables made anew; where there is none, only these.

    Raises:
        ValueError: it has no place for them.
    """
    tables = {"rules": _rules(), "conditions": _conditions()}
    path = Path(PAGE)
    text = path.read_text("utf-8") if path.exists() else _bare(tables)
    for name, lines in tables.items():
        begin, end = _BEGIN.format(name=name), _END.format(name=name)
        made = "\n".join([begin, "", *lines, "", end])
        place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        text, found = place.subn(lambda _, made=made: made, text)  # type: ignore[misc]  # bound now
        if found != 1:
            raise ValueError(f"{PAGE} needs {begin!r} and {end!r}, once each")
    return text


def _bare(names: Iterable[str]) -> str:
    return "".join(f"{_BEGIN.format(name=each)}\n{_END.format(name=each)}\n" for each in names)


def _conditions() -> Iterator[str]:
    yield "| `when` | `of` | what is measured | `threshold` | `window_s` | `for_s` |"
    yield "|---|---|---|---|---|---|"
    for each in CONDITIONS.values():
        about = "" if each.about is None else f"`{each.about}`"
        window = "" if each.window_s is None else f"{each.window_s:g}"
        threshold = _threshold(each)
        yield (
            f"| `{each.name}` | {about} | {each.watches} | {threshold} | {window} "
            f"| {each.for_s:g} |"
        )


def _threshold(condition: Condition) -> str:
    if condition.threshold is None:
        return ""
    said = f"{condition.threshold:g}"
    if condition.is_low:
        said = f"{said} or less"
    if condition.at_least is not None:
        said += f", `at_least` {condition.at_least}"
    if condition.ratio is not None:
        said += f", `ratio` {condition.ratio:g}"
    return said


def _rules() -> Iterator[str]:
    yield "| rule | `when` | holds for | severity |"
    yield "|---|---|---|---|"
    for slug, rule in BUILT_IN.items():
        waits = lasting(rule.wait_s) if rule.wait_s else "at once"
        yield f"| `{slug}` | `{rule.when}` | {waits} | {rule.severity.value} |"
