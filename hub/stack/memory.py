"""How much memory values take, roughly, at a cost that is bounded however large they are."""

from itertools import islice
from typing import Any

from hub.model.json import Json

MAX_BYTES = 64 << 20
"""What the variables of a run may take together."""
_SCALAR, _CONTAINER, _ENTRY = 32, 64, 16
_SAMPLES = 16
_DEEPEST = 6


def size_of(value: Json, level: int = 0) -> int:
    """Bytes, by a few samples of each list and object."""
    kind = value.__class__
    if kind is str:
        return 56 + len(value)
    if kind is list:
        return _CONTAINER + _sampled(value, len(value), level)
    if kind is dict:
        keys = sum(len(key) for key in islice(value, _SAMPLES)) if value else 0
        named = keys * len(value) // min(len(value), _SAMPLES) if value else 0
        return _CONTAINER + named + _sampled(value.values(), len(value), level)
    return _SCALAR


def _sampled(values: Any, count: int, level: int) -> int:
    """The first few stand for all: rows of a list are alike."""
    if count == 0 or level == _DEEPEST:
        return _ENTRY * count
    most = max(2, _SAMPLES >> level)
    taken = [size_of(each, level + 1) for each in islice(values, most)]
    return (sum(taken) * count) // len(taken) + _ENTRY * count
