import json
from typing import Any

import httpx
import pytest

from hub.bootstrap import Hub
from hub.model.masking import MASK
from hub.signature import parse_secret, public_key
from hub.store.lookup import one
from hub.store.objects import PUT, PutObject
from hub.store.schema import objects
from tests.outbound.certificates import authority
from tests.web.answers import good, pointers, refused
from tests.web.conftest import KeyOf

HOOK: dict[str, Any] = {"connector": "make", "url": "https://hook.example/x"}

HMAC: dict[str, Any] = {"scheme": "hmac", "header": "X-Sig"}
OAUTH: dict[str, Any] = {
    "mode": "oauth2",
    "token_url": "https://login.example/token",
    "client_id": "hub",
    "client_secret": "s3cret-of-the-client",
}


async def stored(hub: Hub, slug: str) -> Any:
    row = await hub.ledger.read(one, objects, kind="destination", slug=slug)
    assert row is not None
    return json.loads(row["body"])


async def test_a_destination_is_created_read_and_removed(api: httpx.AsyncClient, hub: Hub) -> None:
    made = good(await api.put("/v1/destinations/till", json=HOOK), 201)
    assert (made["url"], made["timeout_s"]) == (HOOK["url"], 30)
    assert hub.catalog.now.destinations["till"].connector == "make"
    assert good(await api.get("/v1/destinations"))["items"][0]["slug"] == "till"
    assert (await api.delete("/v1/destinations/till")).status_code == 204
    refused(await api.get("/v1/destinations/till"), 404, "destination_unknown")


async def test_secrets_are_masked_and_kept(api: httpx.AsyncClient, hub: Hub) -> None:
    body = {**HOOK, "auth": {"mode": "basic", "user": "u", "password": "p"}}
    made = good(await api.put("/v1/destinations/till", json=body), 201)
    assert made["auth"] == {"mode": "basic", "user": "u", "password": MASK}
    body = {**HOOK, "auth": {"mode": "basic", "user": "v"}}
    good(await api.put("/v1/destinations/till", json=body))
    assert (await stored(hub, "till"))["auth"] == {"mode": "basic", "user": "v", "password": "p"}
    body = {**HOOK, "auth": {"mode": "basic", "user": "v", "password": MASK}}
    refused(await api.put("/v1/destinations/till", json=body), 400, "mask_given")


@pytest.mark.parametrize(
    ("auth", "secret"),
    [
        ({"mode": "bearer", "token": "s3cret-token"}, "token"),
        ({"mode": "jwt", "key": "s3cret-that-is-as-long-as-it-has-to-be"}, "key"),
        (OAUTH, "client_secret"),
    ],
)
async def test_secrets_of_every_mode_are_masked_and_kept(
    api: httpx.AsyncClient, hub: Hub, auth: dict[str, str], secret: str
) -> None:
    shown = good(await api.put("/v1/destinations/till", json={**HOOK, "auth": auth}), 201)
    assert shown["auth"][secret] == MASK
    assert "s3cret" not in (await api.get("/v1/destinations")).text
    without = {name: value for name, value in auth.items() if name != secret}
    good(await api.put("/v1/destinations/till", json={**HOOK, "auth": without}))
    assert (await stored(hub, "till"))["auth"][secret] == auth[secret]


