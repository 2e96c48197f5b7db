"""What an attempt means for its delivery, and what each attempt sends."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.bootstrap import load_connectors
from hub.connector import Outcome, Verdict
from hub.deliver.request import request_of
from hub.deliver.settle import KEPT_RESPONSE_BYTES, Try, settle
from hub.errors import SignatureError
from hub.model.delivery import ClaimedDelivery, DeliveryStatus, Settlement
from hub.model.destination import (
    AuthApiKey,
    AuthBasic,
    AuthBearer,
    AuthHeader,
    AuthJwt,
    AuthOAuth2,
    Destination,
    Sign,
    SignHmac,
)
from hub.model.http import Headers, InboundRequest, OutboundResponse
from hub.model.scheme import Retired
from hub.model.time import US_PER_S
from hub.outbound.retry import LONGEST_RETRY_AFTER_S
from hub.signature import new_secret, parse_secret, verify_scheme, verify_standard

SCHEDULE = (5.0, 30.0, 120.0)
MIDDLE = 0.5
DAY_US = 24 * 3600 * US_PER_S
STANDARD = load_connectors()["standard"]
FAILURES = (Outcome.RETRY, Outcome.UNKNOWN)
OUTCOMES = st.sampled_from(Outcome)
SCHEDULES = st.lists(st.floats(0, 30 * 86400), max_size=6).map(tuple)
RETRY_AFTERS = st.none() | st.floats(0, 1e9)
JITTERS = st.floats(0, 1, exclude_max=True)


def delivery(attempts: int = 0, spent: int = 0, pressed_for_us: int = 0) -> ClaimedDelivery:
    """A delivery after so many attempts."""
    return ClaimedDelivery(
        id="dlv_1",
        destination="till",
        body=b'{"order":1}',
        content_type="application/json",
        idempotency_key="run_1:0",
        attempts=attempts,
        spent=spent,
        pressed_for_us=pressed_for_us,
        fence=attempts + 1,
        event_id=None,
        run_id="run_1",
        created_at=1,
    )


def tried(outcome: Outcome, retry_after_s: float | None = None, body: bytes | None = None) -> Try:
    """An attempt that went like this."""
    response = None
    if body is not None:
        response = OutboundResponse(200, Headers(), body, False, 5)
    return Try(Verdict(outcome, "It said so.", retry_after_s), response, 5)


def settled(
    of: ClaimedDelivery,
    outcome: Outcome,
    schedule: tuple[float, ...] = SCHEDULE,
    retry_after_s: float | None = None,
    jitter: float = MIDDLE,
) -> Settlement:
    """What follows."""
    return settle(of, tried(outcome, retry_after_s), schedule, 7, jitter)


@pytest.mark.parametrize("spent", range(6))
@pytest.mark.parametrize("outcome", Outcome)
def test_each_outcome_at_each_place_in_the_schedule(outcome: Outcome, spent: int) -> None:
    result = settled(delivery(spent, spent), outcome)
    match outcome:
        case Outcome.DELIVERED:
            expected = DeliveryStatus.DELIVERED, 0
        case Outcome.REFUSED:
            expected = DeliveryStatus.DEAD, 0
        case Outcome.GONE if spent < len(SCHEDULE):  # its destination is disabled meanwhile
            expected = DeliveryStatus.RETRYING, 0
        case Outcome.BACK_PRESSURE:
            expected = DeliveryStatus.RETRYING, 2 * US_PER_S
        case _ if spent < len(SCHEDULE):
            expected = DeliveryStatus.RETRYING, int(SCHEDULE[spent] * US_PER_S)
        case _:
            expected = DeliveryStatus.DEAD, 0
    assert (result.status, result.delay_us) == expected
    assert result.pressed is (outcome is Outcome.BACK_PRESSURE)
    assert result.spends is not result.pressed
    assert (result.reason is None) is (outcome is Outcome.DELIVERED)
    assert result.reason is None or "It said so." in result.reason
    assert (result.delivery_id, result.fence) == ("dlv_1", spent + 1)
    assert (result.attempt.n, result.attempt.started_at) == (spent + 1, 7)
    assert result.attempt.outcome == outcome.value


def test_giving_up_says_after_how_many_attempts() -> None:
    result = settled(delivery(7, 3), Outcome.RETRY)
    assert result.reason == "Gave up after 4 attempts. It said so."


def test_back_pressure_that_lasts_a_day_counts_like_a_refusal() -> None:
    just_under = settled(delivery(9, 3, DAY_US - 1), Outcome.BACK_PRESSURE)
    assert (just_under.status, just_under.spends) == (DeliveryStatus.RETRYING, False)
    a_day = settled(delivery(9, 2, DAY_US), Outcome.BACK_PRESSURE)
    assert (a_day.status, a_day.spends, a_day.pressed) == (DeliveryStatus.RETRYING, True, False)
    at_the_end = settled(delivery(9, 3, DAY_US), Outcome.BACK_PRESSURE)
    assert at_the_end.status is DeliveryStatus.DEAD


def test_back_pressure_waits_longer_each_time() -> None:
    delays = [settled(delivery(n, 0), Outcome.BACK_PRESSURE).delay_us for n in range(7)]
    assert [us // US_PER_S for us in delays] == [2, 4, 8, 16, 32, 60, 60]


@dataclass
class Life:
    """A delivery from its first attempt to its end, on a clock of its own."""

    schedule: tuple[float, ...]
    attempts: int = 0
    spent: int = 0
    now_us: int = 0
    pressed_since: int | None = None
    status: DeliveryStatus = DeliveryStatus.PENDING

    def attempt(self, outcome: Outcome, retry_after_s: float | None, jitter: float) -> Settlement:
        """One more, settled as the ledger settles it."""
        since = self.now_us if self.pressed_since is None else self.pressed_since
        claimed = delivery(self.attempts, self.spent, self.now_us - since)
        result = settled(claimed, outcome, self.schedule, retry_after_s, jitter)
        self.attempts += 1
        self.spent += result.spends
        self.status = result.status
        self.pressed_since = since if result.pressed else None
        self.now_us += result.delay_us
        return result

    @property
    def ended(self) -> bool:
        """Nothing more is tried."""
        return self.status in (DeliveryStatus.DELIVERED, DeliveryStatus.DEAD)


@given(SCHEDULES, st.lists(st.tuples(OUTCOMES, RETRY_AFTERS, JITTERS), max_size=30))
def test_a_delivery_ends_exactly_when_it_is_taken_refused_or_out_of_attempts(
    schedule: tuple[float, ...], story: list[tuple[Outcome, float | None, float]]
) -> None:
    life = Life(schedule)
    for outcome, retry_after_s, jitter in story:
        result = life.attempt(outcome, retry_after_s, jitter)
        assert life.spent <= len(schedule) + 1
        exhausted = result.spends and life.spent > len(schedule)
        if outcome is Outcome.DELIVERED:
            assert life.status is DeliveryStatus.DELIVERED
        elif exhausted or outcome is Outcome.REFUSED:
            assert life.status is DeliveryStatus.DEAD
        else:
            assert life.status is DeliveryStatus.RETRYING
        if life.ended:
            assert result.delay_us == 0
            return


@settings(max_examples=30)
@given(SCHEDULES, RETRY_AFTERS, JITTERS)
def test_back_pressure_uses_up_no_attempt_for_a_day_and_then_does(
    schedule: tuple[float, ...], retry_after_s: float | None, jitter: float
) -> None:
    life = Life(schedule)
    while not life.ended and life.spent == 0:
        began = life.now_us
        life.attempt(Outcome.BACK_PRESSURE, retry_after_s, jitter)
        assert (life.spent == 0) is (began < DAY_US)
    assert life.now_us >= DAY_US
    assert life.attempts < 2000


@given(
    SCHEDULES,
    st.sampled_from([Outcome.RETRY, Outcome.UNKNOWN, Outcome.BACK_PRESSURE]),
    st.integers(0, 7),
    st.floats(),
    JITTERS,
)
def test_retry_after_only_lengthens(
    schedule: tuple[float, ...], outcome: Outcome, spent: int, asked_s: float, jitter: float
) -> None:
    of = delivery(spent, spent)
    without = settled(of, outcome, schedule, None, jitter)
    with_it = settled(of, outcome, schedule, asked_s, jitter)
    assert with_it.status is without.status
    longest_us = max(without.delay_us, int(LONGEST_RETRY_AFTER_S * US_PER_S))
    assert without.delay_us <= with_it.delay_us <= longest_us


def test_the_beginning_of_a_long_answer_is_kept_as_text() -> None:
    short = settle(delivery(), tried(Outcome.DELIVERED, body=b"ok\x00\xff"), (), 1, MIDDLE)
    assert short.attempt.response_body == "ok\ufffd\ufffd"
    assert short.attempt.status_code == 200
    body = b"x" * (KEPT_RESPONSE_BYTES + 1)
    long = settle(delivery(), tried(Outcome.DELIVERED, body=body), (), 1, MIDDLE)
    assert long.attempt.response_body == "x" * KEPT_RESPONSE_BYTES + " … (cut)"
    none = settled(delivery(), Outcome.RETRY)
    assert (none.attempt.response_body, none.attempt.status_code) == (None, None)


def sent(destination: Destination, attempts: int = 0, timestamp_s: int = 100) -> Headers:
    """The header fields of an attempt; each name stands there once."""
    request = request_of(delivery(attempts, attempts), destination, STANDARD, timestamp_s)
    assert (request.method, request.url, request.body) == (
        "POST",
        destination.url,
        b'{"order":1}',
    )
    names = [name for name, _ in request.headers]
    assert names == [name.lower() for name in names]
    assert len(names) == len(set(names))
    return Headers(request.headers)


URL = "https://till.example.org/hook"


def test_each_attempt_carries_the_same_id_and_key() -> None:
    for destination in (
        Destination(url=URL),
        Destination(url=URL, sign=Sign(secrets=(new_secret(),))),
    ):
        fields = [sent(destination, n, 100 + n) for n in range(3)]
        assert {each.get("idempotency-key") for each in fields} == {"run_1:0"}
        assert {each.get("webhook-id") for each in fields} == {"dlv_1"}
        assert {each.get("content-type") for each in fields} == {"application/json"}


def test_each_attempt_is_signed_anew_with_every_secret() -> None:
    secrets = (new_secret(), new_secret())
    destination = Destination(url=URL, sign=Sign(secrets=secrets))
    first, second = sent(destination, 0, 1000), sent(destination, 1, 1030)
    assert first.get("webhook-signature") != second.get("webhook-signature")
    for fields, now in ((first, 1000), (second, 1030)):
        assert fields.get("webhook-timestamp") == str(now)
        for secret in secrets:
            body = delivery().body
            assert verify_standard([parse_secret(secret)], fields, body, now) == "dlv_1"


OURS = ("content-type", "Idempotency-Key", "webhook-id", "Webhook-Timestamp", "webhook-signature")


@pytest.mark.parametrize("name", OURS)
def test_nobody_s_field_stands_in_place_of_the_hub_s(name: str) -> None:
    signed = Sign(secrets=(new_secret(),))
    plain = sent(Destination(url=URL, sign=signed))
    auth = AuthHeader(mode="header", name=name, value="mine")
    assert sent(Destination(url=URL, sign=signed, auth=auth)).get(name) == plain.get(name)
    with pytest.raises(ValueError, match="set by the hub"):
        Destination(url=URL, headers={name: "mine"})
    smuggled = Destination(url=URL, sign=signed).model_copy(update={"headers": {name: "mine"}})
    assert sent(smuggled).get(name) == plain.get(name)


def test_authentication_goes_before_a_field_of_the_same_name() -> None:
    fields = sent(
        Destination(
            url=URL,
            headers={"Authorization": "mine", "X-Shop": "north"},
            auth=AuthBasic(mode="basic", user="ada", password="pass:word"),
        )
    )
    assert fields.get("authorization") == "Basic YWRhOnBhc3M6d29yZA=="
    assert fields.get("x-shop") == "north"
    assert (
        sent(Destination(url=URL, auth=AuthApiKey(mode="apikey", key="k"))).get("x-make-apikey")
        == "k"
    )


def test_the_bytes_and_their_type_are_those_that_were_rendered() -> None:
    form = replace(delivery(), body=b"a=1", content_type="application/x-www-form-urlencoded")
    request = request_of(form, Destination(url=URL), STANDARD, 100)
    assert request.body == b"a=1"
    assert Headers(request.headers).get("content-type") == "application/x-www-form-urlencoded"


def test_a_token_that_stays_and_one_that_is_fetched_are_sent_as_bearer() -> None:
    fixed = Destination(url=URL, auth=AuthBearer(mode="bearer", token="a.b-c"))
    assert sent(fixed).get("authorization") == "Bearer a.b-c"
    fetched = Destination(
        url=URL,
        auth=AuthOAuth2(mode="oauth2", token_url=URL, client_id="hub", client_secret="s"),
    )
    request = request_of(delivery(), fetched, STANDARD, 100, "given")
    assert Headers(request.headers).get("authorization") == "Bearer given"
    assert sent(fetched).get("authorization") is None


def test_a_signed_token_is_made_anew_for_each_attempt() -> None:
    key = "a-passphrase-that-n8n-has-as-well"
    auth = AuthJwt(mode="jwt", key=key, claims={"sub": "hub", "roles": ["a"]}, ttl_s=60)
    destination = Destination(url=URL, auth=auth)
    for attempt, now_s in enumerate((1000, 1030)):
        kind, token = (sent(destination, attempt, now_s).get("authorization") or "").split(" ")
        options = {"verify_exp": False, "verify_iat": False}
        said = jwt.decode(token, key, algorithms=["HS256"], options=options)
        assert kind == "Bearer"
        assert said == {"sub": "hub", "roles": ["a"], "iat": now_s, "exp": now_s + 60}
    with pytest.raises(ValueError, match="set by the hub"):
        AuthJwt(mode="jwt", key=key, claims={"exp": 1})


OWN = {"header": "X-Sig", "timestamp_header": "X-At", "id_header": "X-Id"}
IN_PARTS = {"header": "X-Sig", "field": "v1", "timestamp_field": "t"}


def verified(scheme: SignHmac, fields: Headers, secret: str, now_s: int) -> bool:
    """Whether a receiver that knows this secret takes it."""
    arrived = InboundRequest("POST", "", "", fields, delivery().body, "", URL)
    try:
        verify_scheme(scheme, [secret], arrived, now_s)
    except SignatureError:
        return False
    return True


def own_scheme(parts: dict[str, str], signed: str, *secrets: str) -> SignHmac:
    return SignHmac.model_validate(
        {"scheme": "hmac", **parts, "signed": signed, "secrets": list(secrets)}
    )


@pytest.mark.parametrize(
    ("parts", "signed"),
    [
        (OWN, "{id}.{timestamp}.{method}.{url}.{path}.{body}"),
        (IN_PARTS, "{timestamp}.{body}"),
        ({"header": "X-Sig", "prefix": "sha256="}, "{body}"),
    ],
)
def test_a_receiver_with_a_header_of_its_own_verifies_as_it_always_did(
    parts: dict[str, str], signed: str
) -> None:
    scheme = own_scheme(parts, signed, "a-secret")
    fields = sent(Destination(url=URL, sign=scheme), timestamp_s=1000)
    assert verified(scheme, fields, "a-secret", 1000)
    assert not verified(scheme, fields, "another", 1000)
    assert fields.get("webhook-id") == "dlv_1"
    assert fields.get("webhook-signature") is None
    if "id_header" in parts:
        assert fields.get("X-Id") == "dlv_1"


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"header": "Content-Type"}, "set by the hub"),
        ({"header": "X-Sig", "timestamp_header": "Idempotency-Key"}, "set by the hub"),
        ({"header": "X-Sig", "secrets": ["a", "b"]}, "room for one"),
    ],
)
def test_a_scheme_that_cannot_be_sent_is_refused(parts: dict[str, Any], says: str) -> None:
    signed = "{timestamp}.{body}" if "timestamp_header" in parts else "{body}"
    with pytest.raises(ValueError, match=says):
        SignHmac.model_validate({"scheme": "hmac", "secrets": ["a"], "signed": signed, **parts})


RETIRED = Retired(secrets=("the-second", "the-first"), until=datetime.fromtimestamp(1500, UTC))


def test_where_signatures_are_named_every_retired_secret_signs_until_its_time_is_over() -> None:
    scheme = own_scheme(IN_PARTS, "{timestamp}.{body}", "the-third")
    destination = Destination(url=URL, sign=scheme, retired=RETIRED)
    for now_s, counts in ((1499, True), (1500, False)):
        fields = sent(destination, timestamp_s=now_s)
        assert verified(scheme, fields, "the-third", now_s)
        assert verified(scheme, fields, "the-second", now_s) is counts
        assert verified(scheme, fields, "the-first", now_s) is counts


def test_where_there_is_room_for_one_signature_it_is_the_oldest_secret_s_until_then() -> None:
    scheme = own_scheme({"header": "X-Sig"}, "{body}", "the-third")
    destination = Destination(url=URL, sign=scheme, retired=RETIRED)
    assert verified(scheme, sent(destination, timestamp_s=1499), "the-first", 1499)
    assert verified(scheme, sent(destination, timestamp_s=1500), "the-third", 1500)
