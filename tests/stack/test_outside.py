"""Requests of steps: what is sent, what comes of the answer, and what stays secret."""

from typing import Any

import pytest

from hub.errors import InvalidError, OutboundError
from hub.stack.ports import Received, Wish
from hub.stack.steps.outside import MAX_ANSWER_BYTES, MAX_TIMEOUT_S, TIMEOUT_S
from tests.stack.make import (
    add,
    answer,
    ask,
    attempt,
    choose,
    deliver,
    each,
    into,
    let,
    note,
    only_if,
    parallel,
    query,
)
from tests.stack.world import (
    RUN_ID,
    CrashNow,
    World,
    execute,
    headers_of,
    obliging,
    ran,
    received,
    survived,
    task_of,
)

URL = "https://api.example.com/x"
FORM = "application/x-www-form-urlencoded"


async def sent(step: dict[str, Any], given: Any = None, world: World | None = None) -> Wish:
    """What a step sends, once."""
    world = await ran(step, world=world or obliging(), given=given)
    [wish] = world.wishes
    return wish


# what is sent


@pytest.mark.parametrize(
    ("fields", "method"),
    [
        ({}, "GET"),
        ({"data": {}}, "POST"),
        ({"data": None}, "POST"),
        ({"data": "{{missing}}"}, "POST"),
        ({"method": "get", "data": {}}, "GET"),
        ({"method": "{{verb}}"}, "PATCH"),
        ({"method": "DELETE"}, "DELETE"),
        ({"method": "HEAD"}, "HEAD"),
        ({"method": "OPTIONS"}, "OPTIONS"),
        ({"method": "Put", "data": 1}, "PUT"),
    ],
)
async def test_the_method_is_post_where_data_is_given_and_get_else(
    fields: dict[str, Any], method: str
) -> None:
    assert (await sent(ask(**fields), {"verb": "patch"})).request.method == method


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "fetch", "", 5, None, "GET /\r\nX: y"])
async def test_a_method_that_is_none_sends_nothing(method: Any) -> None:
    world = await ran(ask(method=method), world=obliging())
    assert (world.failure.code, world.wishes, world.attempts) == ("field_invalid", [], [])


@pytest.mark.parametrize("name", ["data", "body", "params"])
async def test_the_body_may_be_called_as_other_tools_do(name: str) -> None:
    wish = await sent(ask(**{name: {"n": "{{n}}", "ü": [None, True]}}), {"n": 12345678901234567890})
    assert wish.request.body == '{"n":12345678901234567890,"ü":[null,true]}'.encode()
    assert headers_of(wish)["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("kind", "data", "body", "sent_kind"),
    [
        (None, "text", b'"text"', "application/json"),
        (None, None, b"null", "application/json"),
        ("application/vnd.api+json", {"a": 1}, b'{"a":1}', "application/vnd.api+json"),
        (FORM, {"a": "x y&", "b": [1, True], "c": None}, b"a=x+y%26&b=1&b=true", FORM),
        (FORM.title(), {"ä": ""}, b"%C3%A4=", FORM.title()),
        (f"{FORM}; charset=utf-8", {"a": 1}, b"a=1", f"{FORM}; charset=utf-8"),
        ("text/plain", "grün", "grün".encode(), "text/plain"),
        ("text/csv", 5, b"5", "text/csv"),
        ("application/xml", None, b"", "application/xml"),
        ("text/plain", {"a": 1}, b'{"a":1}', "text/plain"),
    ],
)  # fmt: skip
async def test_the_content_type_says_how_the_body_is_written(
    kind: str | None, data: Any, body: bytes, sent_kind: str
) -> None:
    wish = await sent(ask(headers={"Content-Type": kind}, data=data))
    assert wish.request.body == body
    assert headers_of(wish)["content-type"] == sent_kind


@pytest.mark.parametrize("data", ["text", [1], None])
async def test_a_form_is_made_of_an_object_only(data: Any) -> None:
    step = ask(headers={"content-type": FORM}, data=data)
    world = await ran(step, world=obliging())
    assert world.failure.message.startswith("'data' must be an object and came out as")
    assert world.wishes == []


