"""Where a new run waits: in which lane, and for which others; and who is told of its end."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hub.errors import HubError
from hub.expr import DictContext
from hub.expr import text_of as as_text
from hub.model.run import RunStart
from hub.stack.task import Task

_LONGEST_KEY = 300


def placed(start: RunStart, task: Task | None, given: Mapping[str, Any]) -> RunStart:
    """The run in the lane of its task, with the concurrency key that follows from its input,
    and who is told of its end.

    A key whose expression cannot be computed is one for itself: such runs wait for each other.
    """
    if task is None:
        return start
    if start.completion_webhook is None and task.completion_webhook is not None:
        start = replace(start, completion_webhook=task.completion_webhook)
    lane = start.lane or task.lane
    if lane == start.lane and task.concurrency_key is None:
        return start
    if start.concurrency_key is not None or task.concurrency_key is None:
        return replace(start, lane=lane)
    return replace(start, lane=lane, concurrency_key=_key(task, given))


def _key(task: Task, given: Mapping[str, Any]) -> str:
    assert task.concurrency_key is not None  # noqa: S101 - it was looked at
    try:
        value = as_text(task.concurrency_key.evaluate(DictContext({**given, "input": given})))
    except HubError as error:
        value = f"({error.code})"
    return f"{task.full_name}:{value}"[:_LONGEST_KEY]
