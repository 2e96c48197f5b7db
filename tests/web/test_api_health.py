"""How the hub is: what doctor finds inside it, and what it is set to; nothing secret."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from hub.bootstrap import Hub, open_hub
from hub.doctor import CHECKS, INSIDE
from hub.model.masking import MASK
from hub.settings import Settings
from hub.web.api.examination import shown_value
from hub.web.routes import build_routes
from tests.web.answers import good, refused
from tests.web.conftest import ROOT, KeyOf


def findings(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["check"]: each for each in told["findings"]}


async def test_everything_inside_is_looked_at_and_nothing_is_reached_for(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    told = good(await api.get("/v1/health"))
    found = findings(told)
    assert found.keys() == {each.name for each in INSIDE}
    assert {each.name for each in CHECKS} - found.keys() == {
        "files",
        "port",
        "provider",
        "reach",
    }
    assert found["database"]["what"].startswith("SQLite 3.")
    assert found["tables"]["status"] == found["redis"]["status"] == "ok"
    assert found["worker"]["code"] == "worker_missing"  # there is none here
    assert told["status"] == "problem"
    graded = [each["status"] for each in told["findings"]]
    assert (graded.count("problem"), graded.count("warning")) == (
        told["problems"],
        told["warnings"],
    )
    assert told["process"] == {"name": hub.worker, "embedded": False, "troubles": {}}
    assert set(told["versions"]) == {"hub", "python", "system"}


async def test_whoever_looks_may_see_it(api: httpx.AsyncClient, key_of: KeyOf) -> None:
    good(await api.get("/v1/health", headers=await key_of("read")))
    refused(await api.get("/v1/health", headers=await key_of("run")), 403, "forbidden")


async def test_settings_are_told_without_their_secrets(
    tmp_path: Path, redis: Redis, key_of: KeyOf, api: httpx.AsyncClient, hub: Hub
) -> None:
    secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ="
    settings = Settings(
        data=tmp_path,
        admin_key=SecretStr("an-admin-key-of-many-letters"),
        secret_key=SecretStr(secret),
        redis_url="redis://ann:hush-hush-hush@localhost:6379/0",
    )
    reader = await key_of("read")
    async with (
        open_hub(settings, hub.redis_url) as opened,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(build_routes(opened)), base_url=ROOT, headers=reader
        ) as client,
    ):
        answer = await client.get("/v1/health")
    for each in (secret, "an-admin-key", "hush"):
        assert each not in answer.text
    told = {each["name"]: each for each in good(answer)["settings"]}
    assert told["HUB_ADMIN_KEY"]["value"] == told["HUB_SECRET_KEY"]["value"] == MASK
    assert told["HUB_REDIS_URL"]["value"] == f"redis://ann:{MASK}@localhost:6379/0"
    assert told["HUB_DATABASE_URL"] == {**told["HUB_DATABASE_URL"], "value": None, "given": False}
    assert (told["HUB_DATA"]["value"], told["HUB_DATA"]["given"]) == (str(tmp_path), True)


async def test_without_redis_it_still_answers(tmp_path: Path, key_of: KeyOf, hub: Hub) -> None:
    reader = await key_of("read")
    async with (
        open_hub(Settings(data=tmp_path), "redis://127.0.0.1:1/0") as opened,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(build_routes(opened)), base_url=ROOT, headers=reader
        ) as client,
    ):
        told = good(await client.get("/v1/health"))
    found = findings(told)
    assert found["redis"]["status"] == "problem"
    assert found["worker"]["code"] == "not_looked_at"
    assert "redis" in told["process"]["troubles"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (True, "true"),
        (8080, "8080"),
        (("a", "b"), "a, b"),
        (SecretStr("x"), MASK),
        ("s3://bucket/prefix?key=hush", f"s3://bucket/prefix?{MASK}"),
        ("postgresql+asyncpg://u:p@h:5432/d", f"postgresql+asyncpg://u:{MASK}@h:5432/d"),
        ("redis://:p%40ss@h", f"redis://:{MASK}@h"),
        ("https://hub.example.com/", "https://hub.example.com/"),
    ],
)
def test_how_a_setting_is_shown(value: object, shown: str | None) -> None:
    assert shown_value(value) == shown
