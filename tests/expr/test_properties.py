"""For any text and any scope: a JSON value or an ``ExpressionError``, and nothing else."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ExpressionError
from hub.expr import (
    FUNCTIONS,
    DictContext,
    compile_expression,
    compile_template,
    compile_value,
    equal,
    less,
    text_of,
    truthy,
)
from tests.expr.strategies import (
    NAMES,
    foreign,
    json_values,
    literal,
    modest,
    outcome,
    scalars,
    scopes,
)

RANDOM = [name for name, entry in FUNCTIONS.items() if entry.reads.random]
BINARY = ["??", "||", "&&", *"+-*/%<>", "==", "!=", "===", "!==", "<=", ">="]


def with_operators(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    binary = st.sampled_from(BINARY)
    call = st.tuples(st.sampled_from(sorted(FUNCTIONS)), st.lists(inner, max_size=3))
    return st.one_of(
        st.builds("({} {} {})".format, inner, binary, inner),
        st.builds("{} {} {}".format, inner, binary, inner),
        st.builds("{} ? {} : {}".format, inner, inner, inner),
        st.builds("{}{}".format, st.sampled_from(["!", "-", "!-"]), inner),
        st.builds("({})[{}]".format, inner, inner),
        st.builds("({}){}".format, inner, st.sampled_from([".a", "?.b", ".length", ".0"])),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        inner.map(lambda value: f"{{a: {value}}}"),
        call.map(lambda pair: f"{pair[0]}({', '.join(pair[1])})"),
        call.map(lambda pair: f"({' '.join(pair[1][:1]) or 1} | {pair[0]})"),
    )


leaves = st.sampled_from([*NAMES, "now()", "env.X", "env.Y"]) | scalars.map(literal)
expressions = st.recursive(leaves, with_operators, max_leaves=12)
symbols = st.sampled_from(
    [*"{}[]()'\".,:?|&=!<>+-*/%\\ \n01ae$_ü\x00", "{{", "}}", "env", "now()", "??", "?.", "null"]
)
noise = st.lists(symbols, max_size=25).map("".join) | st.text(max_size=30)


@modest
@given(noise, scopes)
def test_noise_gives_a_value_or_an_expression_error(text: str, scope: dict[str, Any]) -> None:
    outcome(compile_expression, text, scope)
    outcome(compile_template, text, scope)
    outcome(compile_template, f"{{{{{text}}}}}", scope)


@modest
@given(expressions, scopes)
def test_an_expression_gives_json_or_an_expression_error(text: str, scope: dict[str, Any]) -> None:
    value = outcome(compile_expression, text, scope)
    if not isinstance(value, ExpressionError):
        json.dumps(value, allow_nan=False)


@modest
@given(expressions, scopes)
def test_an_expression_gives_the_same_alone_in_braces_and_in_a_value(
    text: str, scope: dict[str, Any]
) -> None:
    if any(name in text for name in RANDOM):
        return
    alone = outcome(compile_expression, text, scope)
    braced = outcome(compile_template, f"{{{{ {text} }}}}", scope)
    inside = outcome(compile_value, [f"{{{{ {text} }}}}"], scope)
    if isinstance(alone, ExpressionError):
        assert (braced.code, inside.code) == (alone.code, alone.code)
        assert braced.details["position"] == alone.details["position"] + 3
    else:
        assert json.dumps(braced) == json.dumps(alone)
        assert json.dumps(inside) == json.dumps([alone])


@modest
@given(expressions, st.dictionaries(st.sampled_from(NAMES), foreign | json_values, max_size=4))
def test_foreign_values_in_scope_do_no_harm(text: str, scope: dict[str, Any]) -> None:
    outcome(compile_expression, text, scope)
    outcome(compile_template, f"x {{{{ {text} }}}}", scope)


@modest
@given(expressions, scopes)
def test_a_constant_is_the_same_in_every_scope(text: str, scope: dict[str, Any]) -> None:
    try:
        compiled = compile_expression(text)
    except ExpressionError:
        return
    if compiled.is_constant:
        here, there = (
            outcome(compile_expression, text, scope),
            outcome(compile_expression, text, {}),
        )
        assert isinstance(here, ExpressionError) or json.dumps(here) == json.dumps(there)


@modest
@given(json_values)
def test_a_value_without_braces_compiles_to_itself(value: Any) -> None:
    if "{{" not in json.dumps(value):
        assert compile_value(value).evaluate(DictContext()) is value


@modest
@given(json_values)
def test_a_json_value_written_as_an_expression_is_itself(value: Any) -> None:
    found = outcome(compile_expression, literal(value), {})
    if isinstance(found, ExpressionError):
        assert found.code == "expression_limit"  # integers beyond the limit
    else:
        assert found == value


@modest
@given(json_values, json_values)
def test_equality_is_symmetric_and_holds_for_the_same(one: Any, other: Any) -> None:
    assert equal(one, one)
    assert equal(one, other) == equal(other, one)
    assert not (less(one, other) and less(other, one))
    assert not less(one, one)


@modest
@given(st.integers(-(2**4000), 2**4000), st.integers(-(2**4000), 2**4000))
def test_integers_are_exact(left: int, right: int) -> None:
    context = DictContext({"a": left, "b": right})
    assert compile_expression("a + b").evaluate(context) == left + right
    assert compile_expression("a - b").evaluate(context) == left - right
    assert compile_expression("a == '' + a").evaluate(context) is True
    if right:
        rest = compile_expression("a % b").evaluate(context)
        assert (left - rest) % right == 0
        assert abs(rest) < abs(right)


@modest
@given(json_values, json_values)
def test_or_and_give_an_operand(left: Any, right: Any) -> None:
    context = DictContext({"a": left, "b": right})
    assert compile_expression("a || b").evaluate(context) is (left if truthy(left) else right)
    assert compile_expression("a && b").evaluate(context) is (right if truthy(left) else left)


@modest
@given(json_values)
def test_a_value_reads_as_text(value: Any) -> None:
    text = outcome(compile_template, "{{a}}", {"a": value})
    joined = outcome(compile_template, "<{{a}}>", {"a": value})
    assert text is value
    assert joined == f"<{text_of(value)}>"
