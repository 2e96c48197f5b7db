"""Data sets: one is fetched, worked through, reported on and offered, by a hub as it is.

The file is CSV of ten columns (:mod:`hub.bench.orders`), given by a process of its own. Beside it
stands what the reader alone does with the same file in the same pieces, in a process of its own,
once before the hub's run and once after it.
"""

import http.client
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from hub.bench.ledgers import Ledger
from hub.bench.memory import watched
from hub.bench.orders import write_orders
from hub.bench.processes import failed, finished, listening, module
from hub.bench.scene import Figure, Measured, Scene
from hub.bench.subject import Subject, hub
from hub.model.time import US_PER_S, from_iso

_MB = 1_000_000
_END_S = 1_800.0
_STACK = """
{ task: "analyse", max_steps: 10000000, function_stack: [
  { function: "create_variable", name: "begun", value: "{{now()}}" },
  { function: "download_dataset", url: "{{input.url}}" },
  { function: "create_variable", name: "fetched", value: "{{now()}}" },
  { function: "process_data_in_chunks", chunk_size: 1000 },
  { function: "create_variable", name: "worked", value: "{{now()}}" },
  { function: "generate_analysis_report" },
  { function: "upload_results" },
  { function: "return_response", body: {
    rows: "{{processed.rows}}", results: "{{results}}", at: "{{[begun, fetched, worked, now()]}}",
  } },
] }
{ task: "add", max_steps: 10000000, function_stack: [
  { function: "download_dataset", url: "{{input.url}}" },
  { function: "create_variable", name: "fetched", value: "{{now()}}" },
  { function: "process_data_in_chunks", chunk_size: 1000, function_stack: [
    { function: "bulk_add_records", table: "orders", records: "{{chunk}}" },
  ] },
  { function: "return_response", body: {
    rows: "{{processed.rows}}", at: "{{[fetched, now()]}}",
  } },
] }
"""


@dataclass(frozen=True)
class Datasets:
    """The whole way of a data set; its size goes with the seconds, 1 GB for 20 of them.

    A smaller one is put into a table, chunk by chunk.
    """

    name: str = "datasets"
    mb_per_s: float = 50.0
    added_mb_per_s: float = 1.0
    ledgers: tuple[Ledger, ...] = (Ledger.SQLITE, Ledger.POSTGRESQL)

    def run(self, scene: Scene) -> Measured:
        """Rates, the share of the reader's, the most memory, the size of the report."""
        many, few = scene.folder / "orders.csv", scene.folder / "few.csv"
        rows = write_orders(many, round(self.mb_per_s * scene.seconds * _MB))
        few_rows = write_orders(few, round(self.added_mb_per_s * scene.seconds * _MB))
        reader = [_alone(many)]
        with _offering(scene) as (subject, root):
            subject.api.put("/v1/stacks/bench", _STACK)
            with watched(subject.children) as memory:
                told = _result(subject, "analyse", f"{root}{many.name}")
            added = _result(subject, "add", f"{root}{few.name}")
            begun, fetched, worked, offered = map(from_iso, told["at"])
            page, facts = (_size(each["url"]) for each in told["results"]["files"])
        reader.append(_alone(many))
        rate = rows / _seconds(fetched, worked)
        alone = sum(each["rows"] for each in reader) / sum(each["seconds"] for each in reader)
        size_mb = many.stat().st_size / _MB
        return Measured(
            (
                Figure("of the reader alone", rate / alone * 100, "%"),
                Figure("memory, most", memory.most, "MB"),
                Figure("memory, before", memory.before, "MB"),
                Figure("fetched", size_mb / _seconds(begun, fetched), "MB/s"),
                Figure("analysed", rate, "rows/s"),
                Figure("reader alone", alone, "rows/s"),
                Figure("report written and offered", _seconds(worked, offered), "s"),
                Figure("report, page", page / 1000, "KB"),
                Figure("report, JSON", facts / 1000, "KB"),
                Figure("data set", size_mb, "MB"),
                Figure("into a table", few_rows / _seconds(*map(from_iso, added["at"])), "rows/s"),
            ),
            tuple(_faults(rows, reader, told, "analysed"))
            + tuple(_faults(few_rows, [], added, "put into a table")),
        )


@contextmanager
def _offering(scene: Scene) -> Iterator[tuple[Subject, str]]:
    """A hub, and where it finds the files of the scene."""
    with ExitStack() as stack:
        offer = module("offer", str(scene.folder))
        port = stack.enter_context(listening("offer", offer, scene.folder))
        yield stack.enter_context(hub(scene)), f"http://127.0.0.1:{port}/"


def _alone(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads(finished("reader", module("read_file", str(path))))
    return told


def _result(subject: Subject, task: str, url: str) -> Any:
    """What a run gives.

    Raises:
        HubError: ``bench_failed``: it failed, or took too long.
    """
    started = subject.api.post(f"/v1/tasks/bench/{task}/runs", {"input": {"url": url}})
    path, deadline = f"/v1/runs/{started['id']}", time.monotonic() + _END_S
    while (run := subject.api.get(path))["status"] not in ("succeeded", "failed"):
        if time.monotonic() > deadline:
            raise failed(f"The run of {task} did not end within {_END_S:g} s.")
        subject.check()
        time.sleep(0.2)
    if run["status"] == "failed":
        raise failed(f"The run of {task} failed: {run['failure']}.")
    return run["result"]["body"] if "body" in run["result"] else run["result"]


def _size(url: str) -> int:
    """How large that is which anybody may download there."""
    at = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", at.port, timeout=30)
    try:
        connection.request("GET", f"{at.path}?{at.query}")
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise failed(f"The report was answered with {answer.status}: {content[:500].decode()}")
    return len(content)


def _seconds(begun_us: int, ended_us: int) -> float:
    return max((ended_us - begun_us) / US_PER_S, 1e-6)


def _faults(rows: int, reader: list[dict[str, Any]], told: Any, what: str) -> Iterator[str]:
    if told["rows"] != rows:
        yield f"{told['rows']} of {rows} rows were {what}"
    for each in reader:
        if each["rows"] != rows:
            yield f"the reader alone found {each['rows']} of {rows} rows"
