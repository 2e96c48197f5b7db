"""JSON as the hub speaks it: exact integers of any size, no NaN, no lone surrogates.

orjson does the work; it turns integers beyond 64 bits into floats, so text with a run of
digits that long takes the standard library's exact way.
"""

import json
import math
import re
from itertools import accumulate
from typing import Any, TypeAlias

import orjson

from hub.errors import InvalidError

Json: TypeAlias = Any
"""null, bool, int, float, str, list or dict with str keys."""

_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_MANY_DIGITS = b"0" * 19
_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_STEP_OF = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
MAX_DEPTH = 200


def loads(data: bytes | str, most_depth: int = MAX_DEPTH) -> Json:
    """Parse one JSON value.

    Raises:
        InvalidError: ``json_broken`` with line and column, ``json_too_deep`` past so many levels.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if raw.count(b"[") + raw.count(b"{") > most_depth and depth_of(raw) > most_depth:
        raise InvalidError(f"JSON nested deeper than {most_depth} levels.", code="json_too_deep")
    try:
        if _MANY_DIGITS in raw.translate(_DIGITS_ALIKE):
            return _loads_exact(raw)
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidError(
            f"The body is not valid JSON: {error.msg} at line {error.lineno}, "
            f"column {error.colno}.",
            code="json_broken",
            line=error.lineno,
            column=error.colno,
        ) from error
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"The body is not usable JSON: {error}.", code="json_broken") from error


def dumps(value: Json) -> bytes:
    """Compact UTF-8 JSON.

    Raises:
        InvalidError: ``json_unfit`` for what JSON cannot hold (lone surrogates, foreign types).
    """
    try:
        return orjson.dumps(value)
    except TypeError:
        return _dumps_exact(value)


def dumps_text(value: Json) -> str:
    """The same as text."""
    return dumps(value).decode()


def _dumps_exact(value: Json) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidError(f"Not a JSON value: {error}.", code="json_unfit") from error


def depth_of(raw: bytes) -> int:
    """The deepest nesting of arrays and objects; brackets inside strings do not count."""
    brackets = _STRINGS.sub(b"", raw).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEP_OF.__getitem__, brackets)), default=0)


def _loads_exact(raw: bytes) -> Json:
    """The standard library's way, which keeps integers and needs to be told to be strict."""
    value = json.loads(raw.decode(), parse_constant=_refuse_constant, parse_float=_finite)
    if b"\\u" in raw:
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate raises here
    return value


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):  # it would be written as null
        raise ValueError("a number is too large")
    return number