@pytest.mark.parametrize(
    ("url", "wanted", "expected"),
    [
        (URL, {"a": 1, "b": "x y", "c": None}, f"{URL}?a=1&b=x+y"),
        (f"{URL}?z=0", {"a": [1, 2]}, f"{URL}?z=0&a=1&a=2"),
        (f"{URL}?z=0#part", {"a": "&="}, f"{URL}?z=0&a=%26%3D#part"),
        (URL, {"ü": True}, f"{URL}?%C3%BC=true"),
        (URL, {}, URL),
        (URL, {"a": None}, URL),
        (URL, {"a": {"b": 1}}, f"{URL}?a=%7B%22b%22%3A1%7D"),
    ],
)
async def test_a_query_is_added_to_the_url(url: str, wanted: Any, expected: str) -> None:
    assert (await sent(ask(url, query=wanted))).request.url == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": None}, "'url' must be text and came out as null."),
        ({"url": "{{missing}}"}, "'url' must be text and came out as null."),
        ({"url": ""}, "'url' must be text"),
        ({"url": 5}, "'url' must be text"),
        ({"url": "http://[::1", "query": {"a": 1}}, "'url' cannot be read"),
        ({"query": "a=1"}, "'query' must be an object"),
        ({"headers": ["a"]}, "'headers' must be an object"),
        ({"headers": None}, "'headers' must be an object and came out as null."),
        ({"data": 1, "idempotency_key": "a\nb"}, "'idempotency_key' must be"),
        ({"url": "{{env.NONE}}"}, "There is no variable 'NONE'."),
    ],
)
async def test_what_cannot_be_sent_is_refused_before_it_leaves(
    fields: dict[str, Any], message: str
) -> None:
    world = await ran(ask(**fields), world=obliging())
    assert world.failure.message.startswith(message)
    assert (world.wishes, world.attempts, len(world.segments)) == ([], [], 1)


async def test_header_fields_are_texts_by_names_in_small_letters_and_null_leaves_one_out() -> None:
    step = ask(headers={"X-N": "{{n}}", "X-Yes": True, "X-None": None, "x-list": [1, "a"]})
    assert headers_of(await sent(step, {"n": 5})) == {
        "x-n": "5",
        "x-yes": "true",
        "x-list": '[1,"a"]',
    }


# keys


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_what_changes_something_carries_a_key_of_run_and_step(method: str) -> None:
    wish = await sent(choose(True, [ask(method=method)]))
    assert headers_of(wish)["idempotency-key"] == f"{RUN_ID}:0/true/0"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_what_only_asks_carries_no_key_unless_one_is_given(method: str) -> None:
    assert "idempotency-key" not in headers_of(await sent(ask(method=method)))
    wish = await sent(ask(method=method, idempotency_key="mine"))
    assert headers_of(wish)["idempotency-key"] == "mine"


async def test_a_key_of_one_s_own_counts_in_a_field_or_as_a_header() -> None:
    for fields in (
        {"idempotency_key": "order-{{n}}"},
        {"headers": {"Idempotency-Key": "order-{{n}}"}},
    ):
        wish = await sent(ask(data=1, **fields), {"n": 7})
        assert headers_of(wish)["idempotency-key"] == "order-7"


async def test_each_round_and_branch_has_a_key_of_its_own() -> None:
    world = obliging()
    step = into("a", ask(data=1))
    await ran(parallel([step], [step]), each([1, 2], step), world=world)
    assert len({headers_of(wish)["idempotency-key"] for wish in world.wishes}) == 4


# commits


async def test_nothing_leaves_before_what_led_to_it_is_committed() -> None:
    def look(wish: Wish) -> Received:
        assert world.docs("t") == [{}]
        assert len(world.deliveries) == 1
        return received()

    world = World(answer=look)
    await ran(add("t", {}), deliver(1), ask(), answer(1), world=world)
    assert world.result == 1


async def test_a_request_after_a_crash_is_the_same_request() -> None:
    step = ask(
        "https://{{env.HOST}}/{{generate_uuid()}}",
        headers={"X-At": "{{now()}}", "Authorization": "Bearer {{env.TOKEN}}"},
        query={"at": "{{now()}}"},
        data={"at": "{{now()}}", "id": "{{generate_uuid()}}"},
        idempotency_key="{{now()}}",
    )
    for guard in (None, "{{now() && env.HOST}}"):
        task = task_of(add("t", {}), step if guard is None else only_if(guard, step), query("t"))
        world = obliging(variables={"HOST": "a.example.com", "TOKEN": "old"}, secrets={"TOKEN"})
        world.crash_at = (1, "before")  # sent, and the answer is not committed
        with pytest.raises(CrashNow):
            await execute(world, task)
        world.restart()
        world.variables |= {"HOST": "b.example.com", "TOKEN": "new"}
        await execute(world, task)
        first, second = world.wishes
        assert (first.request.method, first.request.url, first.request.body) == (
            second.request.method,
            second.request.url,
            second.request.body,
        )
        changed = {"authorization": "Bearer new"}  # a secret is never kept, so it is read anew
        assert headers_of(first) | changed == headers_of(second)


