"""What a task does, as people read it, and which step a path in a run means."""

import pytest

from hub.stack.load import load_stack
from hub.stack.outline import finder, outline

LET = '{ function: "create_variable", name: "x", value: 1 }'
TASK = f"""{{
  task: "all",
  function_stack: [
    {{ function: "conditional", condition: true, true_stack: [{LET}], false_stack: [{LET}] }},
    {{ function: "switch", variable: "a", default: [{LET}],
       cases: {{ "a/b": [{LET}], "~": [{LET}] }} }},
    {{ function: "try_catch", try_stack: [{LET}], catch_stack: [{LET}], finally_stack: [{LET}] }},
    {{ function: "parallel", stacks: [[{LET}], [{LET}, {LET}]] }},
    {{ function: "parallel", stacks: {{ left: [{LET}] }} }},
    {{ function: "for_each_loop", array: [], function_stack: [
      {{ function: "while_loop", condition: false, function_stack: [{LET}] }},
    ] }},
    {{ function: "query_all_records", table: "t", sort: [{{ a: "asc" }}] }},
  ],
}}"""
PATHS = [
    *("0", "0/true/0", "0/false/0"),
    *("1", "1/cases/a~1b/0", "1/cases/~0/0", "1/default/0"),
    *("2", "2/try/0", "2/catch/0", "2/finally/0"),
    *("3", "3/0/0", "3/1/0", "3/1/1"),
    *("4", "4/left/0"),
    *("5", "5/*/0", "5/*/0/*/0"),
    "6",
]


def _paths() -> dict[str, str]:
    task = load_stack("s", TASK).tasks["all"]
    return {each.path: each.function for each in outline(task.steps)}


def test_an_outline_holds_every_step_where_a_run_would_have_it() -> None:
    assert list(_paths()) == PATHS


@pytest.mark.parametrize(
    ("path", "function"),
    [
        ("0/true/0", "create_variable"),
        ("1/cases/a~1b/0", "create_variable"),
        ("3/1/1", "create_variable"),
        ("5/17/0", "while_loop"),
        ("5/17/0/3/0", "create_variable"),
        ("6~~2", "query_all_records"),
        ("5/2/0~~1/3/0", "create_variable"),
        ("0/neither/0", None),
        ("7", None),
        ("6/0", None),
        ("", None),
    ],
)
def test_a_path_in_a_run_means_a_step_of_the_outline(path: str, function: str | None) -> None:
    assert finder(_paths())(path) == function
