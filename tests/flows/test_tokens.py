"""A destination behind an authorization server: tokens come and go, deliveries arrive once."""

from pathlib import Path
from typing import Any

import pytest

from tests.outbound.authorization import Authorization
from tests.outbound.certificates import authority
from tests.outbound.conftest import serve
from tests.outbound.proxy import open_proxy
from tests.outbound.servers import RawServer, Serve
from tests.program import Driven, embedded_hub
from tests.sink import Answer, Arrived, Sink, open_sink

__all__ = ["serve"]


@pytest.fixture
def database_url() -> None:
    """Which database it is makes no difference here."""


async def behind(hub: Driven, make: Sink, server: RawServer) -> None:
    await hub.put(
        "/v1/destinations/make",
        {
            "url": make.url,
            "retry_schedule_s": [0.05, 0.05],
            "auth": {
                "mode": "oauth2",
                "token_url": server.url,
                "client_id": "hub",
                "client_secret": "s3cret-of-the-client",
            },
        },
    )
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
    await hub.put("/v1/subscriptions/all", {"source": "shop", "destination": "make"})


async def send(hub: Driven, **wanted: Any) -> dict[str, Any]:
    """Send an event; gives its delivery once it stands so."""
    event = (await hub.api.post("/in/shop", json={"order": 1})).json()["event_id"]
    (found,) = (await hub.get(f"/v1/deliveries?event_id={event}"))["items"]
    return await hub.until(f"/v1/deliveries/{found['id']}", **wanted)


def shown(make: Sink) -> list[str]:
    return [each.headers["authorization"] for each in make.requests]


async def test_a_token_is_used_until_it_is_called_back_and_then_replaced_at_once(
    hub: Driven, make: Sink, serve: Serve
) -> None:
    authorization = Authorization()
    await behind(hub, make, await serve(authorization))
    await send(hub, status="delivered")
    await send(hub, status="delivered")
    assert shown(make) == ["Bearer token-1"] * 2

    def called_back(n: int, request: Arrived) -> Answer:
        return Answer(401 if request.headers["authorization"] == "Bearer token-1" else 200)

    make.answer = called_back
    delivery = await send(hub, status="delivered")
    assert [each["outcome"] for each in delivery["attempts"]] == ["delivered"]
    assert shown(make)[2:] == ["Bearer token-1", "Bearer token-2"]
    assert len({each.key for each in make.requests[2:]}) == 1
    assert "token-2" not in str(delivery)


async def test_a_destination_that_never_takes_a_token_is_not_asked_for_ever(
    hub: Driven, make: Sink, serve: Serve
) -> None:
    authorization = Authorization()
    await behind(hub, make, await serve(authorization))
    make.answer = lambda n, request: Answer(401)
    delivery = await send(hub, status="dead")
    assert [each["status_code"] for each in delivery["attempts"]] == [401]
    assert (len(make.requests), authorization.asked) == (2, 2)


async def test_without_a_token_nothing_is_sent_and_the_attempt_says_why(
    hub: Driven, make: Sink, serve: Serve
) -> None:
    authorization = Authorization(status="503 Off", said={})
    await behind(hub, make, await serve(authorization))
    delivery = await send(hub, status="dead")
    assert [each["outcome"] for each in delivery["attempts"]] == ["retry"] * 3
    assert "no token now: 503" in delivery["reason"]
    authorization.status, authorization.said = "401 No", {"error": "invalid_client"}
    delivery = await send(hub, status="dead")
    assert [each["outcome"] for each in delivery["attempts"]] == ["refused"]
    assert "invalid_client" in delivery["reason"]
    assert make.requests == []


async def test_a_destination_that_asks_for_a_certificate_gets_its_deliveries(
    hub: Driven, serve: Serve, tmp_path: Path
) -> None:
    ours = authority()
    server = await serve(tls=ours.context(tmp_path, asks_client=True))
    shown = {"client_cert": ours.client.certificate, "client_key": ours.client.key}
    await hub.put(
        "/v1/destinations/make",
        {"url": f"https://127.0.0.1:{server.port}/", "tls": {"ca": ours.certificate, **shown}},
    )
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
    await hub.put("/v1/subscriptions/all", {"source": "shop", "destination": "make"})
    await send(hub, status="delivered")
    assert len(server.heads) == 1


async def test_what_is_delivered_goes_through_the_proxy_and_the_hub_says_what_that_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        open_proxy("ada:pw") as proxy,
        open_sink() as make,
        embedded_hub(tmp_path, outbound_proxy=proxy.url) as hub,
    ):
        await hub.put("/v1/destinations/make", {"url": make.url})
        await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
        await hub.put("/v1/subscriptions/all", {"source": "shop", "destination": "make"})
        await send(hub, status="delivered")
        assert proxy.asked == [f"POST {make.url} HTTP/1.1"]
    said = capsys.readouterr().out
    assert "guard.moved" in said
    assert "ada:pw" not in said


@pytest.mark.parametrize("style", ["basic", "body"])
async def test_a_trial_shows_nothing_of_what_a_token_is_asked_for_with(
    hub: Driven, make: Sink, serve: Serve, style: str
) -> None:
    """Refused by the authorization server, taken, or only looked at."""
    authorization = Authorization()
    server = await serve(authorization)
    await behind(hub, make, server)
    await hub.api.patch("/v1/destinations/make", json={"auth": {"style": style}})
    path = "/v1/destinations/make/test"
    looked_at = await hub.api.post(path, json={"dry_run": True})
    assert looked_at.json()["request"]["url"] == make.url
    assert authorization.asked == 0
    taken = await hub.api.post(path)
    assert (taken.json()["outcome"], authorization.asked) == ("delivered", 1)
    authorization.status, authorization.said = "401 No", {"error": "invalid_client"}
    refused = await hub.api.post(path)
    assert refused.json()["request"] is None
    assert refused.json()["outcome"] == "refused"
    for answer in (looked_at, taken, refused):
        assert "s3cret-of-the-client" not in answer.text
        assert "token-1" not in answer.text
