"""What is known of a compiled expression before it runs; positions; limits."""

from collections.abc import Callable
from typing import Any

import pytest

from hub.errors import ExpressionError
from hub.expr import (
    Compiled,
    DictContext,
    compile_expression,
    compile_template,
    compile_value,
)
from hub.expr import limits as most

EMPTY = DictContext()


def refused(compile_it: Callable[[Any], Compiled], source: Any, **names: Any) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        compile_it(source).evaluate(DictContext(names))
    return caught.value


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a + b.c[d] || length(e)", "abde"),
        ("a | join: b", "ab"),
        ("{a: b, 'c': [d]}", "bd"),
        ("x ? y : z", "xyz"),
        ("'a'", ""),
        ("env.A", ""),
        ("length(length)", ["length"]),
        ("filter(rows, item.a > limit + index)", ["rows", "limit"]),
        ("map(rows, filter(item.more, $$.a == $index)) || item", ["rows", "item"]),
        ("reduce(rows, result + item + $result, result)", ["rows", "result"]),
        ("map(rows, result)", ["rows", "result"]),
        ("rows | sort_by: item.a : direction", ["rows", "direction"]),
        ("filter(rows, event.id == item.id)", ["rows", "event"]),
    ],
)
def test_it_knows_the_names_that_it_reads(text: str, names: str) -> None:
    assert compile_expression(text).names == frozenset(names)


def test_it_knows_the_variables_that_it_reads() -> None:
    value = compile_value({"url": "{{env.HOST}}/{{env['PATH'].a}}", "to": ["{{env?.MAIL}}"]})
    assert value.uses_env == {"HOST", "PATH", "MAIL"}
    assert not value.names
    assert not value.is_constant


@pytest.mark.parametrize("text", ["{{now()}}", "at {{today()}}", "{{add_days(now(), 1)}}"])
def test_it_knows_that_it_asks_for_the_time(text: str) -> None:
    compiled = compile_template(text)
    assert compiled.uses_clock
    assert not compiled.uses_random
    assert not compiled.is_constant


def test_it_knows_that_it_draws_random_values() -> None:
    compiled = compile_value({"id": "{{generate_uuid()}}"})
    assert compiled.uses_random
    assert not compiled.uses_clock
    assert not compiled.is_constant


@pytest.mark.parametrize(
    "text",
    [
        "{{today()}}",
        "{{random_number()}}",
        "{{shuffle([1, 2])}}",
        "{{to_timestamp('now')}}",
        "{{format_date('2026-01-01', 'Y')}}",
        "{{add_days('2026-01-01', 1)}}",
        "{{get_priority_delay('high')}}",
        "{{map([1], generate_uuid())}}",
        "{{filter([1], item && env.A)}}",
    ],
)
def test_what_looks_at_the_world_is_not_constant(text: str) -> None:
    assert not compile_template(text).is_constant
    assert not compile_expression(text[2:-2]).is_literal


def test_what_looks_at_the_zone_or_the_lanes_says_so() -> None:
    assert compile_expression("format_date(a, 'Y')").reads.zone
    assert compile_expression("map(a, start_of_day(item))").reads.zone
    assert compile_expression("get_priority_delay(a)").reads.lanes
    assert not compile_expression("format_date(a, 'Y')").reads.clock


def test_a_zone_is_asked_for_each_time() -> None:
    compiled = compile_expression("format_date('2026-01-01T00:00:00Z', 'H')")
    hours = [compiled.evaluate(DictContext(zone=zone)) for zone in ("UTC", "Asia/Tokyo")]
    assert hours == ["00", "09"]


@pytest.mark.parametrize("text", ["5", "{{1 + 2}}", "{{uppercase('a')}} b", "{{[1, {a: 2}]}}"])
def test_what_reads_nothing_is_constant(text: str) -> None:
    assert compile_template(text).is_constant


def test_only_what_holds_no_template_is_literal() -> None:
    assert compile_value({"a": [1, "b"]}).is_literal
    assert not compile_value({"a": [1, "{{1}}"]}).is_literal
    assert not compile_value({"{{'a'}}": 1}).is_literal


