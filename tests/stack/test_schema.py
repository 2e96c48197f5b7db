"""The JSON Schema of stacks takes what the loader takes, and refuses what people mistype."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from hub.documentation.examples import EXAMPLES
from hub.model.json import loads
from hub.stack.json5 import parse_documents
from hub.stack.schema import stack_schema
from tests.program import STACKS

VALIDATOR = jsonschema_rs.validator_for(stack_schema())
TOUR = loads((Path(__file__).parent / "mistakes" / "tour.json").read_bytes())


def valid(value: Any) -> bool:
    return bool(VALIDATOR.is_valid(value))


@pytest.mark.parametrize("path", sorted(STACKS.rglob("*.json5")), ids=lambda path: path.stem)
def test_every_shipped_stack_fits(path: Path) -> None:
    for document in parse_documents(path.read_text("utf-8")):
        assert valid(document.value)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_fits(name: str) -> None:
    [document] = parse_documents(f"{{ task: 'x', function_stack: [{EXAMPLES[name]}] }}")
    assert valid(document.value)


@pytest.mark.parametrize(
    "document",
    [
        {"function_stack": [{"function": "add_record", "tabel": "t", "data": {}}]},
        {"function_stack": [{"function": "add_record", "data": {}}]},
        {"function_stack": [{"function": "for_each_loop", "array": []}]},
        {"function_stack": [{"table": "t"}]},
        {"function_stack": {}},
        {"task": 5, "function_stack": []},
        {"endpoint": "/a", "method": "POTS", "function_stack": []},
        {"scheduled_task": {"name": "a", "function_stack": []}},
        {"sell": 5},
        [],
    ],
)
def test_what_is_mistyped_does_not_fit(document: Any) -> None:
    assert not valid(document)


@pytest.mark.parametrize(
    "step",
    [
        {"function": "external_api_request", "url": "https://x/", "body": {}},
        {"function": "conditional", "condition": True, "true_steps": []},
        {"function": "update_variable", "name": "a", "value": 1},
        {"function": "my_own_task", "anything": [1]},
        {"function": "sleep", "duration": 1},
    ],
)
def test_other_names_of_fields_and_functions_fit(step: dict[str, Any]) -> None:
    assert valid({"function_stack": [step]})