async def test_what_was_answered_is_never_asked_again() -> None:
    for crash_at in ((1, "after"), (2, "before"), (2, "after")):
        world = obliging(received(200, {"n": 1}), received(200, {"n": 2}), crash_at=crash_at)
        task = task_of(ask(), query("t"), add("t", "{{response.body}}"), query("t"), answer(1))
        await survived(world, task)
        assert (len(world.wishes), world.docs("t")) == (1, [{"n": 1}])


async def test_a_failed_request_is_a_failure_when_the_run_is_resumed_too() -> None:
    world = obliging(received(503), received(200), crash_at=(2, "after"))
    caught = [add("t", {"code": "{{error.code}}"}), query("t")]
    await survived(world, task_of(attempt([ask(), add("never", {})], caught), answer(1)))
    assert world.result == 1
    assert (len(world.wishes), world.docs("t"), world.docs("never")) == (
        1,
        [{"code": "status_refused"}],
        [],
    )


# answers


async def test_the_answer_is_status_header_fields_body_and_duration() -> None:
    reply = received(201, {"id": 7}, headers=(("X-Rate", "5"), ("x-rate", "6")))
    world = await ran(ask(), into("a", ask()), answer(["{{response}}", "{{a.body.id}}"]),
                      world=obliging(reply))  # fmt: skip
    assert world.result == [
        {
            "status": 201,
            "headers": {"content-type": "application/json", "x-rate": "6"},
            "body": {"id": 7},
            "duration_ms": 3,
        },
        7,
    ]


@pytest.mark.parametrize(
    ("kind", "raw", "body"),
    [
        ("application/json", b'{"n": 12345678901234567890123}', {"n": 12345678901234567890123}),
        ("application/problem+json; charset=utf-8", b"[1]", [1]),
        ("APPLICATION/JSON", b"null", None),
        ("application/json", b"", None),
        ("application/json", b"  ", None),
        ("application/json", b'{"broken": ', '{"broken": '),
        ("application/json", b'"\\ud800"', '"\\ud800"'),
        ("application/json", b"[" * 300 + b"]" * 300, "[" * 300 + "]" * 300),
        ("application/json", b"\xff", "\ufffd"),
        ("text/html", b"<p>1</p>", "<p>1</p>"),
        ("text/plain", b'{"n": 1}', '{"n": 1}'),
        ("", b"", ""),
        ("text/plain", "grün\x00".encode(), "grün\x00"),
    ],
)
async def test_an_answer_is_parsed_where_it_is_json_and_text_else(
    kind: str, raw: bytes, body: Any
) -> None:
    world = obliging(received(200, raw, kind=kind))
    await ran(ask(), let("same", "{{response.body}}"), add("t", {"n": 1}), world=world)
    [entry] = [each for each in world.entries if each.function == "external_api_request"]
    assert entry.output["body"] == body
    [attempt_] = world.attempts
    assert "\x00" not in (attempt_.response_body or "")


@pytest.mark.parametrize("status", [100, 301, 304, 400, 404, 409, 410, 429, 500, 503])
async def test_a_status_outside_2xx_is_an_error_that_tells_status_and_body(status: int) -> None:
    world = obliging(received(status, {"why": "so"}))
    caught = [note("error.code"), note("error.status"), note("error.body.why"),
              note("error.message")]  # fmt: skip
    await ran(attempt([ask(), add("never", {})], caught), answer("{{seen}}"), world=world)
    code, told, why, message = world.result
    assert (code, told, why) == ("status_refused", status, "so")
    assert message.startswith(f"Status {status}: ")
    assert world.docs("never") == []


async def test_an_error_with_any_status_is_a_result_where_that_is_asked_for() -> None:
    for ignore in (True, "{{yes}}", "yes"):
        world = obliging(received(418, {"tea": True}))
        step = ask(ignore_status=ignore)
        await ran(step, answer("{{response.status}}"), world=world, given={"yes": 1})
        assert world.result == 418
    for ignore in (False, "{{missing}}", 0):
        world = await ran(ask(ignore_status=ignore), world=obliging(received(418)))
        assert world.failure.code == "status_refused"


