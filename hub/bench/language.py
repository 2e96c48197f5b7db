"""The stack language by itself: expressions, steps without effects, loading and checking."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from hub.bench.ledgers import Ledger
from hub.bench.scene import Figure, Measured, Scene
from hub.expr import DictContext, compile_template
from hub.model.json import dumps_text
from hub.model.run import ClaimedRun
from hub.model.segment import Segment
from hub.model.time import now_us
from hub.stack.check import problems_of
from hub.stack.interpret import run_steps
from hub.stack.load import load_stack
from hub.stack.start import open_turn
from hub.stack.task import Stack

_ROUNDS = 5
_BATCH = 2_000
_STACKS = 500
_LOOP = 20_000
EXPRESSIONS = {
    "compare": "{{retry_count < 3}}",
    "reckon": "{{payments.amount * 2 + input.offset}}",
    "call": "{{length(users) == 100 && status != 'done'}}",
}
_NAMES: dict[str, Any] = {
    "retry_count": 2,
    "payments": {"amount": 12.5},
    "input": {"offset": 100},
    "users": [{"id": n} for n in range(100)],
    "status": "open",
}
PURE = """{ task: "count", max_steps: 10000000, function_stack: [
  { function: "for_each_loop", array: "{{rows}}", function_stack: [
    { function: "create_variable", name: "n", value: "{{loop_index + 1}}" },
    { function: "conditional", condition: "{{n % 2 == 0}}", true_stack: [
      { function: "create_variable", name: "even", value: "{{n}}" } ] },
  ] },
] }"""
TYPICAL = """
{ task: "take", source: "shop", function_stack: [
  { function: "get_record", table: "customers", filter: { key: "{{input.customer.id}}" } },
  { function: "conditional", condition: "{{customers == null}}", true_stack: [
    { function: "add_record", table: "customers",
      data: { key: "{{customer.id}}", name: "{{customer.name | trim}}", seen: "{{now()}}" } } ],
    false_stack: [
    { function: "edit_record", table: "customers", record_id: "{{customers.id}}",
      data: { name: "{{customer.name | trim}}", orders: "{{(customers.orders || 0) + 1}}" } } ] },
  { function: "for_each_loop", array: "{{input.items}}", function_stack: [
    { function: "add_record", table: "lines", data: { customer: "{{customers.id}}",
      sku: "{{loop_item.sku}}", total: "{{loop_item.price * loop_item.count}}" } } ] },
  { function: "try_catch", try_stack: [
    { function: "external_api_request", url: "https://api.example.com/{{customers.id}}",
      data: { total: "{{sum(input.items, 'price')}}" }, timeout: 30000, retry: { max: 2 } } ],
    catch_stack: [ { function: "log", message: "{{error.message}}", level: "warning" } ] },
  { function: "background_task", task: "later", data: { id: "{{customers.id}}" }, delay: 60 },
  { function: "realtime_publish", channel: "orders", event: "taken", data: "{{customers}}" },
  { function: "return_response", body: { ok: true, customer: "{{customers.id}}" } },
] }
{ task: "later", function_stack: [ { function: "deliver", destination: "crm",
  payload: { id: "{{input.id}}", at: "{{format_date(now(), 'Y-m-d')}}" } } ] }
"""


class _Nowhere:
    """A world without effects: what is committed is gone."""

    short_wait_us = 0
    zone = "UTC"
    now_us = staticmethod(now_us)

    def lane_timeout_us(self, name: str) -> int | None:
        """As long as any run may."""
        return None

    async def commit(self, segment: Segment) -> None:
        """Nothing is kept."""


@dataclass(frozen=True)
class Language:
    """How fast the language is, without any database: the best of a few rounds of each."""

    name: str = "language"
    ledgers: tuple[Ledger, ...] = (Ledger.NONE,)

    def run(self, scene: Scene) -> Measured:
        """Evaluations and steps a second; seconds for a folder of stacks."""
        figures = [
            Figure(f"expression, {name}", _per_s(_evaluations(text), scene.seconds / 10), "/s")
            for name, text in EXPRESSIONS.items()
        ]
        figures.append(Figure("pure steps", asyncio.run(_steps_per_s()), "/s"))
        figures.append(Figure("load and check 500 stacks", _load_s(), "s"))
        return Measured(tuple(figures))


def _evaluations(text: str) -> Callable[[], None]:
    compiled, context = compile_template(text), DictContext(_NAMES)
    evaluate = compiled.evaluate

    def some() -> None:
        for _ in range(_BATCH):
            evaluate(context)

    return some


def _per_s(some: Callable[[], None], seconds: float) -> float:
    rates = []
    for _ in range(_ROUNDS):
        begun, done = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            some()
            done += _BATCH
        rates.append(done / (time.perf_counter() - begun))
    return median(rates)


async def _steps_per_s() -> float:
    task = load_stack("bench", PURE).tasks["count"]
    given = dumps_text({"rows": [0] * _LOOP})
    rates = []
    for _ in range(_ROUNDS):
        run = ClaimedRun("run_0", task.full_name, None, "normal", 1, 0, 1, given, None, 0, 0, 0)
        world: Any = _Nowhere()
        turn = await open_turn(run, task, world)
        begun = time.perf_counter()
        await run_steps(task.steps, turn, "")
        rates.append(turn.course.steps / (time.perf_counter() - begun))
    return median(rates)


def _load_s() -> float:
    # names of their own, so that no expression is known from the stack before
    texts = {f"stack{n}": TYPICAL.replace("customer", f"customer{n}_") for n in range(_STACKS)}
    begun = time.perf_counter()
    stacks: dict[str, Stack] = {name: load_stack(name, text) for name, text in texts.items()}
    for stack in stacks.values():
        problems_of(stack, stacks)
    return time.perf_counter() - begun
