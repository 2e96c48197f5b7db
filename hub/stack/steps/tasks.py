"""Steps that have other tasks done: later on their own, or here and now."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import (
    AliasChoices,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from hub.errors import StepError
from hub.expr import LANES, moment_of
from hub.model.delivery import Webhook
from hub.model.ids import new_id
from hub.model.json import Json, dumps_text, loads
from hub.model.run import RunStart, Unique
from hub.model.time import US_PER_S
from hub.stack.interpret import Flow, StepFailed, StopTask, run_steps
from hub.stack.journal import Failed
from hub.stack.patience import MAX_WAIT_S
from hub.stack.placing import placed
from hub.stack.start import scope_of
from hub.stack.step import (
    OptionalValue,
    Step,
    Value,
    WorldStep,
    compiled,
    json_of,
    object_of,
    settled_all,
    text_of,
)
from hub.stack.turn import NOT_DONE, Turn

if TYPE_CHECKING:
    from hub.stack.task import Task

MAX_CHAIN = 10_000
MAX_DEBOUNCE_S = 86_400


class BackgroundTask(WorldStep):
    """Starts a run of another task, which works on its own."""

    function: Literal["background_task"]
    task: Value = Field(description="The task.")
    data: OptionalValue = Field(
        None,
        validation_alias=AliasChoices("data", "context", "parameters", "input"),
        description="Its input.",
    )
    delay: OptionalValue = Field(None, description="Seconds to wait before it starts.")
    at: OptionalValue = Field(None, description="When it starts: a date instead of a delay.")
    lane: OptionalValue = Field(
        None,
        validation_alias=AliasChoices("lane", "queue", "priority"),
        description="high, normal or low; without it the task's own.",
    )
    idempotency_key: OptionalValue = Field(
        None, description="The same key for the same task starts one run only."
    )
    unique: OptionalValue = Field(
        None,
        description="While a run of the task with the same value has not ended, no other is "
        "started; the result is the id of that one.",
    )
    debounce: OptionalValue = Field(
        None,
        description="Seconds: a run (with the same `unique`, if given) that has not begun takes "
        "the new input, and begins so long after the last call; at most ten times as long after "
        "the first.",
    )
    completion_webhook: Webhook | None = Field(
        None, description="Who is told of its end: a URL, `{{env.NAME}}`, or a destination."
    )

    async def act(self, turn: Turn, path: str) -> Json:
        scope = turn.scope
        named = text_of(self.task.evaluate(scope), "task")
        name = turn.world.full_task_name(turn.frame.task.stack, named)
        data = self.data.evaluate(scope) if self.data else {}
        unique = self._unique(turn)
        delay_us = unique.debounce_us if unique and unique.debounce_us else self._delay_us(turn)
        depth = check_chain(turn.run.chain_depth + 1) if delay_us < US_PER_S else 0
        start = RunStart(
            id=new_id("run"),
            task=name,
            input=json_of(object_of({} if data is None else data, "data"), "data"),
            event_id=turn.run.event_id,
            parent=turn.run.id,
            chain_depth=depth,
            lane=self._lane(turn),
            idempotency_key=self._key(turn),
            delay_us=delay_us,
            context=turn.context_for(name),
            unique=unique,
            completion_webhook=self.completion_webhook,
        )
        given = {} if data is None else object_of(data, "data")
        there = None if unique is None else await _run_with(turn, name, unique)
        if there is None or (unique and unique.debounce_us):
            turn.effects.runs.append(placed(start, turn.world.known_task(name), given))
        return {"id": there or start.id, "task": name}

    def _lane(self, turn: Turn) -> str | None:
        if self.lane is None:
            return None
        lane = self.lane.evaluate(turn.scope)
        if lane is None or lane in LANES:
            return cast("str | None", lane)
        raise StepError(
            f"'lane' is one of {', '.join(LANES)}, not {str(lane)[:60]!r}.", code="field_invalid"
        )

    @model_validator(mode="after")
    def _one_time(self) -> "BackgroundTask":
        if self.delay is not None and self.at is not None:
            raise ValueError("Give either 'delay' or 'at'.")
        if self.debounce is not None and (self.delay is not None or self.at is not None):
            raise ValueError("'debounce' says when it starts: leave 'delay' and 'at' out.")
        if self.idempotency_key is not None and (self.unique or self.debounce) is not None:
            raise ValueError("Give either 'idempotency_key' or 'unique' and 'debounce'.")
        return self

    def _unique(self, turn: Turn) -> Unique | None:
        if self.unique is None and self.debounce is None:
            return None
        key = self.unique.evaluate(turn.scope) if self.unique is not None else ""
        debounce_s = self.debounce.evaluate(turn.scope) if self.debounce is not None else 0
        is_number = isinstance(debounce_s, (int, float)) and not isinstance(debounce_s, bool)
        if not is_number or not 0 <= debounce_s <= MAX_DEBOUNCE_S:
            raise StepError(
                f"'debounce' must be a number of seconds, at most {MAX_DEBOUNCE_S:,}.",
                code="field_invalid",
            )
        return Unique(key if isinstance(key, str) else dumps_text(key), int(debounce_s * US_PER_S))

    def _delay_us(self, turn: Turn) -> int:
        if self.at is not None:
            due = moment_of(self.at.evaluate(turn.scope))
            if due is None:
                raise StepError(
                    "'at' must be a date and came out as null: leave it out to start at once.",
                    code="field_invalid",
                )
            delay_us = max(0, due - turn.scope.real_us())
            field = "at"
        else:
            value = self.delay.evaluate(turn.scope) if self.delay else 0
            if value is None:
                value = 0
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                raise StepError("'delay' must be a number of seconds.", code="field_invalid")
            delay_us = int(min(max(0, value), MAX_WAIT_S + 1) * US_PER_S)
            field = "delay"
        if delay_us > MAX_WAIT_S * US_PER_S:
            raise StepError(f"{field!r} must be at most ten years away.", code="field_invalid")
        return delay_us

    def _key(self, turn: Turn) -> str | None:
        if self.idempotency_key is None:
            return None
        return key_of(self.idempotency_key.evaluate(turn.scope))


async def _run_with(turn: Turn, task: str, unique: Unique) -> str | None:
    """The run that has the key already: in the open segment, or in the ledger."""
    for start in turn.effects.runs:
        if start.task == task and start.unique and start.unique.column == unique.column:
            return start.id
    await turn.course.settle()
    return await turn.world.unique_run(task, unique.column)


def check_chain(depth: int) -> int:
    """The depth of a run that another one starts at once.

    Raises:
        StepError: ``chain_limit``.
    """
    if depth > MAX_CHAIN:
        raise StepError(
            f"A chain of {MAX_CHAIN:,} runs that start one another without a delay: "
            "end it by a condition, or give it a delay.",
            code="chain_limit",
        )
    return depth


def key_of(value: Json) -> str:
    """An idempotency key that goes into a header field.

    Raises:
        StepError: ``field_invalid``.
    """
    number = isinstance(value, int) and not isinstance(value, bool)
    key = text_of(str(value) if number else value, "idempotency_key")
    if not (key.isascii() and key.isprintable() and len(key) <= 200):
        raise StepError(
            "'idempotency_key' must be at most 200 printable ASCII characters.",
            code="field_invalid",
        )
    return key


class TaskStep(Step):
    """Runs a task inside this run, and waits for it."""

    async def _run(self, turn: Turn, path: str, named: str, given: dict[str, Any]) -> None:
        task = await self._pinned(turn, path, named)
        if task.input is not None:
            task.input.check(given)
        called = turn.call(task, await scope_of(turn.course, task, given), f"{path}/")
        try:
            await run_steps(task.steps, called, f"{path}/")
        except StopTask:
            pass
        except Flow as flow:
            raise StepFailed(flow.path, flow.astray()) from None
        if self.as_ is not None:
            answer = called.frame.answer
            turn.scope.assign(self.as_, None if answer is None else loads(answer.body))

    async def _pinned(self, turn: Turn, path: str, named: str) -> "Task":
        """The task, in the version that it had when it was called first."""
        at = f"{path}/task?"
        pin = turn.replayed(at)
        if pin is not NOT_DONE:
            return await turn.world.task(pin["task"], pin["version"])
        try:
            full = turn.world.full_task_name(turn.frame.task.stack, named)
            task = await turn.world.task(full, None)
        except StepError as error:  # on resume there may be such a task
            turn.note_failure(at, self.function, Failed(error.code, error.message), journaled=True)
            raise
        turn.record(at, self.function, {"task": full, "version": task.version})
        return task


class RunTask(TaskStep):
    """Runs a task inside this run, with its own variables; ``as`` gets what it returns."""

    function: Literal["run_task"]
    task: Value = Field(description="The task.")
    data: OptionalValue = Field(
        None,
        validation_alias=AliasChoices("data", "context", "parameters", "input"),
        description="Its input.",
    )

    def perform(self, turn: Turn, path: str) -> Awaitable[None]:
        if self.as_ is not None:
            turn.scope.check(self.as_)
        turn.trace(path, self.function)
        named, data = settled_all([self.task, self.data], turn, f"{path}?", self.function)
        given = object_of({} if data is None else data, "data")
        return self._run(turn, path, text_of(named, "task"), given)


class Call(TaskStep):
    """Any other function: one that a plug-in offers, else the task of that name.

    The step's other fields are its input; a task called without any gets ``loop_item`` inside a
    loop, else its caller's input.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Any]

    function: str

    @field_validator("function", mode="before")
    @classmethod
    def _canonical(cls, name: Any) -> Any:
        return name  # a task's name is spelt as its document spells it

    @model_validator(mode="after")
    def _compile(self) -> "Call":
        for name, value in self.__pydantic_extra__.items():
            self.__pydantic_extra__[name] = compiled(value)
        return self

    def parts(self) -> Any:
        yield from super().parts()
        yield from self.__pydantic_extra__.values()

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        if self.as_ is not None:
            turn.scope.check(self.as_)
        fields = self.__pydantic_extra__
        values = settled_all([*fields.values()], turn, f"{path}?", self.function)
        given = dict(zip(fields, values, strict=True))
        plugin = turn.world.function(self.function)
        if plugin is not None:
            return plugin.perform(self, turn, path, given)
        turn.trace(path, self.function)
        return self._run(turn, path, self.function, given or self._around(turn))

    @staticmethod
    def _around(turn: Turn) -> dict[str, Any]:
        item = turn.scope.reserved["loop_item"]
        if item is None:
            return dict(turn.scope.fields)
        return item if isinstance(item, dict) else {"loop_item": item}
