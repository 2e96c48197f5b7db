"""Secrets go out where they may stand, and come to stand nowhere that is kept."""

import base64
from typing import Any

import pytest

from hub.errors import OutboundError
from hub.model.json import dumps_text, loads
from hub.stack.ports import Received, Wish
from tests.stack.make import add, answer, ask, attempt
from tests.stack.world import World, execute, headers_of, lived, obliging, ran, received, task_of

FORM = "application/x-www-form-urlencoded"
SECRET = 'hush "hush"/ü+&'


def knowing(*answers: Received) -> World:
    variables = {"TOKEN": SECRET, "LONGER": SECRET + "er", "USER": "ada", "EMPTY": ""}
    return obliging(*answers, variables=variables, secrets={"TOKEN", "LONGER", "EMPTY"})


def kept_of(world: World) -> str:
    """Everything that a run keeps."""
    entries = [[e.path, e.output, e.note, repr(e.failure)] for e in world.entries]
    attempts = [repr(each) for each in world.attempts]
    return dumps_text([entries, attempts, repr(world.ending), world.docs("t")])


FIELDS = {
    "url": {"url": "https://api.example.com/{{url_encode(env.TOKEN)}}"},
    "headers": {"headers": {"X-Note": "{{url_encode(env.TOKEN)}}"}},
    "query": {"query": {"key": "{{env.TOKEN}}"}},
    "data": {"data": {"key": "{{env.TOKEN}}"}},
    "text": {"data": "{{env.TOKEN}}", "headers": {"content-type": "text/plain"}},
}


@pytest.mark.parametrize("field", FIELDS)
async def test_a_secret_goes_out_in_these_fields_and_stands_nowhere_else(field: str) -> None:
    seen: list[str] = []

    def echo(wish: Wish) -> Received:
        """Sends everything back."""
        request = wish.request
        seen.append(f"{request.url} {request.headers} {request.body!r}")
        back = {
            "url": request.url,
            "headers": dict(request.headers),
            "body": request.body.decode(),
            SECRET: [SECRET],
            "both": f"{SECRET}er {SECRET}",
        }
        plain = ("x-back", base64.b64encode(SECRET.encode()).decode())
        return received(200 if len(seen) == 1 else 400, back, headers=(plain,))

    world = knowing()
    world.answer = echo
    step = ask(**FIELDS[field])
    caught = [add("t", {"error": "{{error}}"})]
    await ran(step, add("t", {"got": "{{response}}"}), attempt([step], caught), world=world)
    assert world.ending is not None
    assert world.ending.failure is None
    assert len(seen) == 2
    kept = kept_of(world)
    for shape in ("hush", base64.b64encode(SECRET.encode()).decode()):
        assert shape not in kept
    assert "{{env.TOKEN}}" in kept


async def test_secrets_that_begin_alike_are_each_hidden_whole() -> None:
    world = knowing(received(200, {"said": f"{SECRET}er, {SECRET}"}))
    await ran(ask(data=["{{env.TOKEN}}", "{{env.LONGER}}", "{{env.EMPTY}}"]),
              answer("{{response.body.said}}"), world=world)  # fmt: skip
    assert world.result == "{{env.LONGER}}, {{env.TOKEN}}"


async def test_a_secret_that_comes_back_as_a_number_is_hidden_too() -> None:
    world = obliging(received(200, {"pin": 4711, "n": 5}), variables={"PIN": "4711"})
    world.secrets.add("PIN")
    await ran(ask(data="{{env.PIN}}"), answer("{{response.body}}"), world=world)
    assert world.result == {"pin": "{{env.PIN}}", "n": 5}


async def test_what_was_made_of_secrets_for_authorization_is_hidden() -> None:
    step = ask(headers={"Authorization": "Basic {{base64_encode(env.USER + ':' + env.TOKEN)}}"})

    def echo(wish: Wish) -> Received:
        return received(200, headers_of(wish))

    world = knowing()
    world.answer = echo
    await ran(step, answer("{{response.body.authorization}}"), world=world)
    made = base64.b64encode(f"ada:{SECRET}".encode()).decode()
    assert headers_of(world.wishes[0])["authorization"] == f"Basic {made}"
    assert world.result == "Basic {{headers.authorization}}"
    assert made not in kept_of(world)


async def test_a_secret_in_what_the_other_side_says_is_hidden_in_errors_and_attempts() -> None:
    reply = received(400, f"wrong: {SECRET}")
    spoken = Received(reply.response, "refused", f"It says: wrong: {SECRET}")
    world = await ran(ask(data="{{env.TOKEN}}"), world=knowing(spoken))
    assert world.failure.message == "Status 400: It says: wrong: {{env.TOKEN}}"
    assert "hush" not in kept_of(world)


async def test_a_secret_in_a_failure_to_send_is_hidden() -> None:
    def nobody(wish: Wish) -> Received:
        raise OutboundError(f"{wish.request.url} is no URL.", code="url_invalid")

    world = knowing()
    world.answer = nobody
    await ran(ask("{{env.TOKEN}}"), world=world)
    assert world.failure.message == "{{env.TOKEN}} is no URL."
    assert world.attempts[0].url == "{{env.TOKEN}}"
    for fields in (
        {"headers": "{{env.TOKEN}}"},
        {"query": "{{env.TOKEN}}"},
        {"data": "{{parse_date(env.TOKEN)}}"},
        {"data": "{{env.TOKEN}}", "headers": {"content-type": FORM}},
        {"url": "http://[{{env.TOKEN}}", "query": {}},
    ):
        world = knowing()
        await ran(ask(**fields), world=world)
        assert world.failure
        assert "hush" not in kept_of(world)
        assert world.wishes == []


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "{{env.TOKEN}}"},
        {"idempotency_key": "{{env.TOKEN}}"},
        {"timeout": "{{env.TOKEN}}"},
        {"if": "{{env.TOKEN}}"},
        {"ignore_status": "{{env.TOKEN}}"},
    ],
)
async def test_a_secret_may_stand_in_no_other_field(fields: dict[str, Any]) -> None:
    world = await ran(ask(**fields), world=knowing(received(500)))
    assert world.failure.code == "env_secret"
    assert "hush" not in kept_of(world)


async def test_a_secret_is_read_anew_for_each_further_try() -> None:
    world = knowing(received(401), received(200))
    task = task_of({**ask(data="{{env.TOKEN}}"), "retry": {"max": 1, "base_s": 60}}, answer(1))
    await execute(world, task)
    world.variables["TOKEN"] = "changed"
    await lived(world, task)
    assert world.result == 1
    assert [loads(wish.request.body) for wish in world.wishes] == [SECRET, "changed"]
