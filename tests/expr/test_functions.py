"""Every function is documented, and every example of its documentation is true."""

import json
from itertools import chain
from pathlib import Path

import pytest

from hub.expr import FUNCTIONS, DictContext, Function, compile_expression
from hub.model.json import loads

CONTEXT = DictContext(variables={"KEY": "k" * 32}, at_us=1_772_731_230_123_456)
PROMISED = loads((Path(__file__).parent / "promised.json").read_bytes())
EXAMPLES = [
    pytest.param(left, right, id=left)
    for entry in FUNCTIONS.values()
    for left, right in entry.examples
]


@pytest.mark.parametrize(("left", "right"), EXAMPLES)
def test_an_example_gives_what_it_says(left: str, right: str) -> None:
    found = compile_expression(left).evaluate(CONTEXT)
    wanted = compile_expression(right).evaluate(CONTEXT)
    assert json.dumps(found) == json.dumps(wanted)


@pytest.mark.parametrize("entry", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_says_what_it_does_and_shows_it(entry: Function) -> None:
    assert entry.summary.endswith(".")
    assert any(entry.canonical in left for left, _ in entry.examples)


@pytest.mark.parametrize("name", sorted(set(chain(*PROMISED.values()))))
def test_the_language_has_this_function(name: str) -> None:
    assert name in FUNCTIONS


def test_functions_leave_their_arguments_as_they_were() -> None:
    rows = [{"a": 1}]
    context = DictContext({"rows": rows, "more": {"b": 2}})
    for text in ("append(rows, 2)", "reverse(rows)", "merge(more, {c: 3})", "concat(rows, rows)"):
        compile_expression(text).evaluate(context)
    assert rows == [{"a": 1}]
    assert context.names["more"] == {"b": 2}


def test_two_uuids_differ_and_the_same_seed_makes_them_again() -> None:
    pair = compile_expression("[generate_uuid(), generate_uuid()]")
    first, second = pair.evaluate(DictContext(seed=7))
    assert first != second
    assert pair.evaluate(DictContext(seed=7)) == [first, second]
    assert pair.evaluate(DictContext(seed=8)) != [first, second]
