"""Functions of one's own: how a step calls them, once, and which ones cannot be registered."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from importlib.metadata import EntryPoint
from typing import Any, Literal, cast

import pytest
from pydantic import BaseModel

from hub import bootstrap
from hub.errors import HubError, InvalidError, LimitError, SettingsError, StepError
from hub.run.world import LedgerWorld
from hub.stack.load import load_stack
from hub.stack.plugin import FUNCTIONS, Invocation, Plugin, function, plugin_of
from tests.stack.make import (
    add,
    answer,
    attempt,
    call,
    each,
    into,
    let,
    only_if,
    query,
    sleep,
)
from tests.stack.world import RUN_ID, CrashNow, World, execute, lived, ran, task_of


def offering(**functions: Callable[..., Any]) -> World:
    """A world with these functions."""
    return World(functions={name: plugin_of(name, each) for name, each in functions.items()})


async def gives(step: dict[str, Any], world: World, given: Any = None) -> Any:
    """What a step's function gives."""
    return (await ran(into("a", step), answer("{{a}}"), world=world, given=given)).result


# calling


async def double(n: int, times: int = 2) -> dict[str, int]:
    """How much it is.

    More is not said.
    """
    return {"n": n * times}


def where() -> str:
    """The thread that it runs in."""
    return threading.current_thread().name


async def test_a_step_passes_its_fields_by_name_and_as_gets_the_result() -> None:
    world = offering(double=double)
    assert await gives(call("double", n="{{n}}"), world, {"n": 4}) == {"n": 8}
    assert await gives(call("double", times=3, n=5), offering(double=double)) == {"n": 15}


async def test_a_plain_function_runs_in_a_thread_and_may_take_its_time() -> None:
    assert await gives(call("where"), offering(where=where)) != threading.current_thread().name


async def test_a_function_without_fields_gets_none_of_the_loop_s_or_the_caller_s() -> None:
    world = offering(where=where)
    await ran(each([{"n": 1}], call("where")), answer(1), world=world, given={"n": 1})
    assert world.result == 1


class Person(BaseModel):
    """A parameter with fields of its own."""

    name: str
    age: int = 0


async def typed(
    flag: bool,
    kind: Literal["a", "b"],
    numbers: list[int],
    person: Person,
    maybe: str | None = None,
) -> list[Any]:
    """What it was given, as it came."""
    return [flag, kind, numbers, type(person).__name__, person.name, maybe]


FITTING = {"flag": True, "kind": "a", "numbers": ["1", 2], "person": {"name": "Ada"}}


async def test_parameters_come_as_the_types_that_they_have() -> None:
    expected = [True, "a", [1, 2], "Person", "Ada", None]
    assert await gives(call("typed", **FITTING), offering(typed=typed)) == expected


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"flag": "perhaps"}, "flag: "),
        ({"kind": "c"}, "kind: "),
        ({"numbers": ["x"]}, "numbers.0: "),
        ({"numbers": None}, "numbers: "),
        ({"person": {"age": 1}}, "person.name: "),
        ({"person": "Ada"}, "person: "),
        ({"unknown": 1}, "unknown: "),
    ],
)
async def test_a_field_that_does_not_fit_is_refused_before_the_call(
    fields: dict[str, Any], place: str
) -> None:
    called: list[int] = []

    async def watched(**_: Any) -> None:
        called.append(1)

    plugin = plugin_of("typed", typed)
    world = World(functions={"typed": Plugin("typed", watched, plugin.shape, plugin.wants)})
    await ran(call("typed", **{**FITTING, **fields}), world=world)
    assert world.failure.code == "field_invalid"
    assert world.failure.message.startswith(f"typed does not take this: {place}")
    assert world.failure.message.endswith(".")
    assert called == []


async def test_a_field_that_is_missing_is_named() -> None:
    world = await ran(call("double"), world=offering(double=double))
    assert world.failure.message == "double does not take this: n: Field required."


async def odd_names(copy: int, schema: int, model_config: int, _private: int = 4) -> int:
    """The names are those of a model's own methods."""
    return copy + schema + model_config + _private


async def test_parameters_may_have_any_name() -> None:
    fields = {"copy": 1, "schema": 2, "model_config": 3, "_private": 5}
    assert await gives(call("odd_names", **fields), offering(odd_names=odd_names)) == 11


async def greedy(items: list[Any], more: Any) -> int:
    """Takes away what it was given."""
    items.clear()
    more["gone"] = True
    return len(items)


async def test_a_function_cannot_change_the_variables_of_the_run() -> None:
    world = offering(greedy=greedy)
    step = call("greedy", items="{{items}}", more="{{more}}")
    await ran(let("items", [1]), let("more", {}), step, answer(["{{items}}", "{{more}}"]),
              world=world)  # fmt: skip
    assert world.result == [[1], {}]


