"""Sources verify as they are set to: what fits is taken, the rest is kept with the reason."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any, TypeAlias

import jwt
import pytest

from tests.program import Driven


@pytest.fixture
def database_url() -> None:
    """SQLite: who may send does not depend on the database."""


SECRET = "a-secret-that-only-both-sides-know-of"
BODY = '{"id":"evt_7","type":"order.paid"}'


def hexed(text: str, algorithm: str = "sha256") -> str:
    return hmac.new(SECRET.encode(), text.encode(), algorithm).hexdigest()


def stripe(at_s: float) -> dict[str, str]:
    return {"stripe-signature": f"t={at_s:.0f},v1={hexed(f'{at_s:.0f}.{BODY}')}"}


def basic(password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"ada:{password}".encode()).decode()}


def bearer(**claims: Any) -> dict[str, str]:
    given = {"exp": 4_000_000_000, "aud": "hub", **claims}
    return {"authorization": "Bearer " + jwt.encode(given, SECRET, "HS256")}


HMAC = {
    "mode": "hmac",
    "header": "X-Signature",
    "prefix": "sha512=",
    "algorithm": "sha512",
    "secrets": [SECRET],
}
Case: TypeAlias = tuple[dict[str, Any], dict[str, str], dict[str, dict[str, str]]]
MODES = ["hmac", "preset", "basic", "jwt"]


def case_of(mode: str) -> Case:
    """A setting, what fits it, and what does not by the code that it is refused with."""
    now = time.time()
    cases: dict[str, Case] = {
        "hmac": (
            {"verify": HMAC},
            {"x-signature": f"sha512={hexed(BODY, 'sha512')}"},
            {
                "signature_wrong": {"x-signature": f"sha512={hexed('{}', 'sha512')}"},
                "signature_missing": {},
            },
        ),
        "preset": (
            {"connector": "stripe", "verify": {"mode": "preset", "secrets": ["whsec_old", SECRET]}},
            stripe(now),
            {
                "timestamp_stale": stripe(now - 3600),
                "timestamp_future": stripe(now + 3600),
                "signature_wrong": {"stripe-signature": f"t={now:.0f},v1={hexed(BODY)}"},
            },
        ),
        "basic": (
            {"verify": {"mode": "basic", "user": "ada", "secrets": [SECRET]}},
            basic(SECRET),
            {"token_wrong": basic("another-password"), "token_missing": bearer()},
        ),
        "jwt": (
            {"verify": {"mode": "jwt", "secrets": [SECRET], "audience": "hub"}},
            bearer(),
            {
                "token_wrong": bearer(aud="bank"),
                "token_expired": bearer(exp=1),
                "token_missing": basic(SECRET),
            },
        ),
    }
    return cases[mode]


@pytest.mark.parametrize("mode", MODES)
async def test_what_fits_is_taken_and_the_rest_is_kept_with_its_reason(
    hub: Driven, mode: str
) -> None:
    setting, right, wrong = case_of(mode)
    shown = await hub.put("/v1/sources/shop", setting)
    assert SECRET not in json.dumps(await hub.get("/v1/sources/shop"))
    assert SECRET not in json.dumps(shown)

    async def send(headers: dict[str, str]) -> Any:
        given = {"content-type": "application/json", **headers}
        return await hub.api.post("/in/shop", content=BODY, headers={"authorization": "", **given})

    assert (await send(right)).status_code == 202
    for code, headers in wrong.items():
        answer = await send(headers)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert SECRET not in answer.text
    kept = (await hub.get("/v1/events?source=shop"))["items"]
    reasons = [each["reason"].partition(":")[0] for each in kept if each["fate"] == "rejected"]
    assert sorted(reasons) == sorted(wrong)
    for each in kept:
        whole = json.dumps(await hub.get(f"/v1/events/{each['id']}"))
        assert SECRET not in whole
        assert right.get("authorization", right.get("x-signature", "t=")) not in whole


async def test_a_sender_s_own_id_tells_duplicates(hub: Driven) -> None:
    preset = {"mode": "preset", "secrets": [SECRET]}
    await hub.put("/v1/sources/shop", {"connector": "stripe", "verify": preset})
    answers = [
        (await hub.api.post("/in/shop", content=BODY, headers=stripe(time.time() - n))).json()
        for n in range(3)
    ]
    assert [each["status"] for each in answers] == ["accepted", "duplicate", "duplicate"]
    assert len({each["event_id"] for each in answers}) == 1
    event = await hub.get(f"/v1/events/{answers[0]['event_id']}")
    assert (event["type"], event["duplicates"]) == ("order.paid", 2)


async def test_slack_s_question_is_answered_and_starts_nothing(hub: Driven) -> None:
    preset = {"mode": "preset", "secrets": [SECRET]}
    await hub.put("/v1/sources/chat", {"connector": "slack", "verify": preset})
    body = '{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMm"}'
    at = f"{time.time():.0f}"
    headers = {
        "content-type": "application/json",
        "x-slack-request-timestamp": at,
        "x-slack-signature": f"v0={hexed(f'v0:{at}:{body}')}",
    }
    answer = await hub.api.post("/in/chat", content=body, headers=headers)
    assert (answer.status_code, answer.text) == (200, json.loads(body)["challenge"])
    assert (await hub.get("/v1/events"))["items"] == []
    forged = await hub.api.post(
        "/in/chat", content=body, headers={**headers, "x-slack-signature": "v0=0"}
    )
    assert forged.status_code == 401


async def test_an_address_that_is_signed_is_the_one_that_was_called(hub: Driven) -> None:
    preset = {"mode": "preset", "secrets": ["12345"]}
    await hub.put("/v1/sources/phone", {"connector": "twilio", "verify": preset})
    form = {"From": "+1", "Body": "hi", "SmsStatus": "received"}
    url = f"{hub.base}/in/phone/a%20b?x=1&y=%2F"
    text = url + "".join(name + form[name] for name in sorted(form))
    digest = hmac.digest(b"12345", text.encode(), hashlib.sha1)
    headers = {"x-twilio-signature": base64.b64encode(digest).decode()}
    answer = await hub.api.post(url, data=form, headers=headers)
    assert answer.status_code == 202, answer.text
    elsewhere = await hub.api.post(f"{url}&z=1", data=form, headers=headers)
    assert elsewhere.status_code == 401


@pytest.mark.parametrize(
    ("setting", "pointer", "says"),
    [
        ({"verify": {"mode": "preset", "secrets": ["x"]}}, "/verify/mode", "no way of its own"),
        (
            {"connector": "airtable", "verify": {"mode": "preset", "secrets": ["no base64!"]}},
            "/verify/secrets/0",
            "not written in base64",
        ),
        ({"verify": {"mode": "jwt", "secrets": ["short"]}}, "/verify/secrets/0", "32 characters"),
        ({"verify": {"mode": "jwt", "public_keys": ["x"]}}, "/verify/public_keys/0", "PEM"),
        ({"verify": {"mode": "jwt"}}, "/verify", "either 'secrets' or 'public_keys'"),
        ({"verify": {"mode": "basic", "user": "a:b", "secrets": [SECRET]}}, "/verify", "user"),
        ({"verify": {**HMAC, "algorithm": "md5"}}, "/verify", "algorithm"),
        ({"verify": {**HMAC, "signed": "nothing"}}, "/verify", "{body}"),
    ],
)
async def test_a_setting_that_cannot_work_is_refused_at_its_place(
    hub: Driven, setting: dict[str, Any], pointer: str, says: str
) -> None:
    answer = await hub.api.put("/v1/sources/shop", json=setting)
    assert answer.status_code == 422, answer.text
    [problem] = answer.json()["problems"]
    assert problem["pointer"].startswith(pointer)
    assert says in answer.text
