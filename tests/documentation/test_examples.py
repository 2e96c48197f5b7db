"""Every step is documented by an example that runs as it stands."""

import pytest

from hub.documentation.examples import EXAMPLES
from hub.stack.steps import STEPS
from hub.stack.steps.later import LaterStep
from tests.simulate.test_simulation import kinds, simulated


def test_every_step_that_can_be_carried_out_has_an_example() -> None:
    wanted = {name for name, model in STEPS.items() if not issubclass(model, LaterStep)}
    assert wanted == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_runs_as_it_stands(name: str) -> None:
    text = f"{{ task: 'example', function_stack: [{EXAMPLES[name]}] }}"
    told = await simulated(text, "example", 2)
    runs = kinds(told, "run")
    assert [run["failure"] for run in runs] == [None] * len(runs)
    assert runs[-1]["status"] == "succeeded"
    used = {step["function"] for run in runs for step in run["steps"]}
    silent = {"break", "continue", "delay_processing", "run_task"}
    assert name in used | silent
