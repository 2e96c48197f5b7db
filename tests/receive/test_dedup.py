"""Which key stands for a request."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.connector import Parsed
from hub.model.event import DedupKey
from hub.model.http import Headers, InboundRequest
from hub.model.json import Json, dumps
from hub.model.source import Dedup
from hub.receive.dedup import dedup_key

HOUR_US = 3600 * 1_000_000


def request(body: bytes = b"{}", **headers: str) -> InboundRequest:
    """A request with header fields."""
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return InboundRequest("POST", "", "", Headers(pairs), body, "127.0.0.1")


def key(by: str | None, sent: InboundRequest, value: Json = None) -> str | None:
    """The text of the key, if there is one."""
    found = dedup_key(None if by is None else Dedup(by=by), sent, Parsed(value))
    return None if found is None else found.key


def made(by: str | None, sent: InboundRequest, value: Json = None) -> DedupKey:
    """The key, which must be there."""
    found = dedup_key(None if by is None else Dedup(by=by), sent, Parsed(value))
    assert found is not None
    return found


def test_unless_told_the_sender_s_own_key_counts_and_without_one_nothing_does() -> None:
    assert key(None, request(idempotency_key="k-1", webhook_id="w-1")) == "k-1"
    assert key(None, request(webhook_id="w-1")) == "w-1"
    assert key(None, request(idempotency_key="", webhook_id="w-1")) == "w-1"
    assert key(None, request()) is None


def test_the_id_that_a_connector_finds_counts_before_header_fields() -> None:
    parsed = Parsed({}, message_id="evt_1")
    found = dedup_key(None, request(idempotency_key="k-1"), parsed)
    assert found is not None
    assert found.key == "evt_1"
    chosen = dedup_key(Dedup(by="header:idempotency-key"), request(idempotency_key="k-1"), parsed)
    assert chosen is not None
    assert chosen.key == "k-1"


def test_none_means_that_no_two_requests_are_the_same() -> None:
    assert key("none", request(idempotency_key="k-1")) is None


def test_a_header_field_is_found_however_it_is_written() -> None:
    sent = request(x_request="r-1")
    assert key("header:X-Request", sent) == "r-1"
    assert key("header:x-other", sent) is None
    assert key("header:x-request", request(x_request="")) is None


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("id", "o-1"),
        ("order.number", "7"),
        ("order.lines.0.sku", "pen"),
        ("order.lines.1.sku", "desk"),
        ("order.lines.2.sku", None),
        ("order.lines.-1.sku", None),
        ("order.lines.x", None),
        ("order.lines.²", None),
        ("order.gone", None),
        ("id.deeper", None),
        ("paid", "false"),
        ("nothing", None),
        ("blank", None),
        ("order.total", '{"eur":12}'),
    ],
)
def test_a_path_into_the_body_gives_what_stands_there(path: str, found: str | None) -> None:
    value = {
        "id": "o-1",
        "paid": False,
        "nothing": None,
        "blank": "",
        "order": {
            "number": 7,
            "lines": [{"sku": "pen"}, {"sku": "desk"}],
            "total": {"eur": 12},
        },
    }
    assert key(f"body:{path}", request(dumps(value)), value) == found


def test_the_hash_is_that_of_the_exact_bytes() -> None:
    body = b'{"a": 1}'
    assert key("hash", request(body)) == hashlib.sha256(body).hexdigest()
    assert key("hash", request(body)) != key("hash", request(b'{"a":1}'))


@given(st.text(min_size=201, max_size=400), st.text(min_size=201, max_size=400))
def test_long_keys_are_hashed_and_stay_apart(one: str, other: str) -> None:
    keys = [key("body:id", request(), {"id": text}) for text in (one, other)]
    assert keys[0] == hashlib.sha256(one.encode()).hexdigest()
    assert (keys[0] == keys[1]) == (one == other)


@given(st.text(max_size=300))
def test_a_key_is_never_too_long_for_its_column(text: str) -> None:
    found = key("body:id", request(), {"id": text})
    assert found is None or 0 <= len(found) <= 200


def test_the_longest_key_that_is_kept_as_it_is_has_200_characters() -> None:
    assert key("header:k", request(k="x" * 200)) == "x" * 200
    assert key("header:k", request(k="x" * 201)) != "x" * 201


@pytest.mark.parametrize(
    ("by", "hours"), [(None, 48), ("header:k", 48), ("body:k", 48), ("hash", 1 / 6)]
)
def test_keys_are_remembered_for_two_days_and_hashes_for_ten_minutes(
    by: str | None, hours: float
) -> None:
    sent = request(k="1", idempotency_key="1")
    assert made(by, sent, {"k": "1"}).window_us == hours * HOUR_US


@pytest.mark.parametrize("by", ["hash", "header:k"])
def test_a_source_may_set_its_own_window(by: str) -> None:
    found = dedup_key(Dedup(by=by, window_s=5), request(k="1"), Parsed(None))
    assert found is not None
    assert found.window_us == 5_000_000


def test_the_body_s_hash_tells_whether_a_repeat_says_something_else() -> None:
    first, again, other = (
        made(None, request(body, idempotency_key="k")) for body in (b"1", b"1", b"2")
    )
    assert first == again
    assert first.key == other.key
    assert first.body_hash != other.body_hash
    assert len(first.body_hash) == 16


def test_a_nul_in_a_key_makes_another_key_and_none_that_a_database_refuses() -> None:
    plain, odd = (
        dedup_key(Dedup(by="body:k"), request(), Parsed({"k": text})) for text in ("ab", "a\x00b")
    )
    assert plain is not None
    assert odd is not None
    assert plain.key != odd.key
    assert "\x00" not in odd.key
