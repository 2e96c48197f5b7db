"""Every step is documented by an example that runs as it stands."""

import pytest

from hub.documentation.examples import EXAMPLES
from hub.stack.steps import STEPS
from tests.simulate.test_simulation import kinds, simulated

ANSWERS = {"https://data.example/": {"body": "name,price\npen,1.20\ntea,3\n"}}


def test_every_step_has_an_example() -> None:
    assert set(STEPS) == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_runs_as_it_stands(name: str) -> None:
    text = f"{{ task: 'example', function_stack: [{EXAMPLES[name]}] }}"
    told = await simulated(text, "example", 2, answers=ANSWERS)
    runs = kinds(told, "run")
    assert [run["failure"] for run in runs] == [None] * len(runs)
    assert runs[-1]["status"] == "succeeded"
    used = {step["function"] for run in runs for step in run["steps"]}
    silent = {"break", "continue", "delay_processing", "run_task"}
    assert name in used | silent