async def test_a_200_that_means_not_delivered_is_an_error() -> None:
    reply = received(200, b"n8n is starting up", kind="text/html")
    starting = Received(reply.response, "back_pressure", "Nothing ran.")
    world = await ran(ask(), world=obliging(starting))
    assert world.failure.code == "not_delivered"
    assert world.failure.message == "Status 200: Nothing ran."
    world = await ran(
        ask(ignore_status=True), answer("{{response.body}}"), world=obliging(starting)
    )
    assert world.result == "n8n is starting up"


@pytest.mark.parametrize("error", [OutboundError, InvalidError])
async def test_no_answer_is_an_error_with_no_status(error: Any) -> None:
    def nobody(wish: Wish) -> Received:
        raise error("Nobody answers.", code="connect_failed")

    caught = [let("caught", "{{error}}")]
    world = World(answer=nobody)
    await ran(attempt([ask(ignore_status=True)], caught), answer("{{caught}}"), world=world)
    assert world.result == {
        "message": "Nobody answers.",
        "code": "connect_failed",
        "step": "0/try/0",
        "status": None,
        "body": None,
    }
    [attempt_] = world.attempts
    assert (attempt_.status_code, attempt_.outcome, attempt_.response_body) == (
        None,
        "connect_failed",
        None,
    )


async def test_an_answer_that_is_too_large_is_an_error_with_its_beginning_kept() -> None:
    reply = received(200, b"x" * 10_000, kind="application/json", truncated=True)
    for step in (ask(), ask(ignore_status=True)):
        world = await ran(step, world=obliging(reply))
        assert world.failure.code == "answer_too_large"
        assert world.failure.message == (
            f"The answer is larger than {MAX_ANSWER_BYTES >> 20} MiB: ask for less at once."
        )
        assert world.attempts[0].response_body == "x" * 4000
    assert world.wishes[0].cap_bytes == MAX_ANSWER_BYTES


async def test_each_request_leaves_an_attempt() -> None:
    world = obliging(received(503, "busy"), received(200, {"ok": True}))
    step = {**ask(URL, data=1), "retry": {"max": 1, "base_s": 0}}
    await ran(choose(True, [step]), answer(1), world=world)
    shown = [
        (each.run_id, each.path, each.method, each.url, each.status_code, each.outcome,
         each.message, each.response_body, each.duration_ms)
        for each in world.attempts
    ]  # fmt: skip
    assert shown == [
        (RUN_ID, "0/true/0", "POST", URL, 503, "retry", "Answered 503.", "busy", 3),
        (RUN_ID, "0/true/0~~1", "POST", URL, 200, "delivered", "Taken with 200.", '{"ok":true}', 3),
    ]
    assert len({each.id for each in world.attempts}) == 2


# time


@pytest.mark.parametrize(
    ("fields", "timeout_s"),
    [
        ({}, TIMEOUT_S),
        ({"timeout": 30_000}, 30),
        ({"timeout": 500}, 0.5),
        ({"timeout": "{{ms}}"}, 2),
        ({"timeout_s": 90}, 90),
        ({"timeout_s": 86_400}, MAX_TIMEOUT_S),
    ],
)
async def test_the_time_is_in_milliseconds_or_in_seconds_and_half_a_minute_without(
    fields: dict[str, Any], timeout_s: float
) -> None:
    wish = await sent(ask(**fields), {"ms": 2000})
    assert wish.timeout_s == pytest.approx(timeout_s, abs=0.01)


async def test_the_time_around_a_request_limits_it_too() -> None:
    around = {**choose(True, [ask(timeout=60_000)]), "timeout_s": 5}
    assert (await sent(around)).timeout_s == pytest.approx(5, abs=0.01)
    inner = {**choose(True, [ask(timeout=2000)]), "timeout_s": 5}
    assert (await sent(inner)).timeout_s == pytest.approx(2, abs=0.01)


async def test_each_further_try_has_its_time_anew() -> None:
    world = World()

    def slow(wish: Wish) -> Received:
        world.clock_us += int(wish.timeout_s * 1_000_000) + 1
        if len(world.wishes) < 3:
            raise OutboundError("Too slow.", code="timeout")
        return received()

    world.answer = slow
    step = {**ask(timeout=4000), "retry": {"max": 2, "base_s": 0}}
    await ran(step, answer(1), world=world)
    assert world.result == 1
    assert [wish.timeout_s for wish in world.wishes] == [pytest.approx(4, abs=0.01)] * 3
