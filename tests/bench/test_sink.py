"""The sink: answers like a Make webhook, remembers what came, shows it to a person."""

import http.client
import time

import pytest

from hub.bench.arrivals import Arrivals, Mode, field_of
from hub.bench.shown import shown
from hub.bench.watch import Watch, faults_of_arrivals
from hub.errors import InvalidError


def ask(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def test_it_answers_accepted_and_remembers_time_key_and_field(sink: Watch) -> None:
    before_ns = time.time_ns()
    answer = ask(sink.port, "POST", "/hook", b'{"id": "one"}', Idempotency_Key="k1", webhook_id="w")
    (arrival,) = sink.arrivals()
    assert answer == (200, b"Accepted")
    assert (arrival.n, arrival.key, arrival.field) == (0, "k1", "one")
    assert before_ns <= arrival.at_ns <= time.time_ns()


def test_the_webhook_id_is_the_key_where_there_is_no_other(sink: Watch) -> None:
    ask(sink.port, "POST", "/", b"no JSON", webhook_id="w1")
    (arrival,) = sink.arrivals()
    assert (arrival.key, arrival.field) == ("w1", None)


def test_it_counts_and_lists_from_a_number_on(sink: Watch) -> None:
    for key in ("a", "b", "a"):
        ask(sink.port, "POST", "/", idempotency_key=key)
    assert ask(sink.port, "GET", "/_count")[1] == b'{"requests":3,"keys":2,"repeated":1}'
    assert len(ask(sink.port, "GET", "/_requests?since=2")[1].splitlines()) == 1


def test_a_mode_holds_until_the_reset_and_a_query_for_one_request(sink: Watch) -> None:
    sink.set_mode({"status": 400, "body": "Queue is full.", "delay_ms": 1})
    assert ask(sink.port, "POST", "/") == (400, b"Queue is full.")
    assert ask(sink.port, "POST", "/?status=503&delay_ms=0") == (503, b"Queue is full.")
    sink.reset()
    assert ask(sink.port, "POST", "/") == (200, b"Accepted")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/_mode", b'{"status": 1}'),
        ("/_mode", b'{"colour": "red"}'),
        ("/_mode", b"[]"),
        ("/_mode", b"no JSON"),
        ("/_requests?since=x", b""),
        ("/_other", b""),
    ],
)
def test_what_it_does_not_understand_is_refused(sink: Watch, path: str, body: bytes) -> None:
    assert ask(sink.port, "POST", path, body)[0] == 400
    assert ask(sink.port, "POST", "/?status=1")[0] == 400


def test_the_oldest_are_forgotten_first_and_numbers_go_on() -> None:
    arrivals = Arrivals(keep=2)
    for n in range(3):
        arrivals.add(n, None, None)
    assert [line[1:7] for line in arrivals.since(0)] == [b'"n":1,', b'"n":2,']
    assert [line[1:7] for line in arrivals.since(2)] == [b'"n":2,']


def test_a_mode_refuses_what_http_does_not_know() -> None:
    with pytest.raises(InvalidError, match="status"):
        Mode().changed(status=999)


def test_a_field_is_found_by_its_path_or_not_at_all() -> None:
    assert field_of(b'{"order": {"id": 7}}', "order.id") == "7"
    assert field_of(b'{"order": 7}', "order.id") is None


def test_losses_and_duplicates_are_faults(sink: Watch) -> None:
    for key, id_ in (("k1", "a"), ("k1", "b"), ("k2", "b")):
        ask(sink.port, "POST", "/", b'{"id": "%s"}' % id_.encode(), idempotency_key=key)
    faults = faults_of_arrivals(["a", "b", "c"], sink.arrivals())
    assert faults == (
        "1 of 3 accepted events did not arrive",
        "1 deliveries repeated an event",
        "1 deliveries repeated an idempotency key",
    )


def test_a_person_sees_a_request_with_its_json_set_out() -> None:
    text = shown("POST", "/hook", "application/json", b'{"a":1}', 7)
    assert text[11:] == 'POST /hook\n  application/json, 7 bytes\n  {\n    "a": 1\n  }\n'


def test_a_terminal_never_obeys_what_is_shown() -> None:
    assert "\x1b" not in shown("POST", "/\x1b[2J", "text/plain\x1b", b"\x1b]0;x\x07\r", 7)


def test_a_long_body_is_cut_where_it_is_shown() -> None:
    assert shown("POST", "/", "text/plain", b"x" * 9000, 9000).endswith("x\n  …\n")
