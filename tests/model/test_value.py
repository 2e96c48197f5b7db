"""Values are made quickly, and are values all the same."""

from dataclasses import fields, replace

import pytest

from hub.model.value import value


@value(frozen=True, slots=True)
class Place:
    """Somewhere."""

    name: str
    floor: int = 0


def test_alike_are_equal_and_count_once() -> None:
    assert Place("till", 1) == Place("till", 1) != Place("till")
    assert len({Place("till"), Place("till"), Place("door")}) == 2


def test_another_is_made_of_one() -> None:
    assert replace(Place("till"), floor=2) == Place("till", 2)
    assert [each.name for each in fields(Place)] == ["name", "floor"]


def test_a_field_that_it_does_not_have_is_refused() -> None:
    with pytest.raises(AttributeError):
        Place("till").door = 1  # type: ignore[attr-defined]
