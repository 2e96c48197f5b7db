"""The tables in ``cases/``: each case is an expression, a template or a value in a scope.

It is Thursday, 2026-03-05T17:20:30.123456Z; a case may name the hub's time zone and its lanes.
"""

import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.errors import ExpressionError
from hub.expr import Compiled, DictContext, compile_expression, compile_template, compile_value
from hub.model.json import loads

CASES = Path(__file__).parent / "cases"
AT_US = 1_772_731_230_123_456
VARIABLES = {"HOST": "https://example.test", "KEY": "k" * 32}
COMPILERS = {
    "expr": compile_expression,
    "template": compile_template,
    "value": compile_value,
}


def cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}-{place}")
        for path in sorted(CASES.glob("*.json"))
        for place, case in enumerate(loads(path.read_bytes()), 1)
    ]


def compiled(case: dict[str, Any]) -> Compiled:
    [kind] = COMPILERS.keys() & case.keys()
    return COMPILERS[kind](case[kind])


def context_of(case: dict[str, Any]) -> DictContext:
    context = DictContext(case.get("scope", {}), VARIABLES, AT_US, zone=case.get("zone", "UTC"))
    return replace(context, lanes=case["lanes"]) if "lanes" in case else context


def exactly(value: Any) -> str:
    """1, 1.0 and true are three values here."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


@pytest.mark.parametrize("case", cases())
def test_a_case_gives_its_value_or_its_error(case: dict[str, Any]) -> None:
    context = context_of(case)
    if "error" not in case:
        assert exactly(compiled(case).evaluate(context)) == exactly(case["is"])
        return
    with pytest.raises(ExpressionError) as caught:
        compiled(case).evaluate(context)
    assert caught.value.code == case["error"]
    assert isinstance(caught.value.details["position"], int)


def test_an_evaluation_leaves_the_scope_as_it_was() -> None:
    for parameter in cases():
        case = parameter.values[0]
        before = exactly(case.get("scope", {}))
        with contextlib.suppress(ExpressionError):
            compiled(case).evaluate(context_of(case))
        assert exactly(case.get("scope", {})) == before


def test_the_tables_hold_enough() -> None:
    assert len(cases()) >= 1_200
