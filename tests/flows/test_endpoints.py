"""A page calls a path of a stack's own, and gets the stack's answer."""

import asyncio
import hmac
from typing import Any

import httpx
import jwt
import pytest

from tests.program import ADMIN_KEY, Driven

ORDER = """
{
  api_endpoint: "/shop/orders",
  input: { type: "object", required: ["item"], properties: { item: { type: "string" } } },
  function_stack: [
    { function: "add_record", table: "orders",
      data: { item: "{{item}}", by: "{{auth.key.name}}" } },
    { function: "background_task", task: "pack", data: { order: "{{orders.id}}" } },
    { function: "return_response", status: 201, headers: { "X-Order": "{{orders.id}}" },
      body: { order: "{{orders.id}}" } },
    { function: "edit_record", table: "orders", record_id: "{{orders.id}}",
      data: { answered: true } },
  ],
}
{ task: "pack", function_stack: [
  { function: "add_record", table: "packed", data: { order: "{{input.order}}" } },
] }
"""


@pytest.fixture
async def shop(hub: Driven) -> Driven:
    await hub.put("/v1/stacks/shop", ORDER)
    return hub


async def test_an_endpoint_records_answers_and_goes_on(shop: Driven) -> None:
    answer = await shop.api.post("/shop/orders", json={"item": "pen"})
    assert (answer.status_code, answer.json()) == (201, {"order": 1})
    assert answer.headers["x-order"] == "1"
    assert answer.headers["content-security-policy"] == "sandbox"
    run = await shop.until(f"/v1/runs/{answer.headers['hub-run']}", status="succeeded")
    assert run["result"] == {"order": 1}
    [order] = (await shop.get("/v1/tables/orders/records"))["items"]
    assert order["fields"] == {"item": "pen", "by": "HUB_ADMIN_KEY", "answered": True}
    runs = (await shop.get("/v1/runs?task=shop/pack"))["items"]
    await shop.until(f"/v1/runs/{runs[0]['id']}", status="succeeded")
    assert len((await shop.get("/v1/tables/packed/records"))["items"]) == 1


async def test_the_same_key_gives_the_first_answer_and_does_nothing_again(shop: Driven) -> None:
    asked = [
        shop.api.post("/shop/orders", json={"item": "pen"}, headers={"Idempotency-Key": "k1"})
        for _ in range(5)
    ]
    answers = await asyncio.gather(*asked)
    assert {(each.status_code, each.text) for each in answers} == {(201, '{"order":1}')}
    assert len({each.headers["hub-run"] for each in answers}) == 1
    assert len((await shop.get("/v1/tables/orders/records"))["items"]) == 1


async def test_what_the_schema_does_not_take_starts_nothing(shop: Driven) -> None:
    answer = await shop.api.post("/shop/orders", json={"item": 5})
    assert answer.status_code == 422
    assert answer.json()["code"] == "input_invalid"
    assert answer.json()["problems"][0]["pointer"] == "/item"
    assert (await shop.get("/v1/runs"))["items"] == []


async def test_nobody_calls_it_without_a_key(shop: Driven) -> None:
    async with httpx.AsyncClient(base_url=shop.base, trust_env=False) as stranger:
        answer = await stranger.post("/shop/orders", json={"item": "pen"})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        answer = await stranger.get("/shop/orders")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert (await stranger.get("/shop/nothing")).status_code == 404


FAILING = """
{ endpoint: "/fail/{how}", auth: "public", function_stack: [
  { function: "switch", variable: "{{how}}", cases: {
    missing: [{ function: "throw_error", message: "No such thing.", code: "not_found" }],
    odd: [{ function: "edit_record", table: "t", record_id: 1, data: {} }],
    silent: [],
  }, default: [{ function: "return_response", status: 202, headers: {"Content-Type": "text/plain"},
    body: "how: {{request.params.how}} {{request.query.x}}" }] },
] }
"""


PAID = """
{
  api_endpoint: "/paid",
  auth: "public",
  function_stack: [
    { function: "verify_signature", signature_header: "X-Pay-Signature",
      secret: "{{env.PAY_SECRET}}" },
    { function: "get_all_raw_input", output: "text" },
    { function: "return_response",
      body: { text: "{{text}}", amount: "{{amount}}", shown: "{{request.headers}}" } },
  ],
}
"""


async def test_an_endpoint_checks_the_signature_of_the_exact_body(hub: Driven) -> None:
    await hub.put("/v1/variables/PAY_SECRET", {"value": "between us", "secret": True})
    await hub.put("/v1/stacks/pay", PAID)
    for kind, body in (("application/json", b'{ "amount": 5 }'), ("text/plain", "5 €".encode())):
        signature = hmac.new(b"between us", body, "sha256").hexdigest()
        headers = {"content-type": kind, "x-pay-signature": f"sha256={signature}"}
        async with httpx.AsyncClient(base_url=hub.api.base_url) as anybody:
            answer = await anybody.post("/paid", content=body, headers=headers)
            refused = await anybody.post("/paid", content=body + b" ", headers=headers)
        told = answer.json()
        assert answer.status_code == 200, told
        assert told["text"] == body.decode()
        assert told["amount"] == (5 if kind == "application/json" else None)
        assert signature not in str(told["shown"])
        assert refused.json()["code"] == "signature_wrong"
        assert refused.status_code == 401


