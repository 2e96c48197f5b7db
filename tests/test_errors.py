"""The tree of errors is the one that is drawn."""

import inspect

import pytest

from hub import errors
from hub.errors import HubError


def drawn() -> dict[str, str]:
    """Each class of the docstring's tree and the one above it."""
    above: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    _, _, tree = (errors.__doc__ or "").partition("::\n\n")
    for line in tree.partition("\n\n")[0].splitlines():
        depth, name = len(line) - len(line.lstrip()), line.split()[0]
        path = [each for each in path if each[0] < depth]
        above[name] = path[-1][1] if path else "Exception"
        path.append((depth, name))
    return above


def classes() -> list[type[HubError]]:
    """Every error of the module."""
    return [
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, HubError)
    ]


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    assert drawn() == {each.__name__: each.__mro__[1].__name__ for each in classes()}


@pytest.mark.parametrize("each", classes())
def test_an_error_has_a_code_a_message_and_details(each: type[HubError]) -> None:
    error = each("It broke: mend it.", position=3)
    assert (str(error), error.message, error.code) == (
        "It broke: mend it.",
        "It broke: mend it.",
        each.default_code,
    )
    assert error.details == {"position": 3}
    assert each("It broke.", code="broken").code == "broken"
    assert "broken" in repr(each("It broke.", code="broken"))
    assert each.default_code.replace("_", "").isalpha()
    assert each.default_code == each.default_code.lower()


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [each.default_code for each in classes()]
    assert sorted(codes) == sorted(set(codes))
