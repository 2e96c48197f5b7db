"""What the hub has done is told in numbers, to whoever may read them."""

import asyncio
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from hub.app import watched
from hub.bootstrap import open_hub
from hub.observe.families import FAMILIES
from hub.run.runner import running
from hub.settings import load_settings
from hub.up import first_key
from hub.valkey import EmbeddedValkey
from hub.worker import working
from tests.databases import Postgres, prepare
from tests.program import ADMIN_KEY, Driven, embedded_hub, free_port
from tests.sink import Answer, Sink

SELL = """
{ name: "sell", source: "till", endpoint: "/sales/{till}", function_stack: [
  { function: "add_record", table: "orders", data: { n: 1 } },
  { function: "deliver", destination: "make", payload: { n: 1 } },
  { function: "return_response", body: { ok: true } },
] }
"""


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Every sample by its name and its labels, in the order of their names."""
    return {
        (each.name, *(value for _, value in sorted(each.labels.items()))): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


async def told(hub: Driven) -> dict[tuple[str, ...], float]:
    """What the hub tells."""
    answer = await hub.api.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return samples(answer.text)


async def test_the_way_of_an_event_is_counted(hub: Driven, make: Sink) -> None:
    make.answer = lambda n, _: Answer(500 if n == 0 else 200)
    await hub.put("/v1/sources/till", {"connector": "n8n", "verify": {"mode": "none"}})
    await hub.put("/v1/stacks/shop", SELL)
    headers = {"idempotency-key": "one"}
    first = await hub.api.post("/in/till", json={"total": 12}, headers=headers)
    again = await hub.api.post("/in/till", json={"total": 12}, headers=headers)
    assert (first.status_code, again.status_code) == (202, 200)
    assert (await hub.api.post("/in/nobody-has-set-this", json={})).status_code == 404
    assert (await hub.api.get("/sales/7")).status_code == 405
    assert (await hub.api.get("/nothing/here")).status_code == 404
    await hub.until(f"/v1/runs/{first.json()['run_id']}", status="succeeded")
    await make.wait_for(2)
    [delivery] = (await hub.get("/v1/deliveries"))["items"]
    await hub.until(f"/v1/deliveries/{delivery['id']}", status="delivered")

    seen = await told(hub)
    assert seen["hub_events_total", "accepted", "till"] == 1
    assert seen["hub_events_total", "duplicate", "till"] == 1
    assert seen["hub_events_total", "rejected", "(unknown)"] == 1
    assert seen["hub_events_rejected_total", "source_unknown", "(unknown)"] == 1
    assert seen["hub_ingest_seconds_count",] == 2
    assert seen["hub_http_requests_total", "POST", "/in/{source}", "2xx"] == 2
    assert seen["hub_http_requests_total", "POST", "/in/{source}", "4xx"] == 1
    assert seen["hub_http_requests_total", "GET", "/sales/{till}", "4xx"] == 1
    assert seen["hub_http_requests_total", "GET", "(other)", "4xx"] == 1
    assert seen["hub_http_requests_total", "PUT", "/v1/sources/{slug}", "2xx"] == 1
    assert seen["hub_runs_total", "succeeded", "shop/sell"] == 1
    assert seen["hub_run_wait_seconds_count", "normal"] == 1
    assert seen["hub_step_seconds_count", "add_record"] == 1
    assert seen["hub_step_seconds_count", "deliver"] == 1
    assert seen["hub_attempts_total", "make", "retry", "5xx"] == 1
    assert seen["hub_attempts_total", "make", "delivered", "2xx"] == 1
    assert seen["hub_deliveries_total", "make", "retrying"] == 1
    assert seen["hub_deliveries_total", "make", "delivered"] == 1
    assert seen["hub_delivery_seconds_count",] == 1
    assert seen["hub_commit_items_sum",] >= seen["hub_commit_items_count",] > 5
    assert seen["hub_breaker_state", "make"] == 0
    assert seen["hub_drain_claimed_total", "runs"] == 1
    assert seen["hub_dead_letters",] == 0
    assert not any("nobody-has-set-this" in part for key in seen for part in key)


async def test_each_event_of_a_list_is_counted_by_itself(hub: Driven) -> None:
    source = {"connector": "n8n", "verify": {"mode": "none"}, "batch": "each"}
    await hub.put("/v1/sources/till", {**source, "dedup": {"by": "body:n", "window_s": 60}})
    assert (await hub.api.post("/in/till", json=[{"n": 1}, {"n": 2}])).status_code == 202
    assert (await hub.api.post("/in/till", json=[{"n": 2}, {"n": 3}])).status_code == 202
    seen = await told(hub)
    assert seen["hub_events_total", "accepted", "till"] == 3
    assert seen["hub_events_total", "duplicate", "till"] == 1
    assert seen["hub_ingest_seconds_count",] == 2


async def test_every_family_is_told_and_no_other(hub: Driven) -> None:
    answer = await hub.api.get("/metrics")
    found = {
        line.split()[2]: line.split()[3]
        for line in answer.text.splitlines()
        if line.startswith("# TYPE hub_")
    }
    assert found == {each.told: each.kind for each in FAMILIES}


async def test_a_breaker_that_opens_is_told(hub: Driven, make: Sink) -> None:
    await hub.get("/v1/destinations/make/breaker")
    tripped = await hub.api.post("/v1/destinations/make/breaker/trip", json={})
    assert tripped.status_code in (200, 202, 204), tripped.text
    seen = await told(hub)
    assert seen["hub_breaker_state", "make"] == 2
    assert seen["hub_breaker_changes_total", "opened", "make"] == 1


async def test_runs_that_are_cancelled_and_retried_are_counted(hub: Driven) -> None:
    fail = '{ name: "fail", function_stack: [{ function: "throw_error", message: "no" }] }'
    await hub.put("/v1/stacks/shop", fail)
    made = await hub.api.post("/v1/tasks/fail/runs", json={"wait_s": 5})
    assert made.json()["status"] == "failed", made.text
    run = f"/v1/runs/{made.json()['id']}"
    assert (await hub.api.post(f"{run}/retry", json={})).status_code == 202
    await hub.until(run, status="failed")
    later = await hub.api.post("/v1/tasks/fail/runs", json={"delay_s": 600})
    assert (await hub.api.post(f"/v1/runs/{later.json()['id']}/cancel")).status_code == 200
    seen = await told(hub)
    assert seen["hub_runs_total", "failed", "shop/fail"] == 2
    assert seen["hub_runs_total", "retried", "shop/fail"] == 1
    assert seen["hub_runs_total", "cancelled", "shop/fail"] == 1


async def test_live_messages_and_streams_are_counted(hub: Driven) -> None:
    async with hub.api.stream("GET", "/realtime/news?limit=2") as stream:
        for n in range(2):
            assert (await told(hub))["hub_streams",] == 1
            said = {"event": "e", "data": {"n": n}}
            answer = await hub.api.post("/v1/channels/news/messages", json=said)
            assert answer.status_code == 202, answer.text
        await stream.aread()
    seen = await told(hub)
    assert seen["hub_messages_total",] == 2
    assert seen["hub_messages_delivered_total",] == 2
    assert seen["hub_message_seconds_count",] == 2
    assert seen["hub_http_requests_total", "GET", "/realtime/{channel}", "2xx"] == 1
    assert ("hub_http_request_seconds_count", "/realtime/{channel}") not in seen


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text; version=1.0.0,text/plain;q=0.5", "x;version=" * 50]
)
async def test_whoever_asks_for_openmetrics_gets_it(hub: Driven, accept: str) -> None:
    answer = await hub.api.get("/metrics", headers={"accept": accept})
    assert answer.status_code == 200
    is_open = accept.startswith("application/openmetrics-text")
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind == ("application/openmetrics-text" if is_open else "text/plain")
    if is_open:
        names = {family.name for family in openmetrics(answer.text)}
        assert {each.name for each in FAMILIES} <= names


async def test_only_who_may_read_reads_it(hub: Driven) -> None:
    key = (await hub.api.post("/v1/keys", json={"name": "p", "scopes": ["read"]})).json()["key"]
    weak = (await hub.api.post("/v1/keys", json={"name": "i", "scopes": ["ingest"]})).json()["key"]
    async with httpx.AsyncClient(base_url=hub.base, trust_env=False) as anyone:

        async def asked(token: str | None) -> httpx.Response:
            headers = {} if token is None else {"authorization": f"Bearer {token}"}
            return await anyone.get("/metrics", headers=headers)

        assert (await asked(key)).status_code == 200
        assert (await asked(weak)).status_code == 403
        assert (await asked("wrong")).status_code == 401
        refused = await asked(None)
    assert refused.status_code == 401
    assert refused.json()["code"] == "unauthorized"
    assert "hub_" not in refused.text


async def test_it_is_told_while_the_database_is_away(tmp_path: Path, postgres: Postgres) -> None:
    with postgres.database() as url:
        async with embedded_hub(tmp_path, database_url=url, commit_timeout_s=1.0) as hub:
            await hub.put("/v1/sources/till", {"connector": "n8n", "verify": {"mode": "none"}})
            assert ("hub_dead_letters",) in await told(hub)
            postgres.freeze()
            try:
                assert (await hub.api.post("/in/till", json={})).status_code == 503
                await asyncio.sleep(5.5)  # until keys are looked up anew
                seen = await told(hub)
                wrong = {"authorization": "Bearer wrong"}
                assert (await hub.api.get("/metrics", headers=wrong)).status_code == 503
            finally:
                postgres.thaw()
    assert seen["hub_commit_failures_total",] >= 1
    assert seen["hub_events_total", "not_committed", "till"] == 1


async def test_where_it_is_set_open_nobody_has_to_prove_anything(tmp_path: Path) -> None:
    async with (
        embedded_hub(tmp_path, metrics_open=True) as hub,
        httpx.AsyncClient(base_url=hub.base, trust_env=False) as anyone,
    ):
        assert "hub_build_info" in (await anyone.get("/metrics")).text
        assert (await anyone.get("/v1/sources")).status_code == 401


async def test_a_worker_tells_of_itself_on_a_port_of_its_own(
    tmp_path: Path, database_url: str | None, valkey: EmbeddedValkey
) -> None:
    prepare(database_url, tmp_path)
    settings = load_settings(
        data=tmp_path, database_url=database_url, metrics_port=free_port(), admin_key=ADMIN_KEY
    )
    base = f"http://127.0.0.1:{settings.metrics_port}"
    async with (
        open_hub(settings, valkey.url) as hub,
        running(hub) as runner,
        working(hub, runner),
        watched(hub),
        httpx.AsyncClient(base_url=base, trust_env=False) as anyone,
    ):
        await first_key(hub)
        assert (await anyone.get("/healthz")).json() == {"status": "ok"}
        assert (await anyone.get("/readyz")).status_code == 200
        assert (await anyone.get("/metrics")).status_code == 401
        assert (await anyone.get("/v1/sources")).status_code == 404
        headers = {"authorization": f"Bearer {ADMIN_KEY}"}
        seen = samples((await anyone.get("/metrics", headers=headers)).text)
    assert seen["hub_drain_capacity", "runs"] == 100
    # of the whole hub the servers tell
    assert not any(name.startswith(("hub_runs_due", "hub_dead")) for name, *_ in seen)


async def test_a_worker_listens_nowhere_unless_it_is_told_to(
    tmp_path: Path, valkey: EmbeddedValkey
) -> None:
    prepare(None, tmp_path)
    async with open_hub(load_settings(data=tmp_path), valkey.url) as hub:
        before = len(psutil.Process().net_connections("tcp"))
        async with watched(hub):
            assert len(psutil.Process().net_connections("tcp")) == before
