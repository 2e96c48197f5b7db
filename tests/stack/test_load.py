"""Loading stacks: which documents become tasks, and what is said of those that do not."""

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import InvalidError
from hub.model.json import dumps, dumps_text
from hub.stack.json5 import parse_documents
from hub.stack.load import load_stack
from hub.stack.references import unknown
from hub.stack.steps import STEPS
from hub.stack.task import Stack

STEP = '{function: "create_variable", name: "a", value: 1}'
WHOLE = """
// what n8n sends
{
  task: "sell",
  description: "Sells.",
  source: "n8n",
  function_stack: [
    {function: "add_record", table: "sales", data: {n: "{{n + 1}}"}, as: "sale"},
    {function: "conditional", condition: "{{sale.n > 3}}", if: "{{event}}",
      true_stack: [{function: "deliver", destination: "till", payload: "{{sale}}"}]},
    {function: "for_each_loop", array: "{{items}}", function_stack: [
      {function: "update_variable", variable: "last", value: "{{loop_item}}"},
      {function: "get_record", table: "stock", record_id: "{{loop_item.id}}"},
    ]},
    {function: "return_response", body: {ok: true}},
  ],
}
"""


def named(text: str) -> list[str]:
    return list(load_stack("shop", text).tasks)


def refused(text: str) -> list[dict[str, Any]]:
    """Every problem of the text, checked to be ones that an answer can carry."""
    with pytest.raises(InvalidError) as caught:
        load_stack("shop", text)
    error = caught.value
    assert error.code == "stack_invalid"
    problems = error.details["problems"]
    assert problems[0]["message"] in error.message
    dumps([error.message, problems])
    return list(problems)


def only(text: str) -> dict[str, Any]:
    [problem] = refused(text)
    return problem


def said(text: str) -> list[str]:
    return [problem["message"] for problem in refused(text)]


def step(**fields: Any) -> str:
    """A stack of one step."""
    return dumps_text({"function_stack": [fields]})


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f'{{task: "sell", function_stack: [{STEP}]}}', ["sell"]),
        (f'{{background_task: "sell", function_stack: [{STEP}]}}', ["sell"]),
        (f'{{name: "sell", function_stack: [{STEP}]}}', ["sell"]),
        (f"{{function_stack: [{STEP}]}}", ["shop"]),
        ("{function_stack: []}", ["shop"]),
        (f"{{sell: [{STEP}], ship: []}}", ["sell", "ship"]),
        (f"{{sell: {{function_stack: [{STEP}]}}}}", ["sell"]),
        (f'{{sell: {{task: "ship", function_stack: [{STEP}]}}}}', ["ship"]),
        (f"{{task: [{STEP}]}}", ["task"]),
        (f"{{queue: [{STEP}], retry: {{function_stack: []}}}}", ["queue", "retry"]),
        (f'{{task: "a", function_stack: []}} {{b: []}} /* . */ {{c: [{STEP}]}}', ["a", "b", "c"]),
    ],
)
def test_every_shape_of_a_document_gives_its_tasks(text: str, names: list[str]) -> None:
    assert named(text) == names


def test_a_task_knows_its_names_its_source_and_its_steps() -> None:
    task = load_stack("shop", WHOLE).tasks["sell"]
    assert (task.full_name, task.source, task.description) == ("shop/sell", "n8n", "Sells.")
    assert [each.function for each in task.steps] == [
        "add_record",
        "conditional",
        "for_each_loop",
        "return_response",
    ]
    assert task.names == {"n", "sale", "event", "items", "loop_item"}


def test_equal_documents_have_the_same_version_however_they_are_written() -> None:
    loaded = load_stack("shop", WHOLE)
    other = load_stack("shop", dumps_text(_plain(WHOLE)))
    assert loaded.version == other.version
    assert load_stack("shop", f"/* new */ {WHOLE} // .").version == loaded.version
    assert load_stack("shop", WHOLE.replace("n + 1", "n + 2")).version != loaded.version


def test_a_stack_in_yaml_is_the_same_stack() -> None:
    text = """
# what n8n sends
task: sell
description: Sells.
source: n8n
function_stack:
  - {function: add_record, table: sales, data: {n: "{{n + 1}}"}, as: sale}
  - function: conditional
    condition: "{{sale.n > 3}}"
    if: "{{event}}"
    true_stack:
      - {function: deliver, destination: till, payload: "{{sale}}"}
  - function: for_each_loop
    array: "{{items}}"
    function_stack:
      - {function: update_variable, variable: last, value: "{{loop_item}}"}
      - {function: get_record, table: stock, record_id: "{{loop_item.id}}"}
  - function: return_response
    body: {ok: true}
"""
    assert load_stack("shop", text).version == load_stack("shop", WHOLE).version
    assert named(text) == ["sell"]
    problem = only(text.replace("table: stock", "table: t, tabel: stock"))
    assert (problem["line"], problem["column"]) == (17, 42)
    assert problem["message"] == "'tabel' is not known here."


