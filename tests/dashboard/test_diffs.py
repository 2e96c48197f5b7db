import pytest

from hub.dashboard.diffs import MOST_LINES, lines_between
from hub.errors import TooLargeError


def _told(before: str, after: str) -> list[tuple[str, int | None, int | None, str]]:
    return [
        (each.sign, each.before, each.after, each.text) for each in lines_between(before, after)
    ]


def test_lines_have_a_sign_and_their_numbers_in_both_texts() -> None:
    assert _told("a\nb\nc", "a\nB\nc") == [
        (" ", 1, 1, "a"),
        ("-", 2, None, "b"),
        ("+", None, 2, "B"),
        (" ", 3, 3, "c"),
    ]


@pytest.mark.parametrize("text", ["", "a\nb"])
def test_the_same_text_differs_nowhere(text: str) -> None:
    assert _told(text, text) == []


def test_lines_far_from_any_change_are_left_out_and_that_is_said() -> None:
    before = [str(n) for n in range(100)]
    after = [*before[:10], "new", *before[10:80], *before[81:]]
    lines = lines_between("\n".join(before), "\n".join(after))
    assert [each.text for each in lines if each.sign != " "] == ["new", "80"]
    assert [each.text for each in lines if each.is_far] == ["7", "77"]
    assert len(lines) == 14


def test_a_line_without_end_is_cut_and_signs_that_turn_text_are_spelled_out() -> None:
    (line,) = lines_between("", f"\u202e{'x' * 10_000}")
    assert line.text.startswith("\\u202e")
    assert len(line.text) < 3_000


def test_texts_that_are_too_long_are_refused() -> None:
    with pytest.raises(TooLargeError):
        lines_between("", "x\n" * (MOST_LINES + 1))
