"""Data sets: asked for and reported on, and a list that comes every night."""

from typing import Any

from hub.model.json import Json
from tests.simulate.test_simulation import kinds
from tests.stacks.shipped import Told, runs_of, sent, shipped

HEAD = "sku,name,price,stock\n"
CSV = {"PRODUCTS_CSV": "https://data.example/products.csv"}


async def asked_for(answer: Json) -> tuple[Told, dict[str, Any]]:
    """A data set that is asked for, and its job."""
    told = await shipped(
        "datasets.json5",
        "ask",
        1,
        input={"url": "https://data.example/p.csv"},
        answers={"https://data.example/": answer},
    )
    [job] = told["tables"]["dataset_jobs"]
    return told, job


async def nights(*lists: str, **given: Any) -> Told:
    """So many nights, with the list of each."""
    answers: Json = {"https://data.example/": [{"body": HEAD + each} for each in lists]}
    return await shipped(
        "nightly_csv.json5", None, len(lists), variables=CSV, answers=answers, **given
    )


def sent_rows(told: Told) -> list[list[tuple[str, str]]]:
    """What went out: of each delivery the changes and numbers."""
    return [
        [(row["change"], row["sku"]) for row in each["body"]]
        for each in sent(told)
        if isinstance(each["body"], list)
    ]


async def test_a_data_set_is_asked_for_reported_on_and_offered() -> None:
    told, job = await asked_for({"body": "n,city\n1,Oslo\n2,Rome\n"})
    assert kinds(told, "run")[0]["result"] == {"job": 1, "status": "queued"}
    assert (job["status"], job["rows"], job["problems"]) == ("ready", 2, 0)
    assert job["report_url"].endswith("/report.html")
    assert [(each["channel"][:5], each["event"]) for each in kinds(told, "message")] == [
        ("runs.", "run.succeeded"),
        ("datas", "dataset_ready"),
    ]
    rows: dict[str, Any] = {"dataset_jobs": told["tables"]["dataset_jobs"]}
    rows["dataset_jobs"][0].pop("updated_at")
    told = await shipped("datasets.json5", "look", input={"job": "1"}, tables=rows)
    looked = kinds(told, "run")[0]["result"]
    assert (looked["job"], looked["status"], looked["rows"]) == (1, "ready", 2)
    assert looked["report_url"] == job["report_url"]


async def test_a_data_set_that_cannot_be_had_is_tried_again_and_then_told_as_failed() -> None:
    told, job = await asked_for({"status": 404})
    assert len(sent(told)) == 4
    assert job["status"] == "failed"
    assert "404" in job["message"]
    assert [each["event"] for each in kinds(told, "message")] == ["run.failed", "dataset_failed"]


async def test_a_night_sends_what_is_new_and_what_has_changed_and_nothing_else() -> None:
    first, second = "a,Pen,1.20,3\nb,Ink,2,1\nc,Nib,2,\n", "a,Pen,1.30,3\nb,Ink,2,1\nd,Pad,1,1\n"
    told = await nights(first, second, second)
    assert sent_rows(told) == [
        [("new", "a"), ("new", "b"), ("new", "c")],
        [("changed", "a"), ("new", "d")],
    ]
    results = [each["result"] for each in runs_of(told, "nightly_csv")]
    assert [(each["rows"], each["new"], each["changed"]) for each in results] == [
        (3, 3, 0),
        (3, 1, 1),
        (3, 0, 0),
    ]
    prices = {each["sku"]: each["price"] for each in told["tables"]["products"]}
    assert prices == {"a": 1.3, "b": 2, "c": 2, "d": 1}


async def test_a_broken_row_is_noted_and_the_others_go_out() -> None:
    broken = "a,Pen,1.20,3\nb,Ink,cheap,1\n,Nib,2,4\nc,Nib,,4\nd,Pad,1,1\n"
    told = await nights(broken, broken.replace("cheap", "4"))
    assert sent_rows(told) == [[("new", "a"), ("new", "d")], [("new", "b")]]
    [first, second] = [each["result"] for each in runs_of(told, "nightly_csv")]
    assert (first["refused"], second["refused"]) == (3, 2)
    refused = told["tables"]["products_refused"]
    assert [each["row"]["sku"] for each in refused[:3]] == ["b", "", "c"]
    assert all(each["reason"] for each in refused)
    notices = [each for each in kinds(told, "message") if each["event"] == "run.failed"]
    assert "3 of 5 products" in notices[0]["data"]["message"]


async def test_a_product_that_stands_twice_goes_out_once_as_it_stands_last() -> None:
    told = await nights("a,Pen,1,1\na,Pen,2,1\n")
    assert sent_rows(told) == [[("new", "a")]]
    assert [each["price"] for each in told["tables"]["products"]] == [2]


async def test_many_products_go_out_a_hundred_at_a_time() -> None:
    told = await nights("".join(f"s{n},Pen {n},1,1\n" for n in range(1_250)))
    assert sorted(map(len, sent_rows(told))) == [50, *[100] * 12]
    assert len({row for rows in sent_rows(told) for row in rows}) == 1_250


async def test_a_list_of_something_else_fails_the_run_and_keeps_nothing() -> None:
    told = await shipped(
        "nightly_csv.json5",
        None,
        1,
        variables=CSV,
        answers={"https://data.example/": {"body": "no,title\n1,Pen\n"}},
    )
    [run] = runs_of(told, "nightly_csv")
    assert (run["status"], run["failure"]["code"]) == ("failed", "column_missing")
    assert "no, title" in run["failure"]["message"]
    assert not told["tables"].get("products")
    assert [each["event"] for each in kinds(told, "message")] == ["run.failed"]