async def test_a_failure_before_the_answer_is_a_problem_with_its_run(hub: Driven) -> None:
    await hub.put("/v1/stacks/fail", FAILING)
    missing = await hub.api.post("/fail/missing")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    odd = await hub.api.post("/fail/odd")
    assert (odd.status_code, odd.json()["code"]) == (500, "record_not_found")
    for each in (missing, odd):
        assert "error" not in each.json()
        run = await hub.get(f"/v1/runs/{each.json()['run_id']}")
        assert run["failure"]["message"] == each.json()["message"]
    silent = await hub.api.post("/fail/silent")
    assert (silent.status_code, silent.json()["status"]) == (200, "succeeded")
    text = await hub.api.post("/fail/a%20b?x=1")
    assert (text.status_code, text.text) == (202, "how: a b 1")
    assert text.headers["content-type"].startswith("text/plain")


SLOW = """
{ endpoint: "/slow", wait_s: 0.3, function_stack: [
  { function: "sleep", seconds: 1 },
  { function: "return_response", body: { done: true } },
] }
"""


async def test_what_takes_longer_is_answered_with_the_run(hub: Driven) -> None:
    await hub.put("/v1/stacks/slow", SLOW)
    headers = {"Idempotency-Key": "once"}
    answer = await hub.api.post("/slow", headers=headers)
    assert answer.status_code == 202
    run = await hub.until(
        answer.json()["url"].removeprefix(hub.base), timeout_s=5, status="succeeded"
    )
    assert run["result"] == {"done": True}
    again = await hub.api.post("/slow", headers=headers)
    assert (again.status_code, again.json()) == (200, {"done": True})


SIGNED = """
{ endpoint: "/mine/{id}", method: "GET", cors: ["https://app.example.com"],
  auth: { mode: "jwt", issuer: "https://id.example.com", audience: "shop", secret: "SIGN_IN" },
  function_stack: [
    { function: "return_response", body: { id: "{{id}}", user: "{{auth.user.id}}" } },
  ] }
"""
SECRET = "a-secret-of-the-owner-s-own-sign-in"


def token(**claims: Any) -> str:
    standing = {"iss": "https://id.example.com", "aud": "shop", "sub": "ada", "exp": 4_000_000_000}
    given = {**standing, **claims}
    return jwt.encode({k: v for k, v in given.items() if v is not None}, SECRET, "HS256")


async def test_an_endpoint_takes_tokens_of_the_owner_s_own_sign_in(hub: Driven) -> None:
    await hub.put("/v1/variables/SIGN_IN", {"value": SECRET, "secret": True})
    await hub.put("/v1/stacks/mine", SIGNED)
    good = await hub.api.get("/mine/7", headers={"Authorization": f"Bearer {token()}"})
    assert (good.status_code, good.json()) == (200, {"id": "7", "user": "ada"})
    unsigned = jwt.encode({"sub": "ada"}, "", "none")
    other = jwt.encode({"sub": "ada"}, "another-secret-that-is-long-enough-too", "HS256")
    refused = [token(exp=1), token(exp=None), token(aud="bank"), token(iss="x"), unsigned, other]
    for each in [*refused, ADMIN_KEY, "x"]:
        answer = await hub.api.get("/mine/7", headers={"Authorization": f"Bearer {each}"})
        assert answer.status_code == 401, each
        assert SECRET not in answer.text


async def test_a_page_may_call_it_from_its_own_origin_only(hub: Driven) -> None:
    await hub.put("/v1/variables/SIGN_IN", {"value": SECRET, "secret": True})
    await hub.put("/v1/stacks/mine", SIGNED)
    asks = {"access-control-request-method": "GET"}
    good = await hub.api.options("/mine/7", headers={"Origin": "https://app.example.com", **asks})
    assert good.status_code == 204
    assert good.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "idempotency-key" in good.headers["access-control-allow-headers"]
    bad = await hub.api.options("/mine/7", headers={"Origin": "https://evil.example.com", **asks})
    assert "access-control-allow-origin" not in bad.headers


async def test_a_public_endpoint_is_called_so_often_and_no_more(hub: Driven) -> None:
    text = """{ endpoint: "/open", auth: { mode: "public", per_minute: 3 }, function_stack: [
      { function: "return_response", body: "{{auth.kind}}" } ] }"""
    await hub.put("/v1/stacks/open", text)
    async with httpx.AsyncClient(base_url=hub.base, trust_env=False) as anybody:
        answers = [await anybody.post("/open") for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert int(answers[3].headers["retry-after"]) > 0
    assert answers[0].json() == "public"


async def test_a_path_stands_for_one_endpoint_only(hub: Driven) -> None:
    await hub.put("/v1/stacks/one", '{ endpoint: "/a/{x}", function_stack: [] }')
    answer = await hub.api.put(
        "/v1/stacks/two", content='{ endpoint: "/a/{y}", function_stack: [] }'
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "endpoint_taken")
    text = '{ endpoint: "/v1/x", function_stack: [] }'
    answer = await hub.api.put("/v1/stacks/two", content=text)
    assert answer.status_code == 422
    assert "the hub's own" in answer.json()["problems"][0]["message"]
