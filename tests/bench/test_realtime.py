"""Subscribers that check what they hear, the publisher, and the files that a process may open."""

import resource
import sys

import orjson
import pytest

from hub.bench.heard import END, Ear, Heard
from hub.bench.processes import files, finished, module
from hub.bench.publish import DATA_BYTES, data_of
from hub.bench.watch import Watch
from hub.errors import HubError
from hub.model.message import Message

HELLO = b": hello e-1-0\nid: e-1-0\nretry: 1000\n\n"


def said(n: int, seq: int | None = None) -> bytes:
    data = orjson.dumps(data_of(n, 1_000_000)).decode()
    position = f"e-1-{n + 1 if seq is None else seq}"
    return Message(f"msg_{position}", "bench", "order.changed", data, 0, position).sse


def last(count: int, seq: int = 1_000) -> bytes:
    return Message("msg_last", "bench", END, f'{{"count":{count}}}', 0, f"e-1-{seq}").sse


def heard_of(*streams: bytes) -> Heard:
    heard = Heard()
    for each in streams:
        heard.add(heard.ear(), HELLO + each, 3_000_000)
    return heard


def test_all_messages_once_and_in_order_are_no_fault() -> None:
    stream = said(0) + b":\n\n" + said(1) + b":\nid: e-1-2\n\n" + said(2) + last(3)
    told = heard_of(stream, stream).told()
    assert told.faults == {}
    assert (told.subscribers, told.messages, told.published) == (2, 6, 3)
    assert (told.latency.p50_ms, told.last_ns) == (2.0, 3_000_000)


def test_a_stream_may_come_in_pieces_that_end_anywhere() -> None:
    heard, stream = Heard(), HELLO + said(0) + said(1) + last(2)
    ear: Ear = heard.ear()
    for n in range(0, len(stream), 7):
        heard.add(ear, stream[n : n + 7], 3_000_000)
    assert (ear.hello, ear.done, ear.count, heard.told().faults) == (True, True, 2, {})


@pytest.mark.parametrize(
    ("stream", "fault"),
    [
        (said(0) + said(2) + last(3), "messages were lost"),
        (said(0) + said(1) + said(1) + last(2), "messages were repeated or out of order"),
        (said(1) + said(0) + last(2), "messages were repeated or out of order"),
        (said(0) + said(0, seq=5) + last(2), "messages were published twice"),
        (said(0) + said(1) + last(1), "messages were too many"),
        (said(0) + last(2) + said(1, seq=1_001), "messages came after the last one"),
        (said(0), "subscribers did not hear the last message"),
        (b": gap\n\n" + said(0) + last(1), "streams told ': gap'"),
        (b": slow\n\n", "streams told ': slow'"),
    ],
)
def test_whatever_a_subscriber_lacks_or_has_too_much_is_a_fault(stream: bytes, fault: str) -> None:
    assert heard_of(stream).told().faults[fault] == 1


def test_it_is_over_when_all_heard_the_last_or_the_others_had_their_time() -> None:
    assert not heard_of(said(0)).is_over(0)
    assert heard_of(last(0)).is_over(1e12)
    late = heard_of(last(0), said(0))
    assert late.is_over(10)
    assert not late.is_over(1e12)


def test_the_data_of_a_message_have_their_size_whatever_its_number() -> None:
    sizes = {len(orjson.dumps(data_of(n, at))) for n in (0, 9_999_999) for at in (1, 2**60)}
    assert sizes == {DATA_BYTES}


def test_a_publisher_sends_every_number_once(sink: Watch) -> None:
    where = (f"--port={sink.port}", "--key=k", "--channel=c")
    command = module("publish", *where, "--seconds=0.3", "--rate=100", "--connections=3")
    told = orjson.loads(finished("publish", command))
    assert told["statuses"] == {"200": told["sent"]}
    assert told["sent"] == len(sink.arrivals()) > 0


def test_a_subscriber_that_is_refused_tells_how(sink: Watch) -> None:
    sink.set_mode({"status": 503, "body": "Not now."})
    command = module("subscribe", f"--port={sink.port}", "--channel=c", "--count=2")
    with pytest.raises(HubError, match=r"answered with 503: Not now\."):
        finished("subscribe", command)


def test_children_may_open_the_files_that_a_case_needs_and_the_bench_no_more_than_before() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    asks = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
    try:
        with files(300):
            assert int(finished("asks", [sys.executable, "-c", asks])) == 300
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_too_low_a_limit_of_files_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1024))
    with pytest.raises(HubError, match="ulimit -Hn 5500"), files(5500):
        pass
