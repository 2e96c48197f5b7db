"""A tour of the mistakes that people make: each is found, at its place, with what to do."""

from pathlib import Path
from typing import Any

import pytest

from hub.commands.checking import problems_in
from hub.model.json import loads

TOUR: list[dict[str, Any]] = loads((Path(__file__).parent / "mistakes" / "tour.json").read_bytes())


@pytest.mark.parametrize("mistake", [pytest.param(each, id=each["name"]) for each in TOUR])
def test_a_mistake_is_found_at_its_place(mistake: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "t.json5"
    path.write_text(mistake["text"], "utf-8")
    found = [each.problem for each in problems_in([path])]
    fitting = [each for each in found if mistake["says"] in each.message]
    assert fitting, [each.message for each in found]
    problem = fitting[0]
    assert [problem.line, problem.column] == mistake["at"]
    assert (problem.severity, problem.code) == (mistake["severity"], mistake["code"])
    if mistake["hint"] is not None:
        assert mistake["hint"] in (problem.hint or "")


def test_the_tour_is_long_enough() -> None:
    assert len(TOUR) >= 40
    assert len({each["name"] for each in TOUR}) == len(TOUR)