def test_a_value_without_templates_is_given_as_it_is() -> None:
    value = {"a": [1, 2]}
    assert compile_value(value).evaluate(EMPTY) is value


def test_an_expression_is_compiled_once() -> None:
    assert compile_template("{{a}} once") is compile_template("{{a}} once")
    assert compile_expression("a + 'once'").run is compile_expression("a + 'once'").run


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("a + ", 4),
        ("", 0),
        ("a + )", 4),
        ("a ~ b", 2),
        ("(a", 2),
        ("a + 'b", 4),
        ("1 + nothing(2)", 4),
        ("a + length()", 4),
        ("a | nothing", 4),
        ("a.b.c()", 4),
        ("[1, env]", 4),
        ("a + 1 / 0", 6),
        ("'a' * 2", 4),
        ("1 + 2 - 'a'", 6),
        ("1 < -'a'", 4),
        ("a + sum(['x'])", 4),
        ("[1, to_int('x')]", 4),
        ("1 + env.NOTHING", 4),
        ("1 + sum(map([1], 1 / (item - 1)))", 19),
        ("filter([1], nothing(item))", 12),
        ("map([1], format_date(item, 'Y', 'Nowhere'))", 9),
        ("reduce([1], 5)", 0),
        ("1 + regex_match('a', '(')", 21),
    ],
)
def test_an_error_says_where_in_the_expression(text: str, position: int) -> None:
    assert refused(compile_expression, text).details["position"] == position


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("{{a + }}", 6),
        ("x {{ a + ) }}", 9),
        ("x {{ 1 }} {{ 1 / 0 }} y", 15),
        ("{{1 / 0}}", 4),
        ("ab {{ c", 3),
        ("ab {{ 'c }}", 6),
        ("ab {{ nothing() }}", 6),
    ],
)
def test_an_error_in_a_template_says_where_in_the_template(text: str, position: int) -> None:
    assert refused(compile_template, text).details["position"] == position


@pytest.mark.parametrize(
    ("value", "pointer", "position"),
    [
        ({"a": ["x", "{{1 +}}"]}, "/a/1", 5),
        ({"a": {"b/c~d": "{{1 / n}}"}}, "/a/b~1c~0d", 4),
        ({"{{1 / n}}": 1}, "/{{1 ~1 n}}", 4),
        ([[["{{1 / n}}"]]], "/0/0/0", 4),
    ],
)
def test_an_error_in_a_value_says_in_which_text(value: Any, pointer: str, position: int) -> None:
    details = refused(compile_value, value).details
    assert (details["pointer"], details["position"]) == (pointer, position)


def test_an_error_keeps_its_position_however_often_it_is_evaluated() -> None:
    compiled = compile_template("ab {{ 1 / n }}")
    for _ in range(3):
        with pytest.raises(ExpressionError) as caught:
            compiled.evaluate(EMPTY)
        assert caught.value.details["position"] == 8


def test_an_unknown_function_is_told_the_nearest_name() -> None:
    assert "length()" in refused(compile_expression, "lenght(a)").message


def test_a_method_call_is_told_to_use_the_pipe() -> None:
    assert "| trim" in refused(compile_expression, "name.trim()").message


