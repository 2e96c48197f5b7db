"""A list of products comes every night: what is new or has changed goes out, each once."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from tests.flows.test_datasets import serving
from tests.outbound.datasets import Dataset
from tests.program import STACKS, Driven, embedded_hub
from tests.sink import Sink, open_sink

STACK = (STACKS / "nightly_csv.json5").read_text("utf-8")


def products(prices: list[str]) -> bytes:
    """A list with so many products."""
    rows = [f"s{n},Pen {n},{price},1\n" for n, price in enumerate(prices)]
    return ("sku,name,price,stock\n" + "".join(rows)).encode()


async def prepare(hub: Driven, csv: str, n8n: Sink) -> None:
    """Do what the stack's comments say."""
    await hub.put("/v1/stacks/nightly_csv", STACK)
    await hub.put("/v1/variables/PRODUCTS_CSV", {"value": csv})
    await hub.put("/v1/destinations/n8n-products", {"url": n8n.url, "retry_schedule_s": [0.05]})


async def begun(hub: Driven) -> str:
    """The id of a night's run that was begun by hand."""
    started = await hub.api.post("/v1/schedules/nightly_csv/nightly_csv/run")
    assert started.status_code == 202, started.text
    run_id: str = started.json()["id"]
    return run_id


async def night(hub: Driven) -> dict[str, Any]:
    """The result of a night, once all that it sent has arrived."""
    run = await hub.until(f"/v1/runs/{await begun(hub)}", 30, status="succeeded")
    await delivered(hub)
    result: dict[str, Any] = run["result"]
    return result


async def delivered(hub: Driven) -> None:
    """Wait until nothing is on its way any more."""
    for each in (await hub.get("/v1/deliveries?limit=200"))["items"]:
        await hub.until(f"/v1/deliveries/{each['id']}", status="delivered")


def arrived(n8n: Sink) -> list[tuple[str, str]]:
    """What has come: change and number of each row, in order of the numbers."""
    rows = [(row["change"], row["sku"]) for each in n8n.requests for row in each.json]
    return sorted(rows, key=lambda row: int(row[1][1:]))


async def test_the_second_night_sends_only_what_has_changed(hub: Driven) -> None:
    data = Dataset(products(["1"] * 130), etag=None)
    async with open_sink() as n8n, serving(data) as url:
        await prepare(hub, f"{url}products.csv", n8n)
        first = await night(hub)
        assert (first["rows"], first["new"], first["refused"]) == (130, 130, 0)
        assert arrived(n8n) == [("new", f"s{n}") for n in range(130)]
        assert sorted(len(each.json) for each in n8n.requests) == [30, 100]
        n8n.requests.clear()
        data.data = products(["1", "2", "cheap", "1", *["1"] * 126, "1"])
        second = await night(hub)
        assert second | {"rows": 131, "new": 1, "changed": 1, "refused": 1} == second
        assert arrived(n8n) == [("changed", "s1"), ("new", "s130")]
        n8n.requests.clear()
        third = await night(hub)
        assert (third["new"], third["changed"]) == (0, 0)
        assert n8n.requests == []


async def test_a_night_that_is_cut_off_goes_on_and_sends_nothing_twice(tmp_path: Path) -> None:
    count = 4_000
    data = Dataset(products(["1"] * count), etag=None)
    async with open_sink() as n8n, serving(data) as url:
        async with embedded_hub(tmp_path, stop_grace_s=0.05) as hub:
            await prepare(hub, f"{url}products.csv", n8n)
            run_id = await begun(hub)
            async with asyncio.timeout(20):
                while not (await hub.get("/v1/tables/products/records?limit=1"))["items"]:
                    await asyncio.sleep(0.01)
        async with embedded_hub(tmp_path) as hub:
            before = await hub.get(f"/v1/runs/{run_id}")
            assert before["status"] != "succeeded"
            run = await hub.until(f"/v1/runs/{run_id}", 60, status="succeeded")
            assert (run["result"]["rows"], run["result"]["new"]) == (count, count)
            await delivered(hub)
        assert len(data.asked) == 1  # what was fetched is not fetched again
        by_key = {each.key: each.json for each in n8n.requests}
        times = Counter(row["sku"] for rows in by_key.values() for row in rows)
        assert (len(times), set(times.values())) == (count, {1})