def _plain(text: str) -> Any:
    [document] = parse_documents(text)
    return document.value


def test_all_problems_of_a_text_are_told_at_once_each_at_its_place() -> None:
    text = """{
  sell: [
    {function: 5, table: "t"},
    {function: "add_record", tabel: "t", data: {}},
    "ship",
    {function: "deliver", destination: "till"},
  ],
  ship: {tsak: "x", function_stack: {}},
  other: 5,
}
[1]"""
    assert [(p["line"], p["column"], p["pointer"], p["message"]) for p in refused(text)] == [
        (3, 5, "/sell/0", "A step must be an object with a 'function'."),
        (4, 5, "/sell/1", "'table' is missing."),
        (4, 30, "/sell/1/tabel", "'tabel' is not known here."),
        (5, 5, "/sell/2", "A step must be an object with a 'function'."),
        (6, 5, "/sell/3", "Give either 'payload' or 'items'."),
        (8, 10, "/ship/tsak", "'tsak' is not known here."),
        (8, 21, "/ship/function_stack", "'function_stack' must be a list of steps."),
        (9, 3, "/other", "'other' is neither a list of steps nor an object with a function_stack."),
        (11, 1, "", "A stack document must be an object."),
    ]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (step(function="add_record", table="t", data={}, dta=1), "data"),
        (step(function="get_record", table="t", recordid=1), "record_id"),
        (step(function="get_record", table="t", If=1), "if"),
        (step(function="update_variable", name="a", variabel="a", value=1), "variable"),
        ('{taks: "sell", function_stack: []}', "task"),
        ('{task: "sell", function_stack: [], functon_stack: []}', "function_stack"),
    ],
)
def test_the_nearest_word_is_offered_for_a_slip(text: str, hint: str) -> None:
    assert only(text)["hint"] == f"Did you mean {hint!r}?"


def test_nothing_is_offered_for_what_is_near_to_nothing() -> None:
    assert only(step(function="add_record", table="t", data={}, xyzzy=1))["hint"] is None


def test_another_function_is_a_task_that_may_come_later() -> None:
    text = """{sell: [
      {function: "add_recrod", table: "t"},
      {function: "run_task", task: "ship", data: {n: 1}},
      {function: "background_task", task: "{{next}}"},
    ]}"""
    stack = load_stack("shop", text)
    assert [(each.kind, each.name, each.inline) for each in stack.references] == [
        ("function", "add_recrod", True),
        ("task", "ship", True),
    ]
    slip, task = (unknown(each, ["shop", "sell"], "error") for each in stack.references)
    assert (slip.line, slip.column, slip.pointer) == (2, 8, "/sell/0/function")
    assert slip.message == "There is no function and no task 'add_recrod'."
    assert slip.hint == "Did you mean 'add_record'?"
    assert (task.line, task.message, task.hint) == (
        3,
        "There is no task 'ship'.",
        "Did you mean 'shop'?",
    )


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("Add Record", "add_record"),
        ("add-record", "add_record"),
        ("ADD_RECORD", "add_record"),
    ],
)
def test_a_function_may_be_written_as_a_title(name: str, function: str) -> None:
    [task] = load_stack("shop", step(function=name, table="t", data={})).tasks.values()
    assert task.steps[0].function == function


def test_a_task_whose_steps_are_missing_is_told_so() -> None:
    assert said('{task: "sell", functon_stack: []}') == [
        "'function_stack' is missing.",
        "'functon_stack' is not known here.",
    ]


def test_two_tasks_of_one_name_are_refused_where_the_second_stands() -> None:
    problem = only('{sell: []}\n{task: "sell", function_stack: []}')
    assert problem["message"] == "There are two tasks named 'sell'."
    assert (problem["line"], problem["column"]) == (2, 1)
    assert said("{function_stack: []} {function_stack: []}") == [
        "There are two tasks named 'shop'."
    ]


