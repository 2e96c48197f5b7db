"""A source is tried with its connector's sample; events are watched live, and passed on."""

import asyncio
import json
from importlib.metadata import entry_points
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hub.commands.listening import listen
from hub.commands.trying import Sample, test_source
from hub.connector import Signs, Verifies
from hub.errors import InvalidError, NotFoundError, OutboundError
from hub.samples import sent_samples
from hub.settings import Settings
from tests.program import Driven
from tests.sink import Sink

test_source.__test__ = False  # type: ignore[attr-defined]
CONNECTORS = {each.name: each.load() for each in entry_points(group="hub.connectors")}
SECRET = "whsec_" + "c2VjcmV0LXRoYXQtaXMtbG9uZy1lbm91Z2g="

PUBLIC_KEY = (
    Ed25519PrivateKey.generate()
    .public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)


@pytest.fixture
def database_url() -> None:
    """Which database it is makes no difference here."""


def settings_of(hub: Driven) -> Settings:
    assert hub.hub is not None
    return hub.hub.settings


async def tried(hub: Driven, slug: str = "shop", **given: Any) -> int:
    return await test_source(settings_of(hub), slug, Sample(**given), as_json=False)


def preset_secret(connector: str) -> str:
    rules = [case.get("verify", {}) for case in sent_samples(connector)]
    secret: str = next(rule["secrets"][0] for rule in rules if rule.get("mode") == "preset")
    return secret


@pytest.mark.parametrize("connector", sorted(CONNECTORS))
async def test_the_sample_of_each_connector_is_taken(hub: Driven, connector: str) -> None:
    signs = isinstance(CONNECTORS[connector], Verifies)
    verify: dict[str, Any] = {"mode": "none"}
    if signs:
        verify = {"mode": "preset", "secrets": [preset_secret(connector)]}
    await hub.put("/v1/sources/shop", {"connector": connector, "verify": verify})
    assert isinstance(CONNECTORS[connector], Signs) == signs
    assert await tried(hub) == 0
    (event,) = (await hub.get("/v1/events"))["items"]
    assert event["fate"] == "unmatched"


@pytest.mark.parametrize(
    "verify",
    [
        {"mode": "header", "header": "X-Api-Key", "secrets": ["the-right-token", "another-one"]},
        {"mode": "basic", "user": "ada", "secrets": ["the-right-password"]},
        {"mode": "standard", "secrets": [SECRET]},
        {"mode": "hmac", "header": "X-Sig", "secrets": ["a"]},
        {
            "mode": "hmac",
            "header": "X-Sig",
            "field": "v1",
            "timestamp_field": "t",
            "signed": "{id}.{timestamp}.{method}.{body}",
            "id_header": "X-Id",
            "secrets": ["a"],
        },
        {
            "mode": "jwt",
            "secrets": ["a-secret-that-is-long-enough-for-it"],
            "issuer": "a",
            "audience": "b",
        },
    ],
)
async def test_what_the_setting_asks_for_is_added_and_not_shown(
    hub: Driven, verify: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    await hub.put("/v1/sources/shop", {"verify": verify})
    assert await tried(hub, body='{"n":1}') == 0
    shown = capsys.readouterr().out
    assert '{"n":1}' in shown
    assert "202 in" in shown
    assert verify["secrets"][0] + "\n" not in shown
    (event,) = (await hub.get("/v1/events"))["items"]
    assert (await hub.get(f"/v1/events/{event['id']}"))["body"] == {"n": 1}


async def test_what_cannot_be_tried_says_why(hub: Driven) -> None:
    key = {"mode": "jwt", "public_keys": [PUBLIC_KEY]}
    await hub.put("/v1/sources/keyed", {"verify": key})
    with pytest.raises(InvalidError, match="test of its own"):
        await tried(hub, "keyed")
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
    with pytest.raises(NotFoundError, match="nobody"):
        await tried(hub, "nobody")
    with pytest.raises(InvalidError, match="There is no sample 'x': there are '"):
        await tried(hub, case="x")
    with pytest.raises(OutboundError, match="hub up"):
        await tried(hub, url="http://127.0.0.1:9")
    assert await tried(hub, body="{") == 1  # refused, and it says so


async def test_events_are_shown_as_they_come_and_passed_on(
    hub: Driven, make: Sink, capsys: pytest.CaptureFixture[str]
) -> None:
    for slug in ("shop", "other"):
        await hub.put(f"/v1/sources/{slug}", {"verify": {"mode": "none"}})
    await hub.api.post("/in/shop", json={"n": 0})  # before: not shown
    listening = asyncio.create_task(
        listen(settings_of(hub), "shop", f"{make.url}/local", as_json=True)
    )
    async with asyncio.timeout(10):
        while "Listening" not in capsys.readouterr().err:
            await asyncio.sleep(0.02)
    key = {"Idempotency-Key": "a", "Authorization": "Bearer secret"}
    await hub.api.post("/in/other", json={"n": 5})
    for _ in range(2):
        await hub.api.post("/in/shop?x=y", json={"n": 1, "type": "paid"}, headers=key)
    await hub.api.post("/in/shop", content=b"{", headers={"content-type": "application/json"})
    said: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while len(said) < 3:
            lines = capsys.readouterr().out.splitlines()
            said += [json.loads(line) for line in lines if line.startswith('{"id"')]
            await asyncio.sleep(0.02)
    listening.cancel()
    assert [each["fate"] for each in said] == ["unmatched", "duplicate", "rejected"]
    assert said[0]["forwarded"].startswith("200 in")
    assert [each["forwarded"] for each in said[1:]] == [None, None]
    (got,) = make.requests
    assert json.loads(got.body) == {"n": 1, "type": "paid"}
    assert got.headers["idempotency-key"] == "a"
    assert "secret" not in str(got.headers)


async def test_an_address_that_does_not_answer_is_said_and_stops_nothing(
    hub: Driven, capsys: pytest.CaptureFixture[str]
) -> None:
    await hub.put("/v1/sources/shop", {"verify": {"mode": "none"}})
    listening = asyncio.create_task(
        listen(settings_of(hub), None, "http://127.0.0.1:9/", as_json=False)
    )
    async with asyncio.timeout(10):
        while "Listening" not in capsys.readouterr().err:
            await asyncio.sleep(0.02)
    told = ""
    for n in range(2):
        await hub.api.post("/in/shop", json={"n": n, "type": "paid"})
    async with asyncio.timeout(10):
        while told.count("→") < 2:
            told += capsys.readouterr().out
            await asyncio.sleep(0.02)
    listening.cancel()
    assert "paid" in told
