"""The load generator, against the sink and the echo."""

from pathlib import Path

import orjson
import pytest

from hub.bench.harness import answers_in, faults_of, fire
from hub.bench.processes import listening, module
from hub.bench.requests import BODY_BYTES, PATH, render
from hub.bench.watch import Watch, faults_of_arrivals
from hub.errors import HubError
from hub.model.http import Headers
from hub.signature import new_secret, parse_secret, verify_standard

SECRET = new_secret()


def test_every_rendered_request_has_its_size_its_own_id_and_a_signature_that_holds() -> None:
    requests = render(3, "abc", "127.0.0.1:1", SECRET)
    for n, id_ in enumerate(requests.ids):
        head, body = (requests.heads[n] + requests.tail).split(b"\r\n\r\n")
        line, *fields = head.decode().split("\r\n")
        headers = Headers(tuple(tuple(each.split(": ", 1)) for each in fields))
        assert f"POST {PATH} HTTP/1.1" == line
        assert BODY_BYTES == len(body) == int(headers.get("content-length") or 0)
        assert id_ == orjson.loads(body)["id"]
        sent_at = float(headers.get("webhook-timestamp") or 0)
        assert f"msg_{id_}" == verify_standard([parse_secret(SECRET)], headers, body, sent_at)
    assert len(set(requests.ids)) == 3


def test_what_a_closed_loop_sends_arrives_once_each(sink: Watch, tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    report = fire(sink.port, SECRET, requests=300, seconds=5, answers=answers)
    accepted = [each.id for each in answers_in(answers)]
    assert report.statuses == {"200": 300}
    assert (report.requests, report.sent, report.lost) == (300, 300, 0)
    assert faults_of_arrivals(accepted, sink.arrivals()) == ()
    assert faults_of([report], "sink", 200) == ()


def test_an_open_loop_sends_no_faster_than_its_rate(sink: Watch) -> None:
    report = fire(sink.port, SECRET, requests=1000, seconds=0.2, rate=100, connections=5)
    assert 0 < report.sent <= 100 * report.seconds + 1


def test_the_warm_up_is_sent_and_not_measured(sink: Watch) -> None:
    report = fire(sink.port, SECRET, requests=1000, seconds=0.1, warmup_s=0.1, rate=200)
    assert 0 < report.requests < report.sent
    assert report.sent == len(sink.arrivals())


def test_answers_other_than_the_expected_are_faults(sink: Watch) -> None:
    sink.set_mode({"status": 503})
    report = fire(sink.port, SECRET, requests=20, seconds=5)
    assert report.statuses == {"503": 20}
    assert faults_of([report], "sink", 200)


def test_a_load_on_nobody_is_told() -> None:
    with pytest.raises(HubError, match="Nobody answers"):
        fire(1, SECRET, requests=1, seconds=1)


def test_the_echo_parses_and_answers(tmp_path: Path) -> None:
    with listening("echo", module("echo"), tmp_path) as port:
        report = fire(port, SECRET, requests=50, seconds=5, connections=5)
    assert report.statuses == {"200": 50}