def test_no_message_holds_a_value() -> None:
    for text in (
        "k * 2",
        "-k",
        "sum([k])",
        "to_int(k)",
        "parse_date(k)",
        "now() | start_of_day: k",
        "regex_match('a', k + '(')",
        "regex_matches(k, 'a')",
        "transform_timestamp(now(), k)",
        "to_timestamp(k)",
        "hash('a', k)",
        "hmac_sha256('a', 'b', k)",
        "jws_decode(k, {}, k)",
        "jws_encode({}, {}, k)",
        "sort_by([1], null, k)",
        "date_diff(now(), now(), k)",
        "set([1], k, 1)",
        "map([k], item * 2)",
        "csv_parse(k, k)",
        "base64_decode(k)",
    ):
        assert "s3cret" not in repr(refused(compile_expression, text, k="s3cret").details)
        assert "s3cret" not in refused(compile_expression, text, k="s3cret").message


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["1"] * 5_000),
        "-".join(["a"] * 5_000),
        "||".join(["a"] * 3_000),
        "&&".join(["1"] * 3_000),
        "??".join(["a"] * 3_000),
        "==".join(["a"] * 3_000),
        "!" * 9_000 + "a",
        "-" * 9_000 + "1",
        "a" + ".b" * 4_900,
        "a" + "[0]" * 3_000,
        "a?1:" * 2_400 + "2",
        "[" + "1," * 4_900 + "]",
        "concat(" + ",".join(["1"] * 4_900) + ")",
        "(" * 64 + "1" + ")" * 64,
        "abs(1+" * 64 + "1" + ")" * 64,
        "[" * 64 + "a" + "]" * 64,
        "a|abs" + "|abs" * 90,
    ],
    ids=lambda text: text[:8],
)
def test_a_long_or_deep_expression_within_the_limits_works(text: str) -> None:
    compile_expression(text).evaluate(EMPTY)


@pytest.mark.parametrize(
    "text",
    [
        "1" * (most.MAX_EXPRESSION_CHARS + 1),
        "9" * 2_000,
        "9" * 1_290,
        "(" * 65 + "1" + ")" * 65,
        "[" * 9_000,
        "{a:" * 3_000,
        "a?" * 3_000 + "1" + ":1" * 2_000,
        "1" + "|abs" * 2_000,
        "f(" * 4_000,
    ],
    ids=lambda text: text[:8],
)
def test_what_goes_over_a_limit_of_the_text_is_refused(text: str) -> None:
    error = refused(compile_expression, text)
    assert error.code == "expression_limit"
    assert f"{error.details['most']:,}" in error.message


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("t + t", "characters of text"),
        ("join([t, t])", "characters of text"),
        ("replace(t, 'a', 'aa')", "characters of text"),
        ("[t, t] + ''", "characters of text"),
        ("split(t, '')", "items of a list"),
        ("range(1, 1000001)", "items of a list"),
        ("concat(l, l)", "items of a list"),
        ("append(l, 1)", "items of a list"),
        ("big * big", "bits of an integer"),
        ("math_pow(2, 5000)", "bits of an integer"),
        ("length([" + "range(1, 999999)," * 20 + "])", "evaluation steps"),
        ("length([" + "t + 1," * 40 + "])", "evaluation steps"),
    ],
)
def test_what_goes_over_a_limit_of_work_is_refused(text: str, limit: str) -> None:
    names = {"t": "a" * 5_000_000, "l": [1] * 1_000_000, "big": 1 << 4_000}
    error = refused(compile_expression, text, **names)
    assert error.code == "expression_limit"
    assert error.details["limit"] == limit


def test_the_work_of_all_templates_of_a_value_counts_together() -> None:
    value = {str(place): "{{length(range(1, 999999))}}" for place in range(40)}
    assert refused(compile_value, value).details["limit"] == "evaluation steps"


def test_a_joined_template_has_a_limit_too() -> None:
    assert refused(compile_template, "{{t}}{{t}}", t="a" * 5_000_000).code == "expression_limit"


def test_values_nested_too_deep_are_refused() -> None:
    value: Any = "{{a}}"
    deep: Any = 1
    for _ in range(3_000):
        value, deep = [value], [deep]
    other = [[deep[0]]]
    assert refused(compile_value, value).code == "expression_limit"
    assert refused(compile_expression, "a == b", a=deep, b=other).code == "expression_limit"
    assert isinstance(refused(compile_expression, "'' + a", a=deep), ExpressionError)
    assert isinstance(refused(compile_expression, "unique([a])", a=deep), ExpressionError)


def test_a_plain_value_may_be_long() -> None:
    text = "x" * 100_000 + "{{1}}"
    assert compile_template(text).evaluate(EMPTY) == "x" * 100_000 + "1"
