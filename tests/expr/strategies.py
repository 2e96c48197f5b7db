"""What properties draw from, and how an outcome is judged."""

import json
import math
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from hub.errors import ExpressionError
from hub.expr import DictContext

modest = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
NAMES = ["a", "b", "c", "input", "null", "true"]
DATES = ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-01-01", "0001-01-01T00:00Z"]
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**4200), 2**4200)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["", "5", "-1.5", "1e999", "length", "a.b", "UTC", "Europe/Berlin", *DATES])
)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*NAMES, "length", "0"]), inner, max_size=4)
    ),
    max_leaves=8,
)
scopes = st.dictionaries(st.sampled_from(NAMES), json_values, max_size=4)
foreign = st.sampled_from([math.nan, math.inf, object(), b"x", (1, 2), {1: 2}, "\ud800", {None}])


def literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def outcome(compile_it: Any, source: Any, scope: dict[str, Any]) -> Any:
    try:
        value = compile_it(source).evaluate(DictContext(scope, {"X": "x"}, 1_767_225_600_000_000))
    except ExpressionError as error:
        value = error
    if isinstance(value, ExpressionError):
        assert isinstance(value.details["position"], int)
        assert value.message
    return value