async def invoked(n: int, *, call: Invocation) -> list[Any]:
    """Who calls."""
    return [n, call.run_id, call.path, call.idempotency_key]


async def test_a_function_may_ask_who_calls_it() -> None:
    world = offering(invoked=invoked)
    steps = each([1], into("a", {**call("invoked", n=1), "retry": {"max": 1, "base_s": 0}}))
    await ran(steps, answer("{{a}}"), world=world)
    assert world.result == [1, RUN_ID, "0/0/0", f"{RUN_ID}:0/0/0"]
    plugin = plugin_of("invoked", invoked)
    assert (plugin.wants, plugin.summary) == ("call", "Who calls.")
    assert plugin_of("double", double).summary == "How much it is."


async def test_what_led_to_the_call_is_committed_before_it() -> None:
    seen: list[int] = []

    async def look() -> None:
        seen.append(len(world.docs("t")))

    world = offering(look=look)
    await ran(add("t", {}), call("look"), world=world)
    assert seen == [1]


# failures


def raising(error: BaseException) -> Callable[[], Awaitable[None]]:
    async def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ValueError("no luck"), "function_failed", "fail failed: ValueError: no luck"),
        (TimeoutError("slow"), "function_failed", "fail failed: TimeoutError: slow"),
        (StepError("Sold out.", code="sold_out"), "sold_out", "Sold out."),
        (InvalidError("Odd.", code="odd"), "odd", "Odd."),
        (LimitError("Mine.", code="mine"), "mine", "Mine."),
        (HubError("x"), "internal", "x"),
    ],
)
async def test_what_a_function_raises_is_a_failure_of_its_step_that_can_be_caught(
    error: Exception, code: str, message: str
) -> None:
    caught = [let("caught", ["{{error.code}}", "{{error.message}}"])]
    world = offering(fail=raising(error))
    await ran(attempt([call("fail")], caught), answer("{{caught}}"), world=world)
    assert world.result == [code, message]


async def test_details_of_a_failure_are_seen_by_the_stack() -> None:
    error = StepError("No.", code="no", status=402, body={"why": "so"})
    caught = [let("caught", ["{{error.status}}", "{{error.body.why}}"])]
    world = offering(fail=raising(error))
    await ran(attempt([call("fail")], caught), answer("{{caught}}"), world=world)
    assert world.result == [402, "so"]


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", [object()], "\ud800"])
async def test_a_result_that_is_no_json_is_a_failure(value: Any) -> None:
    async def odd() -> Any:
        return value

    world = await ran(into("a", call("odd")), world=offering(odd=odd))
    assert world.failure.code == "json_unfit"


async def test_a_result_that_is_too_deep_is_a_failure() -> None:
    async def deep() -> Any:
        value: Any = 1
        for _ in range(300):
            value = [value]
        return value

    world = await ran(call("deep"), world=offering(deep=deep))
    assert world.failure.code == "json_too_deep"


async def test_a_function_that_takes_too_long_is_cut_off() -> None:
    async def endless() -> None:
        await asyncio.sleep(60)

    world = World(functions={"endless": plugin_of("endless", endless)}, tick_us=0)
    await ran({**call("endless"), "timeout": 50}, world=world)
    assert (world.failure.code, world.failure.message) == (
        "timeout",
        "endless took too long (timeout).",
    )


async def test_a_reserved_name_for_the_result_is_refused_before_the_call() -> None:
    called: list[int] = []

    async def noted() -> None:
        called.append(1)

    world = await ran(into("input", call("noted")), world=offering(noted=noted))
    assert (world.failure.code, called) == ("name_reserved", [])


# once only


class Counter:
    """A function that counts its calls, and fails the first so many."""

    def __init__(self, fails: int = 0) -> None:
        self.given: list[tuple[int, str, str]] = []
        self.fails = fails

    async def count(self, at: str, of: str, call: Invocation) -> int:
        """The number of the call."""
        self.given.append((len(self.given) + 1, f"{at} {of}", call.idempotency_key))
        if len(self.given) <= self.fails:
            raise ValueError("not yet")
        return len(self.given)


STEP = into("n", call("count", at="{{now()}}", of="{{env.REGION}}"))


def counting(counter: Counter, **fields: Any) -> World:
    plugin = plugin_of("count", counter.count)
    return World(functions={"count": plugin}, variables={"REGION": "north"}, **fields)


async def test_a_result_that_is_committed_is_never_asked_for_again() -> None:
    counter = Counter()
    world = counting(counter)
    await lived(world, task_of(STEP, sleep(60), let("n", "{{n * 10}}"), answer("{{n}}")))
    assert (world.result, len(counter.given)) == (10, 1)