@pytest.mark.parametrize("text", ["[]", '"sell"', "5", "null"])
def test_a_document_that_is_no_object_is_refused(text: str) -> None:
    assert said(text) == ["A stack document must be an object."]


def test_a_document_without_any_task_is_refused() -> None:
    assert said("{}") == ["There is no task in this document."]


def test_an_expression_that_cannot_be_compiled_is_told_at_its_place() -> None:
    text = """{task: "sell", function_stack: [
  {function: "conditional", conditional: 1, condition: true, true_stack: [
    {function: "add_record", table: "t", data: {"a/b": ["ok",
      "x {{ 1 + }}"]}}]}]}"""
    expression, key = sorted(refused(text), key=lambda p: -int(p["line"]))
    assert expression["pointer"] == "/function_stack/0/true_stack/0/data/a~1b/1"
    assert (expression["line"], expression["column"]) == (4, 7)
    assert expression["message"].startswith("The expression ends too early")
    assert expression["message"].endswith("(At character 10 of the text.)")
    assert key["pointer"] == "/function_stack/0/conditional"


def test_what_an_expression_says_is_told_as_it_is() -> None:
    problem = only(step(function="create_variable", name="a", value="{{ '{message}' + {limit} }}"))
    assert problem["pointer"] == "/function_stack/0/value"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"task": 5}, "'task' must be text."),
        ({"source": []}, "'source' must be text."),
        ({"function_stack": {}}, "'function_stack' must be a list of steps."),
        ({"function_stack": None}, "'function_stack' must be a list of steps."),
    ],
)
def test_a_field_of_another_kind_is_told_in_plain_words(
    fields: dict[str, Any], message: str
) -> None:
    assert said(dumps_text({"function_stack": [], **fields})) == [message]


def test_a_broken_document_is_refused_before_its_steps_are_looked_at() -> None:
    with pytest.raises(InvalidError) as caught:
        load_stack("shop", "{function_stack: [")
    assert caught.value.code == "document_broken"


def test_a_hundred_kilobytes_are_loaded_at_once() -> None:
    one = '{function: "add_record", table: "t{{a}}", data: {a: "{{input.x + 1}}", b: [1, "x"]}},\n'
    text = "{function_stack: [" + one * (100_000 // len(one)) + "]}"
    begun = time.process_time()
    loaded = load_stack("shop", text)
    assert time.process_time() - begun < 1.5
    assert len(loaded.tasks["shop"].steps) > 1000


def test_stacks_inside_each_other_are_loaded_as_deep_as_a_document_goes() -> None:
    text = STEP
    for _ in range(48):
        text = f'{{function: "conditional", condition: true, true_stack: [{text}]}}'
    assert named(f"{{function_stack: [{text}]}}") == ["shop"]


words = st.sampled_from(
    [*STEPS, "task", "name", "function", "function_stack", "true_stack", "as", "if", "data", "x"]
)
scraps = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | words
    | st.sampled_from(["{{a}}", "{{ a + }}", "{{", "{{ {a: 1}.a }}", "{{nofun()}}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [at, *(place for key, each in inner for place in places(each, (*at, key)))]


def mutated(value: Any, at: tuple[Any, ...], scrap: Any) -> Any:
    if not at:
        return scrap
    copy: Any = list(value) if isinstance(value, list) else dict(value)
    copy[at[0]] = mutated(value[at[0]], at[1:], scrap)
    return copy


BASE = _plain(WHOLE)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 10_000), scraps | words), min_size=1, max_size=3))
def test_any_change_of_a_document_gives_a_stack_or_problems_and_nothing_else(
    changes: list[tuple[int, Any]],
) -> None:
    value = BASE
    for number, scrap in changes:
        found = places(value)
        value = mutated(value, found[number % len(found)], scrap)
    text = dumps_text(value)
    try:
        loaded = load_stack("shop", text)
    except InvalidError as error:
        for problem in error.details["problems"]:
            assert problem["line"] == 1, "a JSON text in one line"
            assert problem["message"]
        dumps(error.details)
    else:
        assert isinstance(loaded, Stack)
        assert loaded.tasks


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(WHOLE)), st.integers(0, 30), st.text(max_size=4))
def test_any_change_of_a_text_gives_a_stack_or_problems_and_nothing_else(
    begin: int, length: int, scrap: str
) -> None:
    text = WHOLE[:begin] + scrap + WHOLE[begin + length :]
    problems: list[Any] = [{}]
    try:
        load_stack("shop", text)
    except InvalidError as error:
        problems = error.details["problems"]
    assert problems
    dumps(problems)