async def test_the_key_of_a_certificate_is_masked_and_kept(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    shown = authority().client
    tls = {"client_cert": shown.certificate, "client_key": shown.key}
    made = good(await api.put("/v1/destinations/till", json={**HOOK, "tls": tls}), 201)
    assert made["tls"] == {"ca": None, **tls, "client_key": MASK}
    tls = {"ca": authority().certificate, "client_cert": shown.certificate}
    good(await api.put("/v1/destinations/till", json={**HOOK, "tls": tls}))
    assert (await stored(hub, "till"))["tls"] == {**tls, "client_key": shown.key}


async def test_a_secret_that_is_null_is_no_more(api: httpx.AsyncClient) -> None:
    wish = {"url": "https://a.example", "headers": {"x-api-key": "one", "cookie": "two"}}
    good(await api.put("/v1/destinations/till", json=wish), 201)
    wish["headers"] = {"x-api-key": None}  # type: ignore[assignment]
    changed = good(await api.put("/v1/destinations/till", json=wish))
    assert changed["headers"] == {"cookie": MASK}
    signed = {"url": "https://a.example", "sign": {"scheme": "hmac", "header": "x-sig"}}
    good(await api.put("/v1/destinations/till", json=signed))
    signed["sign"] = {"scheme": "hmac", "header": "x-sig", "secrets": None}  # type: ignore[dict-item]
    made = good(await api.put("/v1/destinations/till", json=signed))
    assert made["sign"]["secrets"] != [MASK], "another one is made"


async def test_header_fields_that_carry_secrets_are_masked_too(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    body = {**HOOK, "headers": {"Authorization": "Bearer abc", "x-team": "blue"}}
    made = good(await api.put("/v1/destinations/till", json=body), 201)
    assert made["headers"] == {"Authorization": MASK, "x-team": "blue"}
    refused(
        await api.put("/v1/destinations/till", json={**HOOK, "headers": made["headers"]}),
        400,
        "mask_given",
    )
    good(await api.put("/v1/destinations/till", json={**HOOK, "headers": {"x-team": "red"}}))
    kept = (await stored(hub, "till"))["headers"]
    assert kept == {"Authorization": "Bearer abc", "x-team": "red"}
    other = {**HOOK, "headers": {"authorization": "Bearer new"}}
    good(await api.put("/v1/destinations/till", json=other))
    assert (await stored(hub, "till"))["headers"] == {"authorization": "Bearer new"}
    good(await api.patch("/v1/destinations/till", json={"headers": {"authorization": None}}))
    assert (await stored(hub, "till"))["headers"] == {}


async def test_a_missing_signing_secret_is_made_and_shown_once(api: httpx.AsyncClient) -> None:
    body = {**HOOK, "sign": {"scheme": "standard"}}
    made = good(await api.put("/v1/destinations/till", json=body), 201)
    assert len(parse_secret(made["sign"]["secrets"][0])) == 32
    again = good(await api.put("/v1/destinations/till", json=body))
    assert again["sign"]["secrets"] == [MASK]


async def test_of_a_key_pair_the_public_half_is_always_shown(api: httpx.AsyncClient) -> None:
    body = {**HOOK, "sign": {"secret_kind": "whsk"}}
    made = good(await api.put("/v1/destinations/till", json=body), 201)
    (secret,) = made["sign"]["secrets"]
    assert made["public_keys"] == [public_key(secret)]
    shown = good(await api.get("/v1/destinations/till"))
    assert (shown["sign"]["secrets"], shown["public_keys"]) == ([MASK], made["public_keys"])
    turned = good(await api.post("/v1/destinations/till/rotate", json={}))
    assert turned["public_keys"] == [public_key(turned["secret"]), *made["public_keys"]]
    ended = good(await api.post("/v1/destinations/till/rotate", json={"overlap_s": 0}))
    assert ended["public_keys"] == [public_key(ended["secret"])]


@pytest.mark.parametrize(
    ("sign", "begins"),
    [
        ({}, "whsec_"),
        ({"secret_kind": "whsk"}, "whsk_"),
        ({"secrets": ["whsk_" + "A" * 43]}, "whsk_"),
        (HMAC, ""),
        ({**HMAC, "key_encoding": "hex"}, ""),
        ({**HMAC, "key_encoding": "base64"}, ""),
    ],
)
async def test_a_rotated_secret_is_told_once_and_written_as_the_setting_reads_it(
    api: httpx.AsyncClient, hub: Hub, sign: dict[str, Any], begins: str
) -> None:
    good(await api.put("/v1/destinations/till", json={**HOOK, "sign": sign}), 201)
    (first,) = (await stored(hub, "till"))["sign"]["secrets"]
    answer = await api.post("/v1/destinations/till/rotate", json={"overlap_s": 60})
    told = good(answer)
    assert told["secret"].startswith(begins)
    assert len(told["secret"]) > 40
    assert first not in answer.text
    assert told["secret"] not in (await api.get("/v1/destinations/till")).text
    kept = await stored(hub, "till")
    assert (kept["sign"]["secrets"], kept["retired"]["secrets"]) == ([told["secret"]], [first])
    # a change of something else does not end the overlap
    good(await api.put("/v1/destinations/till", json={**HOOK, "timeout_s": 5, "sign": sign}))
    good(await api.patch("/v1/destinations/till", json={"timeout_s": 6}))
    assert (await stored(hub, "till"))["retired"] == kept["retired"]


@pytest.mark.parametrize("way", ["put", "patch"])
async def test_secrets_of_another_scheme_do_not_stay(
    api: httpx.AsyncClient, hub: Hub, way: str
) -> None:
    good(await api.put("/v1/destinations/till", json={**HOOK, "sign": {}}), 201)
    good(await api.post("/v1/destinations/till/rotate", json={}))
    before = await stored(hub, "till")
    change = {"sign": HMAC} if way == "patch" else {**HOOK, "sign": HMAC}
    good(await api.request(way, "/v1/destinations/till", json=change))
    after = await stored(hub, "till")
    assert "retired" not in after
    assert before["sign"]["secrets"][0] not in str(after)


@pytest.mark.parametrize(
    ("sign", "wish", "status", "code"),
    [
        (None, {}, 409, "secret_none"),
        ({}, {"secret": "short"}, 422, "validation"),
        ({}, {"overlap_s": -1}, 422, "validation"),
    ],
)
async def test_a_rotation_that_cannot_be_is_said(
    api: httpx.AsyncClient, sign: Any, wish: dict[str, Any], status: int, code: str
) -> None:
    good(await api.put("/v1/destinations/till", json={**HOOK, "sign": sign}), 201)
    refused(await api.post("/v1/destinations/till/rotate", json=wish), status, code)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"url": "ftp://x"}, "/url"),
        ({"url": "https://user:pw@host/"}, "/url"),
        ({"url": "https://h/\x00"}, "/url"),
        ({"url": 7}, "/url"),
        ({"connector": "mke"}, "/connector"),
        ({"headers": {"host": "x"}}, "/headers"),
        ({"headers": {"x": "a\r\nb: c"}}, "/headers/x"),
        ({"timeout_s": 0}, "/timeout_s"),
        ({"timout_s": 1}, "/timout_s"),
        ({"sign": {"secrets": ["short"]}}, "/sign/secrets/0"),
        ({"sign": {"secrets": ["whsk_short"]}}, "/sign/secrets/0"),
        ({"sign": {"scheme": "own", "secrets": ["x"]}}, "/sign"),
        ({"sign": {"scheme": "hmac", "secrets": ["x"]}}, "/sign/header"),
        ({"sign": {**HMAC, "secrets": ["x y"], "key_encoding": "hex"}}, "/sign/secrets/0"),
        ({"sign": {**HMAC, "secrets": ["x"], "haeder": "y"}}, "/sign/haeder"),
        ({"auth": {"mode": "apikey"}}, "/auth/key"),
        ({"tls": {"ca": "x"}}, "/tls/ca"),
        ({"tls": {"client_cert": "x"}}, "/tls"),
        ({"auth": {"mode": "bearer", "token": "a b"}}, "/auth/token"),
        ({"auth": {"mode": "jwt", "key": "short"}}, "/auth/key"),
        ({"auth": {"mode": "jwt", "key": "k" * 32, "claims": {"exp": 1}}}, "/auth/claims"),
        ({"auth": {"mode": "jwt", "key": "k" * 32, "claims": {"iss": 1}}}, "/auth/claims"),
        ({"auth": {"mode": "jwt", "key": "k" * 32, "algorithm": "none"}}, "/auth/algorithm"),
        ({"auth": {**OAUTH, "token_url": "ftp://x"}}, "/auth/token_url"),
        ({"auth": {**OAUTH, "style": "query"}}, "/auth/style"),
    ],
)
async def test_what_is_wrong_is_named_at_its_place(
    api: httpx.AsyncClient, change: dict[str, Any], found: str
) -> None:
    response = await api.put("/v1/destinations/till", json={**HOOK, **change})
    problem = refused(response, 422, "validation")
    assert pointers(problem)[0][0] == found


