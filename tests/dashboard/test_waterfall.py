"""Where the bars of a run's steps stand."""

from typing import Any

from hub.dashboard.waterfall import WIDTH, bars_of
from hub.model.time import to_iso

START = 1_000_000_000_000
S = 1_000_000


def run(lasted_s: float | None = 10) -> dict[str, Any]:
    finished = None if lasted_s is None else to_iso(START + int(lasted_s * S))
    return {"started_at": to_iso(START), "finished_at": finished}


def step(path: str, at_s: float | None, took_s: float = 0, **more: Any) -> dict[str, Any]:
    return {
        "path": path,
        "function": "add_record",
        "started_at": None if at_s is None else to_iso(START + int(at_s * S)),
        "duration_ms": 1000 * took_s,
        "output": None,
        "failure": None,
        **more,
    }


def test_each_step_has_its_bar_where_and_as_long_as_it_was() -> None:
    first, second = bars_of(run(), [step("0", 0, 1), step("1", 5, 2.5)], {})
    assert (first.x, first.width, first.took_ms) == (0, 100, 1000)
    assert (second.x, second.width, second.took_ms) == (500, 250, 2500)


def test_a_step_is_as_long_as_all_inside_it_and_stands_before_them() -> None:
    steps = [
        step("1/0/0", 2, 1),
        step("1/1/0", 4, 2),
        step("0", 0, 1),
        step("1", 6, 0),  # one that is noted when it is over
    ]
    bars = bars_of(run(), steps, {})
    assert [(each.step["path"], each.depth) for each in bars] == [
        ("0", 0),
        ("1", 0),
        ("1/0/0", 1),
        ("1/1/0", 1),
    ]
    assert (bars[1].x, bars[1].width) == (200, 400)


def test_what_runs_side_by_side_stays_together() -> None:
    paths = ["2/left/0", "2/right/0", "2/left/1", "2/right/1"]
    bars = bars_of(run(), [step(path, at) for at, path in enumerate(paths)], {})
    assert [each.step["path"] for each in bars] == [
        "2/left/0",
        "2/left/1",
        "2/right/0",
        "2/right/1",
    ]


def test_the_rounds_of_a_loop_come_by_their_numbers() -> None:
    paths = [f"0/{n}/0" for n in (10, 9, 2)] + ["0/" + "9" * 5000 + "/0"]
    bars = bars_of(run(), [step(path, 1) for path in paths], {})
    numbers = [each.step["path"].split("/")[1] for each in bars]
    assert numbers[1:] == ["2", "9", "10"]


def test_a_sleep_lasts_until_it_is_over_or_the_run_is() -> None:
    over, long = (START + 4 * S, START + 90 * S)
    steps = [
        step("0", 1, function="sleep", output=over),
        step("1", 6, function="sleep", output=long),
        step("2", 6, function="sleep", output="soon"),
    ]
    bars = bars_of(run(), steps, {})
    assert [each.took_ms for each in bars] == [3000, 4000, 0]


def test_what_nobody_knows_the_beginning_of_stands_at_the_end() -> None:
    (bar,) = bars_of(run(), [step("0", None, failure={"code": "x"})], {})
    assert bar.x + bar.width == WIDTH
    assert bar.took_ms is None


def test_what_was_done_twice_has_two_names_and_what_is_written_once() -> None:
    about = {"path": "0/*/1", "description": "Sells."}
    bars = bars_of(run(), [step("0/3/1", 1), step("0/3/1", 2)], {"0/*/1": about})
    assert [each.anchor for each in bars] == ["step-0/3/1-0", "step-0/3/1-1"]
    assert [each.about for each in bars] == [about, about]


def test_every_bar_is_seen_and_none_goes_beyond_the_end() -> None:
    steps = [step("0", 0), step("1", 10, 0), step("2", 9.9999, 50)]
    for bar in bars_of(run(1), steps, {}) + bars_of(run(None), steps, {}):
        assert 0 <= bar.x < WIDTH
        assert 0 < bar.width <= WIDTH - bar.x
