"""The data set that is measured with, its server, the reader alone, and the memory of programs."""

import csv
import http.client
import sys
import time
from pathlib import Path

import orjson
import pytest

from hub.bench.datasets import Datasets
from hub.bench.harness import measure
from hub.bench.ledgers import Ledger
from hub.bench.memory import watched
from hub.bench.orders import orders, write_orders
from hub.bench.processes import finished, listening, module, running


def test_the_file_has_its_size_and_whole_rows_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    count = write_orders(path, 1_200_000)
    content = path.read_bytes()
    assert 1_200_000 <= len(content) < 1_200_200
    assert content == b"".join(orders(1_200_000))
    head, *rows = csv.reader(content.decode().splitlines())
    assert len(rows) == count
    assert {len(row) for row in rows} == {len(head)} == {10}


def test_four_columns_have_more_values_than_are_kept_and_the_others_few(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    write_orders(path, 2_000_000)
    head, *rows = csv.reader(path.read_text().splitlines())
    different = {name: len(set(cells)) for name, *cells in zip(head, *rows, strict=True)}
    many = {name for name, count in different.items() if count > 10_000}
    assert many == {"number", "email", "amount", "ordered_at"}
    assert max(count for name, count in different.items() if name not in many) <= 110


def test_the_reader_alone_finds_every_row(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    count = write_orders(path, 500_000)
    told = orjson.loads(finished("reader", module("read_file", str(path))))
    assert told["rows"] == count
    assert told["seconds"] > 0


def test_a_file_is_offered_as_it_is(tmp_path: Path) -> None:
    content = b"a,b\n" * 100_000
    (tmp_path / "some.csv").write_bytes(content)
    with listening("offer", module("offer", str(tmp_path)), tmp_path) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/some.csv")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["content-type"]) == (200, "text/csv")
        assert answer.read() == content
        connection.close()


def test_the_most_memory_is_seen_though_it_is_given_back(tmp_path: Path) -> None:
    holds = "import time; a = b'x' * 80_000_000; time.sleep(0.5); del a; time.sleep(60)"
    with (
        running("holds", [sys.executable, "-c", holds], tmp_path) as child,
        watched([child]) as memory,
    ):
        deadline = time.monotonic() + 20
        while memory.most < 80 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
    assert memory.most > 80


@pytest.mark.timeout(120)
@pytest.mark.parametrize("ledger", [Ledger.SQLITE, Ledger.POSTGRESQL])
def test_a_data_set_goes_its_whole_way(ledger: Ledger) -> None:
    result = measure(Datasets(mb_per_s=2), ledger, 0.5)
    assert result.faults == ()
    told = {each.name: each.value for each in result.figures}
    assert told["data set"] == pytest.approx(1, abs=0.1)
    assert told["memory, most"] >= told["memory, before"] > 20
    for name in ("of the reader alone", "fetched", "analysed", "into a table", "report, page"):
        assert told[name] > 0


def test_a_run_that_fails_makes_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.bench.datasets.write_orders", lambda path, _: path.write_bytes(b""))
    result = measure(Datasets(mb_per_s=1), Ledger.SQLITE, 0.1)
    assert result.figures == ()
    (fault,) = result.faults
    assert "The data set is empty" in fault
