"""Every function is documented, and every example of its documentation is true."""

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ExpressionError
from hub.expr import FAMILIES, FUNCTIONS, DictContext, Function, compile_expression
from hub.expr.functions.registry import function
from hub.model.json import loads
from tests.expr.strategies import modest

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


def test_an_alias_is_the_same_function_by_another_name() -> None:
    alias, own = FUNCTIONS["to_lower"], FUNCTIONS["lowercase"]
    assert (alias.name, alias.canonical, own.canonical) == ("to_lower", "lowercase", "lowercase")
    assert alias.call is own.call
    assert alias.aliases == own.aliases == ["to_lower"]
    with pytest.raises(ExpressionError) as caught:
        compile_expression("to_lower()")
    assert caught.value.message.startswith("to_lower()")


def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="two functions are named length"):
        function("length")(len)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("truncate", "truncate(text, characters, end = '...')"),
        ("to_upper", "uppercase(text)"),
        ("concat", "concat(...values)"),
        ("sum", "sum(items, field?)"),
        ("format_timestamp", "format_date(moment, pattern, zone?)"),
        ("reduce", "reduce(items, expression, initial = 0)"),
    ],
)
def test_a_function_shows_how_it_is_called(name: str, shown: str) -> None:
    assert FUNCTIONS[name].signature == shown


def test_every_function_stands_in_a_family() -> None:
    modules = {module.__name__ for modules in FAMILIES.values() for module in modules}
    assert {entry.call.__module__ for entry in FUNCTIONS.values()} == modules


def test_functions_leave_their_arguments_as_they_were() -> None:
    rows = [{"a": 1}]
    context = DictContext({"rows": rows, "more": {"b": 2}})
    for text in (
        "append(rows, 2)",
        "reverse(rows)",
        "shuffle(rows)",
        "sort_by(rows, 'a', 'desc')",
        "merge(more, {c: 3})",
        "concat(rows, rows)",
        "set(rows, '0.a', 2)",
        "unset(rows, '0.a')",
        "reduce(rows, set(result, 'a', item), more)",
    ):
        compile_expression(text).evaluate(context)
    assert rows == [{"a": 1}]
    assert context.names["more"] == {"b": 2}


def test_two_uuids_differ_and_the_same_seed_makes_them_again() -> None:
    pair = compile_expression("[generate_uuid(), generate_uuid()]")
    first, second = pair.evaluate(DictContext(seed=7))
    assert first != second
    assert pair.evaluate(DictContext(seed=7)) == [first, second]
    assert pair.evaluate(DictContext(seed=8)) != [first, second]


names = st.text("ab,;\"'\n é", min_size=1).map(str.strip).filter(bool)
cells = st.text("ab,;\"'\r\n é=", max_size=8)


@modest
@given(
    st.lists(names, min_size=1, max_size=4, unique=True).flatmap(
        lambda heads: st.lists(st.fixed_dictionaries(dict.fromkeys(heads, cells)))
    ),
    st.sampled_from([",", ";", "\t"]),
)
def test_a_table_that_is_written_is_read_as_it_was(rows: list[Any], separator: str) -> None:
    context = DictContext({"rows": rows, "by": separator})
    read = compile_expression("csv_parse(csv_encode(rows, by), by)").evaluate(context)
    assert read == rows


def test_a_long_value_of_a_table_is_read() -> None:
    long = "x" * 200_000
    context = DictContext({"text": f"a,b\n1,{long}\n"})
    assert compile_expression("csv_parse(text)").evaluate(context) == [{"a": "1", "b": long}]


def test_a_table_of_too_many_fields_is_refused_before_it_is_made() -> None:
    rows = [{f"f{n}": 1} for n in range(2_000)]
    with pytest.raises(ExpressionError) as caught:
        compile_expression("csv_encode(rows)").evaluate(DictContext({"rows": rows}))
    assert caught.value.code == "expression_limit"
    long = [{"a": "x" * 1_000_000}] * 9
    with pytest.raises(ExpressionError, match="rows at a time"):
        compile_expression("csv_encode(rows)").evaluate(DictContext({"rows": long}))