async def test_private_addresses_are_an_admins_to_allow(
    api: httpx.AsyncClient, key_of: KeyOf
) -> None:
    writer = await key_of("write")
    body = {**HOOK, "allow_private": True}
    problem = refused(
        await api.put("/v1/destinations/till", json=body, headers=writer), 403, "forbidden"
    )
    assert problem["scope"] == "admin"
    good(await api.put("/v1/destinations/till", json=body), 201)
    refused(
        await api.patch("/v1/destinations/till", json={"url": "http://10.0.0.1/"}, headers=writer),
        403,
        "forbidden",
    )
    calmer = {"allow_private": False}
    good(await api.patch("/v1/destinations/till", json=calmer, headers=writer))


async def test_what_a_file_sets_is_not_changed_here(api: httpx.AsyncClient, hub: Hub) -> None:
    await hub.ledger.write(PUT, PutObject("destination", "filed", json.dumps(HOOK), "file"))
    refused(await api.put("/v1/destinations/filed", json=HOOK), 409, "managed_by_file")


@pytest.mark.parametrize(
    ("connector", "url", "says"),
    [
        ("n8n", "https://a.app.n8n.cloud/webhook-test/x", "Test URL"),
        ("n8n", "https://a.app.n8n.cloud/workflow/x", "a page of n8n"),
        ("n8n", "https://a.app.n8n.cloud/webhook/workflow/x", None),
        ("n8n", "https://a.app.n8n.cloud/webhook-waiting/7?signature=x", None),
        ("make", "https://eu1.make.com/12/scenarios/3", "a page of Make"),
        ("make", "https://hook.eu1.make.com/abc", None),
        ("standard", "https://a.example/webhook-test/x", None),
    ],
)
async def test_an_address_that_will_not_do_is_said(
    api: httpx.AsyncClient, connector: str, url: str, says: str | None
) -> None:
    body = {"connector": connector, "url": url}
    warnings = good(await api.put("/v1/destinations/till", json=body), 201)["warnings"]
    assert len(warnings) == (says is not None)
    assert says is None or says in warnings[0]
