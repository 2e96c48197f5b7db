"""A source's secret is replaced: both count for a while, then only the new one."""

import asyncio
from typing import Any

import pytest

from tests.program import Driven

TOKEN = {"mode": "header", "header": "X-Api-Key", "secrets": ["the-first-token"]}


@pytest.fixture
def database_url() -> None:
    """Which database it is makes no difference here."""


async def source(hub: Driven, verify: dict[str, Any], connector: str = "standard") -> None:
    await hub.put("/v1/sources/shop", {"connector": connector, "verify": verify})


async def rotate(hub: Driven, status: int = 200, **wish: Any) -> dict[str, Any]:
    answer = await hub.api.post("/v1/sources/shop/rotate", json=wish)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def statuses(hub: Driven, *tokens: str) -> list[int]:
    return [
        (await hub.api.post("/in/shop", json={}, headers={"x-api-key": each})).status_code
        for each in tokens
    ]


async def test_both_count_until_the_overlap_is_over(hub: Driven) -> None:
    await source(hub, TOKEN)
    told = await rotate(hub, overlap_s=2)
    fresh = told["secret"]
    assert len(fresh) >= 32
    assert fresh not in str(await hub.get("/v1/sources/shop"))
    assert "the-first-token" not in str(told)
    assert await statuses(hub, "the-first-token", fresh, "another-token") == [202, 202, 401]
    # a change of something else, with the secrets left out, does not end the overlap
    await source(hub, {"mode": "header", "header": "X-Api-Key"})
    assert await statuses(hub, "the-first-token", fresh) == [202, 202]
    await asyncio.sleep(2.1)
    assert await statuses(hub, "the-first-token", fresh) == [401, 202]


async def test_a_second_rotation_retires_both_and_none_ends_at_once(hub: Driven) -> None:
    await source(hub, TOKEN)
    second = (await rotate(hub))["secret"]
    third = (await rotate(hub, secret="the-third-token"))["secret"]
    assert third == "the-third-token"
    assert await statuses(hub, "the-first-token", second, third) == [202, 202, 202]
    fourth = (await rotate(hub, overlap_s=0))["secret"]
    assert await statuses(hub, "the-first-token", second, third, fourth) == [401, 401, 401, 202]


async def test_secrets_of_another_mode_do_not_stay(hub: Driven) -> None:
    await source(hub, TOKEN)
    await rotate(hub)
    await source(hub, {"mode": "basic", "user": "ada", "secrets": ["the-right-password"]})
    assert (await hub.get("/v1/sources/shop"))["retired"] is None
    answer = await hub.api.post("/in/shop", json={}, auth=("ada", "the-right-password"))
    assert answer.status_code == 202


async def test_a_patch_to_another_mode_ends_the_overlap_too(hub: Driven) -> None:
    await source(hub, TOKEN)
    await rotate(hub)
    basic = {"mode": "basic", "user": "ada", "secrets": ["the-right-password"]}
    answer = await hub.api.patch("/v1/sources/shop", json={"verify": basic})
    assert (answer.status_code, answer.json()["retired"]) == (200, None)
    answer = await hub.api.post("/in/shop", json={}, auth=("ada", "the-first-token"))
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("connector", "verify", "wish", "code"),
    [
        ("standard", {"mode": "none"}, {}, "secret_none"),
        ("stripe", {"mode": "preset", "secrets": ["whsec_a"]}, {}, "validation"),
        ("standard", {"mode": "standard"}, {"secret": "short"}, "validation"),
        ("standard", TOKEN, {"secret": "short"}, "validation"),
        ("standard", TOKEN, {"overlap_s": -1}, "validation"),
    ],
)
async def test_what_cannot_be_is_said(
    hub: Driven, connector: str, verify: dict[str, Any], wish: dict[str, Any], code: str
) -> None:
    await source(hub, verify, connector)
    told = await rotate(hub, 409 if code == "secret_none" else 422, **wish)
    assert told["code"] == code


@pytest.mark.parametrize(
    ("connector", "verify"),
    [
        ("standard", {"mode": "standard"}),
        ("standard", {"mode": "hmac", "header": "X-Sig", "secrets": ["61"], "key_encoding": "hex"}),
        (
            "standard",
            {"mode": "hmac", "header": "X-Sig", "secrets": ["YWE="], "key_encoding": "base64"},
        ),
        ("standard", {"mode": "jwt", "secrets": ["a-secret-that-is-long-enough-for-it"]}),
    ],
)
async def test_a_new_one_is_written_as_the_setting_reads_it(
    hub: Driven, connector: str, verify: dict[str, Any]
) -> None:
    await source(hub, verify, connector)
    await rotate(hub)
    await rotate(hub)
