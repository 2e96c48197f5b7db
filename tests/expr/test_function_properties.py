"""For any function and any arguments: JSON or an ``ExpressionError``, in bounded time, and nothing
else is touched."""

import json
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import ExpressionError
from hub.expr import FUNCTIONS, DictContext, compile_expression
from tests.expr.strategies import foreign, json_values, modest, outcome

OWN_NAMES = sorted({entry.canonical for entry in FUNCTIONS.values()})
MOST_S = 10
"""Far above what any call takes, far below minutes: on a machine that counts at ``PACE_S``."""
PACE_S = 0.1

few = settings(modest, max_examples=20)
words = st.sampled_from((Path(__file__).parent / "arguments.txt").read_text("utf-8").splitlines())
arguments = st.lists(st.sampled_from("abcd") | words, max_size=5)
scopes = st.dictionaries(st.sampled_from("abcd"), json_values, max_size=4)


class Trap:
    """A foreign value that notes which of its attributes are asked for."""

    touched: list[str]

    def __init__(self) -> None:
        object.__setattr__(self, "touched", [])

    def __getattribute__(self, name: str) -> Any:
        touched = object.__getattribute__(self, "touched")
        if not name.startswith("__"):
            touched.append(name)
        return object.__getattribute__(self, name)


def call(name: str, given: list[str]) -> str:
    """A call with as many of the arguments as the function takes."""
    entry = FUNCTIONS[name]
    most = 6 if entry.rest else len(entry.converters)
    wanted = [*given, "a", "b", "c", "d"][: max(entry.required, min(len(given), most))]
    return f"{name}({', '.join(wanted)})"


@pytest.mark.parametrize("name", OWN_NAMES)
@few
@given(arguments, scopes)
def test_a_function_gives_json_and_leaves_the_scope_as_it_was(
    name: str, given: list[str], scope: dict[str, Any]
) -> None:
    before = json.dumps(scope)
    value = outcome(compile_expression, call(name, given), scope)
    if not isinstance(value, ExpressionError):
        json.dumps(value, allow_nan=False)
    assert json.dumps(scope) == before


@pytest.mark.parametrize("name", OWN_NAMES)
@few
@given(arguments, st.dictionaries(st.sampled_from("abcd"), foreign | json_values, max_size=4))
def test_foreign_values_do_a_function_no_harm(
    name: str, given: list[str], scope: dict[str, Any]
) -> None:
    outcome(compile_expression, call(name, given), scope)


@pytest.mark.parametrize("name", OWN_NAMES)
def test_no_function_reaches_an_attribute(name: str) -> None:
    for kind in ("{}", "[{}]", "{{a: {}}}", "[{{a: {}}}]"):
        for argument in ("trap", "'touched'", "'a.touched'", "item.touched"):
            trap = Trap()
            given = [kind.format("trap"), argument, "'x'", "trap"]
            outcome(compile_expression, call(name, given), {"trap": trap})
            assert object.__getattribute__(trap, "touched") == []


@pytest.mark.parametrize("value", ["text", ["item"], {"key": 1}, 5, 1.5, True, None], ids=repr)
def test_what_python_knows_of_a_value_no_path_reaches(value: Any) -> None:
    context = DictContext({"v": value})
    for name in dir(value):
        for text in (f"v.{name}", f"get(v, '{name}')", f"first(map([v], '{name}'))"):
            assert compile_expression(text).evaluate(context) is None


@cache
def vast() -> DictContext:
    """Values at or beyond the limits; ``tower`` would be 10^12 items if it were copied. No test
    holds it in a variable of its own: a failed one would write it out."""
    tower: Any = ["x"] * 1_000
    for _ in range(3):
        tower = [tower] * 1_000
    return DictContext(
        {
            "text": "a," * 400_000,
            "numbers": list(range(100_000)),
            "rows": [{"a": place % 7, "b": str(place)} for place in range(20_000)],
            "same_rows": [{"a": place % 7, "b": str(place)} for place in range(20_000)],
            "tower": tower,
            "number": 1 << 4_090,
        }
    )


def ends_soon(text: str) -> str:
    """The error's code, or that there is a value."""
    begun = time.thread_time()
    try:
        compile_expression(text).evaluate(vast())
        result = "value"
    except ExpressionError as error:
        result = error.code
    took_s = time.thread_time() - begun
    assert took_s < MOST_S or took_s * PACE_S / pace_s() < MOST_S
    return result


def pace_s() -> float:
    """How long this machine, as it is now, takes for a fixed piece of work."""
    begun = time.thread_time()
    sum(n * n for n in range(2_000_000))
    return time.thread_time() - begun


@pytest.mark.parametrize("name", OWN_NAMES)
def test_giants_end_in_a_value_or_an_error_soon(name: str) -> None:
    others = ["item", "[item, tower, $parent]"] if FUNCTIONS[name].binds else ["1"]
    for giant in ("text", "numbers", "rows", "tower", "number"):
        for other in (*others, giant):
            ends_soon(call(name, [giant, other]))


@pytest.mark.parametrize(
    "text",
    [
        "map(rows, [item, map(rows, item.a)])",
        "map(rows, {all: rows, own: item})",
        "filter(numbers, item && rows == same_rows)",
        "filter(numbers, in_array(item, numbers))",
        "reduce(numbers, [result, result], 1)",
        "reduce(numbers, append(result, item), [])",
        "reduce(numbers, set(result, '' + item, rows), {})",
        "map(numbers, text + item)",
        "map(numbers, item + regex_replace(text, ',', ';'))",
        "some(numbers, item < 0 || !every(numbers, item >= 0))",
        "sum(rows, item.a + length(filter(rows, item.a == 1)))",
        "fill(fill(fill('x', 1000), 1000), 1000)",
        "json_encode(tower)",
        "'' + tower",
        "flatten(tower)",
        "unique([tower])",
        "sort_by([tower, tower])",
        "in_array(tower, tower)",
    ],
)
def test_work_that_multiplies_ends_in_a_limit(text: str) -> None:
    assert ends_soon(text) == "expression_limit"


def test_much_work_of_a_simple_kind_is_done() -> None:
    assert ends_soon("map(numbers, item * 2 + index)") == "value"
    assert ends_soon("sort_by(filter(rows, item.a > 3), item.b, 'desc')") == "value"
    assert ends_soon("group_by(rows, item.a)") == "value"
    assert ends_soon("map(rows, {a: item.a, b: item.b})") == "value"
