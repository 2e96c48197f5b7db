"""What came, byte by byte: read as it is, and checked by its signature."""

import base64
import hmac
from typing import Any

import pytest

from hub.model.json import dumps_text
from hub.signature import new_secret, parse_secret, sign_headers
from hub.stack.load import load_stack
from hub.stack.steps.arrived import STANDARD
from tests.stack.make import answer
from tests.stack.world import MORNING_US, World, ran

BODY = b'{"paid": true, "amount":  12.50}\n'
SECRET = "known to both"  # of a test


def digest(name: str = "sha256", body: bytes = BODY) -> bytes:
    return hmac.digest(SECRET.encode(), body, name)


def verify(**fields: Any) -> dict[str, Any]:
    given = {"signature_header": "X-Signature", "secret": SECRET} | fields
    return {"function": "verify_signature", "as": "ok", **given}


def raw(**fields: Any) -> dict[str, Any]:
    return {"function": "get_all_raw_input", **fields}


async def came(*steps: Any, body: bytes = BODY, world: World | None = None, **fields: str) -> World:
    """A run of the request with that body and those header fields, ``_`` for ``-``."""
    kept = {
        "body": base64.b64encode(body).decode(),
        "fields": {name.replace("_", "-"): value for name, value in fields.items()},
    }
    context = dumps_text({"request": {}, "raw": kept})
    return await ran(*steps, world=world, context=context)


@pytest.mark.parametrize(
    ("fields", "spelt"),
    [
        ({}, digest().hex()),
        ({}, digest().hex().upper()),
        ({}, f"sha256={digest().hex()}"),
        ({}, base64.b64encode(digest()).decode()),
        ({"algorithm": "sha1"}, f"sha1={digest('sha1').hex()}"),
        ({"algorithm": "sha512"}, digest("sha512").hex()),
    ],
)
async def test_a_signature_that_fits_lets_the_run_go_on(fields: Any, spelt: str) -> None:
    world = await came(verify(**fields), answer("{{ok}}"), x_signature=spelt)
    assert world.result is True


@pytest.mark.parametrize(
    ("spelt", "code"),
    [
        ({}, "signature_missing"),
        ({"x_signature": ""}, "signature_missing"),
        ({"x_signature": digest(body=BODY.strip()).hex()}, "signature_wrong"),
        ({"x_signature": digest("sha1").hex()}, "signature_wrong"),
        ({"x_signature": "sha1=" + digest().hex()}, "signature_wrong"),
        ({"x_signature": digest().hex()[:-1]}, "signature_wrong"),
        ({"x_signature": "ÿ"}, "signature_wrong"),
    ],
)
async def test_any_other_one_ends_it(spelt: dict[str, str], code: str) -> None:
    world = await came(verify(), answer("never"), **spelt)
    assert world.failure.code == code
    assert SECRET not in world.failure.message


async def test_a_secret_variable_is_used_and_shows_nowhere() -> None:
    world = World(variables={"KEY": SECRET}, secrets={"KEY"})
    await came(
        verify(secret="{{env.KEY}}"), answer("{{ok}}"), world=world, x_signature=digest().hex()
    )
    assert world.result is True
    assert not any(SECRET.encode() in row for row in world.rows)


async def test_standard_webhooks_are_checked_with_their_time() -> None:
    secret = new_secret()
    step = verify(signature_header=STANDARD, secret=secret)
    for age_s, failure in ((10, None), (900, "timestamp_stale")):
        headers = sign_headers(
            [parse_secret(secret)], "msg_1", MORNING_US // 1_000_000 - age_s, BODY
        )
        world = await came(step, **{name.replace("-", "_"): each for name, each in headers})
        assert world.ending is not None
        assert (world.ending.failure and world.ending.failure.code) == failure


async def test_a_secret_that_standard_webhooks_do_not_know_is_refused() -> None:
    world = await came(verify(signature_header=STANDARD, secret="short"), webhook_id="a",
                       webhook_timestamp="1", webhook_signature="v1,x")  # fmt: skip
    assert world.failure.code == "secret_invalid"


async def test_where_no_request_came_there_is_no_signature() -> None:
    assert (await ran(verify())).failure.code == "signature_unavailable"


async def test_a_request_that_was_not_kept_says_where_the_step_belongs() -> None:
    for step in (verify(), raw()):
        world = await ran(step, context=dumps_text({"request": {}}))
        assert world.failure.code == "raw_unavailable"


@pytest.mark.parametrize(
    ("body", "encoding", "read"),
    [
        (BODY, "raw", BODY.decode()),
        (BODY, None, BODY.decode()),
        (BODY, "json", {"paid": True, "amount": 12.5}),
        (b"\xff\x00", "base64", "/wA="),
        (b"a=1&b=%20x&a=2&c=", "form", {"a": ["1", "2"], "b": " x", "c": ""}),
        (b"a=1", "x-www-form-urlencoded", {"a": "1"}),
        (b"", "raw", ""),
    ],
)
async def test_the_body_is_read_as_it_is_asked_for(body: bytes, encoding: Any, read: Any) -> None:
    world = await came(raw(encoding=encoding), answer("{{raw_input}}"), body=body)
    assert world.result == read


@pytest.mark.parametrize(
    ("body", "encoding", "code"),
    [
        (b"\xff", "raw", "raw_not_text"),
        (b"\xff", "form", "raw_not_text"),
        (b"{", "json", "raw_not_json"),
        (b"&".join([b"a=1"] * 1001), "form", "raw_not_form"),
        (b"", "yaml", "field_invalid"),
    ],
)
async def test_a_body_that_is_something_else_says_so(body: bytes, encoding: str, code: str) -> None:
    assert (await came(raw(encoding=encoding), body=body)).failure.code == code


@pytest.mark.parametrize("name", ["as", "output", "output_variable"])
async def test_it_has_the_name_that_is_asked_for(name: str) -> None:
    assert (await came(raw(**{name: "text"}), answer("{{text}}"))).result == BODY.decode()


async def test_of_an_event_the_body_is_as_it_came_and_of_other_runs_the_input() -> None:
    world = World(event_raw=BODY)
    assert (await ran(raw(), answer("{{raw_input}}"), world=world)).result == BODY.decode()
    world = await ran(raw(encoding="json"), answer("{{raw_input}}"), given={"n": 1})
    assert world.result == {"n": 1}


CHECK = "{ function: 'verify_signature', secret: 's'%s }"


@pytest.mark.parametrize(
    ("step", "fields"),
    [
        ("{ function: 'log', message: 'x' }", None),
        ("{ function: 'get_all_raw_input' }", set()),
        (CHECK % ", header: 'X-Sig'", {"x-sig"}),
        (CHECK % "", {"webhook-id", "webhook-timestamp", "webhook-signature"}),
    ],
)
def test_what_is_kept_is_known_before_a_request_comes(step: str, fields: set[str] | None) -> None:
    inner = f"{{ function: 'conditional', condition: true, true_stack: [{step}] }}"
    text = (
        "{ api_endpoint: '/a', function_stack: [{ function: 'inner' }] }"
        f"{{ task: 'inner', function_stack: [{inner}] }}"
    )
    [endpoint] = load_stack("shop", text).endpoints
    assert endpoint.raw == fields