@pytest.mark.parametrize("guard", [None, "{{now()}}"])
async def test_after_a_crash_it_is_called_again_with_the_same_arguments_and_key(
    guard: str | None,
) -> None:
    counter = Counter()
    world = counting(counter, crash_at=(1, "before"))
    step = STEP if guard is None else only_if(guard, STEP)
    task = task_of(add("t", {}), step, query("t"), answer("{{n}}"))
    with pytest.raises(CrashNow):
        await execute(world, task)
    world.restart()
    world.variables["REGION"] = "south"
    await execute(world, task)
    assert world.result == 2
    (_, *first), (_, *second) = counter.given
    assert first == second
    assert first[0].endswith(" north")


async def test_a_failure_is_a_failure_when_the_run_is_resumed_too() -> None:
    counter = Counter(fails=1)
    world = counting(counter)
    steps = [attempt([STEP, add("whole", {})], [add("caught", {}), sleep(60)]), answer(1)]
    await lived(world, task_of(*steps))
    assert (world.result, len(counter.given)) == (1, 1)
    assert (world.docs("whole"), world.docs("caught")) == ([], [{}])


async def test_it_is_tried_again_where_the_step_says_so() -> None:
    counter = Counter(fails=2)
    world = counting(counter)
    await lived(world, task_of({**STEP, "retry": {"max": 3, "base_s": 60}}, answer("{{n}}")))
    assert world.result == 3
    assert len({key for _, _, key in counter.given}) == 1


# registering


@pytest.fixture
def registry() -> Iterator[dict[str, Plugin]]:
    """What is registered, which is as before afterwards."""
    before = dict(FUNCTIONS)
    yield FUNCTIONS
    FUNCTIONS.clear()
    FUNCTIONS.update(before)


async def test_a_registered_function_is_found_by_stacks_and_known_to_their_check(
    registry: dict[str, Plugin],
) -> None:
    text = '{task: "t", function_stack: [{function: "double_it", n: 1}]}'
    assert [each.name for each in load_stack("shop", text).references] == ["double_it"]
    assert function("double_it")(double) is double
    assert load_stack("shop", text).references == ()
    found = LedgerWorld.function(cast(Any, None), "double_it")
    assert found is registry["double_it"]
    assert LedgerWorld.function(cast(Any, None), "nothing") is None


def test_a_name_is_given_once_and_never_one_of_the_hub_s_own(
    registry: dict[str, Plugin],
) -> None:
    function("mine")(double)
    with pytest.raises(ValueError, match="two functions are named mine"):
        function("mine")(double)
    for name in ("add_record", "Add Record", "if", "return"):
        with pytest.raises(ValueError, match=f"{name} is a function of the hub's own"):
            function(name)(double)
    assert list(registry)[-1] == "mine"


async def with_rest(*rest: int) -> None: ...
async def with_fields(**fields: int) -> None: ...
async def by_place(a: int, /) -> None: ...
async def with_id(id: int) -> None: ...  # noqa: A002 - what is refused
async def with_timeout(timeout: int) -> None: ...  # noqa: ASYNC109 - what is refused


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (with_rest, "a step passes parameters by name, and 'rest' has none"),
        (with_fields, "a step passes parameters by name, and 'fields' has none"),
        (by_place, "a step passes parameters by name, and 'a' has none"),
        (with_id, "every step has a field 'id'"),
        (with_timeout, "every step has a field 'timeout'"),
    ],
)
def test_parameters_that_no_step_could_pass_are_refused(
    call: Callable[..., Any], message: str, registry: dict[str, Plugin]
) -> None:
    with pytest.raises(ValueError, match=message):
        function("mine")(call)
    assert "mine" not in registry


# packages


def offered(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """As if a package were installed that offers this."""
    point = EntryPoint("shop", value, bootstrap.FUNCTIONS)
    monkeypatch.setattr(
        bootstrap, "entry_points", lambda group: [point] if group == point.group else []
    )


def test_what_an_installed_package_offers_is_loaded(
    monkeypatch: pytest.MonkeyPatch, registry: dict[str, Plugin], tmp_path: Any
) -> None:
    text = "from hub.stack.plugin import function\n\n@function('from_afar')\ndef f(n: int): ...\n"
    (tmp_path / "shop_functions.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    offered(monkeypatch, "shop_functions")
    for _ in range(2):
        bootstrap.load_functions()
    assert "from_afar" in registry


TAKEN = "from hub.stack.plugin import function\nfunction('add_record')(lambda: 1)"


@pytest.mark.parametrize("text", [None, "1 / 0", TAKEN])
def test_what_cannot_be_loaded_keeps_the_hub_from_starting_and_is_named(
    text: str | None, monkeypatch: pytest.MonkeyPatch, registry: dict[str, Plugin], tmp_path: Any
) -> None:
    if text is not None:
        (tmp_path / "shop_broken.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    offered(monkeypatch, "shop_broken")
    with pytest.raises(SettingsError) as caught:
        bootstrap.load_functions()
    assert caught.value.message.startswith("The functions 'shop' (shop_broken) cannot be loaded: ")
    assert caught.value.message.endswith("Mend or uninstall their package.")
