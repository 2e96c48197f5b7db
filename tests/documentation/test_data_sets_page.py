"""docs/data-sets.md says what is so."""

import re
from typing import Any, get_args

import pytest

from hub.datasets.analysis import VALUES_KEPT, VALUES_KEPT_OF_ALL, Analysis
from hub.datasets.bounds import BOUNDS, MIB
from hub.datasets.chunk import Chunk
from hub.datasets.problems import KEPT
from hub.datasets.reading import Format, Reading
from hub.datasets.report import DETAILED, VERSION
from hub.outbound.download import CHECKPOINT_BYTES
from hub.outbound.downloads import Limits
from hub.outbound.redirects import MOST_REDIRECTS
from hub.parquet.reader import MEMORY_BYTES
from hub.run.datasets import _TRIES_S
from hub.stack.check import problems_of
from hub.stack.load import load_stack
from hub.stack.steps import datasets as steps
from hub.stack.steps.sending import FORM_BYTES
from hub.stack.turn import MAX_STEPS
from tests.program import STACKS
from tests.simulate.test_simulation import kinds, simulated

ROOT = STACKS.parent
PAGE = (ROOT / "docs" / "data-sets.md").read_text("utf-8")
TEXTS = re.findall(r"```js\n(.*?)```", PAGE, re.DOTALL)
CSV = "no,city\n1,Oslo\n2,Rome\n3,Bari\n4,Lyon\n5,Graz\n"


def rows(heading: str, head: str) -> list[str]:
    """The first column of a table under a heading."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    table = section.split(f"| {head} |", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


async def result(task: str, **given: Any) -> Any:
    """What a document of the page answers, as it stands there."""
    [text] = [text for text in TEXTS if f'task: "{task}"' in text]
    told = await simulated(text, task, **given)
    [run] = kinds(told, "run")
    assert run["status"] == "succeeded", run["failure"]
    return run["result"]


@pytest.mark.parametrize("text", TEXTS)
def test_every_document_is_sound(text: str) -> None:
    stack = load_stack("page", text)
    assert [problem.message for problem in problems_of(stack, {})] == []


async def test_the_first_document_reports_and_offers() -> None:
    answers = {"https://data.example/": {"body": CSV}}
    told = await result("prices", input={"url": "https://data.example/p.csv"}, answers=answers)
    assert told["rows"] == 5
    assert told["page"].endswith("/report.html")


async def test_a_form_s_file_is_worked_through() -> None:
    file = {"filename": "a.csv", "content_type": "text/csv", "bytes": 4, "base64": "YQoxCg=="}
    assert await result("import", input={"list": file}) == {"rows": 1, "columns": ["a"]}


async def test_a_chunk_s_names_end_with_it() -> None:
    told = await result("cities", input={"csv": CSV})
    assert told == [3, 5, True]
    assert "it answers `[3, 5, true]`" in PAGE


def test_the_tables_are_complete() -> None:
    assert sorted(rows("Formats", "`format`")) == sorted(get_args(Format))
    assert sorted(rows("Formats", "option")) == sorted(Reading.model_fields)
    analysis = Analysis()
    analysis.add(Chunk(0, 0, ("n",), [("1",), ("2",)]))
    report: dict[str, Any] = analysis.report(None)
    assert rows("Reports", "field") == list(report)
    for name in report["fields"][0]:
        assert f"`{name}`" in PAGE
    assert report["version"] == VERSION == 1


def test_every_code_is_one_that_there_is() -> None:
    source = "".join(
        path.read_text("utf-8")
        for folder in ("datasets", "outbound", "parquet")
        for path in (ROOT / "hub" / folder).glob("*.py")
    )
    told = {*rows("Fetching", "code"), *re.findall(r"`(dataset_\w+)`", PAGE)}
    assert len(told) >= 12
    assert {code for code in told if f'code="{code}"' not in source} == set()


def test_the_figures_are_the_real_ones() -> None:
    limits = Limits()
    for text in (
        f"tried {len(_TRIES_S) + 1} times, after 0.5, 2 and 5 seconds",
        f"durable every {CHECKPOINT_BYTES // MIB} MiB",
        f"`most_bytes`, {steps.MAX_BYTES >> 30} GiB at most",
        f"at least {limits.least_bytes >> 10} KiB in {limits.idle_s:.0f} seconds",
        f"**Redirects**: {MOST_REDIRECTS} are followed",
        f"{steps.CHUNK_ROWS:,} where it is not set, {steps.MAX_ROWS_AT_ONCE:,} at most",
        f"when it has {BOUNDS.chunk_bytes // MIB} MiB",
        f"the first {KEPT} are told",
        f"at most {MAX_STEPS:,} steps",
        f"of the first {steps._COLUMNS_SHOWN} columns",
        f"Beyond the first {DETAILED} columns",
        f"({VALUES_KEPT:,} of a column, {VALUES_KEPT_OF_ALL:,} altogether)",
        f"with {MEMORY_BYTES >> 30} GiB of memory",
        f"for {steps.SHARED_S // 86_400} days, or what `ttl` says",
        f"{steps.MAX_SHARED_S // 86_400} days at most",
        f"| a row | {BOUNDS.row_bytes // MIB} MiB |",
        f"| columns | {BOUNDS.columns:,} |",
        f"| a chunk | {BOUNDS.chunk_bytes // MIB} MiB |",
        f"| unpacked altogether | {BOUNDS.unpacked_bytes >> 30} GiB |",
        f"| {BOUNDS.ratio} times, from {BOUNDS.ratio_from // MIB} MiB on |",
    ):
        assert text in PAGE, text
    assert _TRIES_S == (0.5, 2.0, 5.0)
    assert (steps._SAVE_EVERY_S, steps.FETCH_S) == (2.0, 3600.0)


def test_the_page_about_delivering_says_how_large_a_form_may_be() -> None:
    page = (ROOT / "docs" / "delivering.md").read_text("utf-8")
    assert f"and {FORM_BYTES // MIB} MiB where that is not known" in page
