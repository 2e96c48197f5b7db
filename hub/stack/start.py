"""How a task begins: its input is checked, its names are made, its turn is opened."""

import secrets
from typing import Any

from hub.errors import InvalidError
from hub.model.json import Json, loads
from hub.model.run import ClaimedRun
from hub.model.time import to_iso
from hub.model.trace import HEADER
from hub.stack.journal import Journal
from hub.stack.ports import World
from hub.stack.scope import Scope
from hub.stack.task import Task
from hub.stack.turn import NOT_DONE, Course, Frame, Turn

MAX_ACTIVE_US = 3_600_000_000
FACTS = "run?"


async def open_turn(run: ClaimedRun, task: Task, world: World, kind: type[Turn] = Turn) -> Turn:
    """A turn of a run, at its first step.

    Raises:
        InvalidError: ``input_gone``, ``input_invalid``.
        StoreError: the event cannot be read.
    """
    given = _input(run)
    if task.input is not None:
        task.input.check(given)
    course = Course(run, Frame(task), task.version, Journal.of(run.journal), world)
    course.max_steps = task.max_steps
    active_us = task.timeout_us or world.lane_timeout_us(run.lane) or MAX_ACTIVE_US
    course.until_us = world.now_us() + active_us
    if run.context:
        course.facts = context = loads(run.context)
        course.key_base = context.pop("key_base", course.key_base)
        course.raw = context.pop("raw", None)
        context.pop(HEADER, None)
        course.queue_row = context.pop("queue_row", None)
        course.awaited = context.pop("awaited", "request" in context)
        course.round = context.pop("round", 0)
        if course.round:
            course.key_base += f"{course.round}:"
        schedule = context.pop("schedule", None)
        course.scheduled_for = context.pop("scheduled_for", run.due_at)
        if schedule is not None and schedule["clock"] == "scheduled":
            course.shift_us = max(0, run.started_at - course.scheduled_for)
    return kind(course, course.frame, await scope_of(course, task, given))


async def scope_of(course: Course, task: Task, given: dict[str, Any]) -> Scope:
    """The names that a task sees: its input, and what it reads of the run it belongs to."""
    world, facts = course.world, course.facts
    if "event" in task.names and "event" not in facts:
        facts["event"] = await world.event(course.run.event_id)
    if "run" in task.names and "run" not in facts:
        facts["run"] = _facts(course)
    return Scope(given, facts, world, course.shift_us)


def _input(run: ClaimedRun) -> dict[str, Any]:
    if run.input is None:
        raise InvalidError(
            "The event that held this run's input is no longer kept.", code="input_gone"
        )
    given = loads(run.input)
    if not isinstance(given, dict):
        raise InvalidError("The input of a run must be an object.", code="input_invalid")
    return given


def _facts(course: Course) -> Json:
    """What ``run`` is in the stack: as it was when the run began, in all its lives."""
    facts = course.journal.done.get(FACTS, NOT_DONE)
    if facts is NOT_DONE:
        run = course.run
        facts = {
            "id": run.id,
            "attempt": run.attempt,
            "started_at": to_iso(run.started_at),
            "scheduled_for": to_iso(course.scheduled_for),
            "resume_url": f"{course.world.root}/resume/{run.id}/{secrets.token_urlsafe(24)}",
        }
        course.record(FACTS, "run", course.world.now_us(), facts)
    return facts
