"""Signatures and tokens: what is signed is verified, and nothing else is."""

import base64
import hashlib
import hmac
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hub.errors import InvalidError, SignatureError
from hub.model.http import Headers
from hub.model.masking import MASK
from hub.signature import (
    new_private_key,
    new_secret,
    parse_secret,
    parse_signing_key,
    public_key,
    sign,
    sign_headers,
    verify_header_token,
    verify_standard,
)

SECRET, OTHER = bytes(range(32)), bytes(range(50, 90))
BODY = b'{"type":"order.paid","note":"caf\xc3\xa9"}'
NOW_S = 1_795_464_000
ID = "msg_1"
BODIES = st.binary(max_size=200)


def signed(body: bytes = BODY, at_s: int = NOW_S) -> Headers:
    """The fields of a signed request."""
    return Headers(sign_headers([SECRET], ID, at_s, body))


def with_field(name: str, value: str | None) -> Headers:
    """The fields of a signed request with one of them changed, or left out."""
    fields = {**dict(signed()), name: value}
    return Headers((name, value) for name, value in fields.items() if value is not None)


def code_of(headers: Headers, body: bytes = BODY, **options: Any) -> str:
    """With which code it is refused."""
    with pytest.raises(SignatureError) as caught:
        verify_standard([SECRET], headers, body, options.pop("now_s", NOW_S), **options)
    return caught.value.code


def test_the_published_example_gets_its_published_signature() -> None:
    secret = parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'

    made = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)

    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


# Svix's own example, as its server's tests have it.
PAIR = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==",
    "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
)
SEED = base64.b64encode(base64.b64decode(PAIR[0][5:])[:32]).decode()


@pytest.mark.parametrize("secret", [PAIR[0], f"whsk_{SEED}", f"whsk_{SEED.rstrip('=')}"])
def test_a_key_pair_signs_as_it_is_published(secret: str) -> None:
    body = b'{"test": 2432232314}'
    made = sign(parse_signing_key(secret), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == (
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
    )
    assert public_key(secret) == PAIR[1]


@given(body=BODIES)
@settings(deadline=None)
def test_the_public_half_is_enough_to_verify(body: bytes) -> None:
    secret = new_private_key()
    fields = dict(sign_headers([parse_signing_key(secret)], ID, NOW_S, body))
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key(secret)[5:]))
    version, _, signature = fields["webhook-signature"].partition(",")
    text = f"{ID}.{NOW_S}.".encode() + body
    public.verify(base64.b64decode(signature), text)
    assert version == "v1a"
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(signature), text + b"x")


def test_secrets_of_both_kinds_sign_side_by_side_and_each_receiver_finds_its_own() -> None:
    keys = [parse_signing_key(each) for each in (PAIR[0], "whsec_" + "c2" * 16)]
    fields = dict(sign_headers(keys, ID, int(time.time()), b"{}"))
    kinds = [each.partition(",")[0] for each in fields["webhook-signature"].split(" ")]
    assert kinds == ["v1a", "v1"]
    Webhook("whsec_" + "c2" * 16).verify("{}", fields)


@pytest.mark.parametrize("text", ["", "x", "é", SEED[:40], SEED + SEED, PAIR[0][5:-8] + "AAAAAA=="])
def test_a_private_key_that_is_none_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_signing_key(f"whsk_{text}")
    assert caught.value.code == "secret_invalid"
    assert len(text) < 7 or text not in caught.value.message


@pytest.mark.parametrize("half", PAIR)
def test_half_of_a_key_pair_is_no_shared_secret(half: str) -> None:
    with pytest.raises(InvalidError, match="key pair"):
        parse_secret(half)


@given(body=st.text(st.characters(codec="utf-8"), max_size=200))
@settings(deadline=None)
def test_the_reference_library_takes_what_is_signed_here(body: str) -> None:
    secret = new_secret()
    fields = sign_headers([parse_secret(secret)], ID, int(time.time()), body.encode())

    Webhook(secret).verify(body, dict(fields), json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + "x", dict(fields), json_parse=False)


@given(body=st.text(st.characters(codec="utf-8"), max_size=200))
@settings(deadline=None)
def test_what_the_reference_library_signs_is_taken_here(body: str) -> None:
    secret = new_secret()
    signature = Webhook(secret).sign(ID, datetime.fromtimestamp(NOW_S, UTC), body)
    headers = with_field("webhook-signature", signature)

    assert verify_standard([parse_secret(secret)], headers, body.encode(), NOW_S) == ID


@given(body=BODIES, bit=st.integers(0))
@settings(deadline=None)
def test_a_body_with_any_bit_changed_is_refused(body: bytes, bit: int) -> None:
    headers = signed(body + b"x")

    assert code_of(headers, flipped(body + b"x", bit)) == "signature_wrong"


@given(
    field=st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
    bit=st.integers(0),
)
@settings(deadline=None, max_examples=500)
def test_a_field_with_any_bit_changed_is_refused(field: str, bit: int) -> None:
    value = signed().get(field) or ""
    changed = flipped(value.encode("latin-1"), bit).decode("latin-1")

    code_of(with_field(field, changed))


@given(secret=st.binary(min_size=24, max_size=64))
@settings(deadline=None)
def test_another_secret_is_refused(secret: bytes) -> None:
    assume(secret.ljust(64, b"\0") != SECRET.ljust(64, b"\0"))  # HMAC fills up with zeros

    with pytest.raises(SignatureError):
        verify_standard([secret], signed(), BODY, NOW_S)


def flipped(value: bytes, bit: int) -> bytes:
    bit %= len(value) * 8
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_any_of_several_secrets_may_fit() -> None:
    assert verify_standard([OTHER, SECRET], signed(), BODY, NOW_S) == ID
    assert verify_standard([SECRET, OTHER], signed(), BODY, NOW_S) == ID


def test_one_right_signature_among_several_is_enough() -> None:
    right = sign(SECRET, ID, NOW_S, BODY)
    several = f"v1a,{'A' * 88} v1,AAAA junk v2,x,y {right} v1,"

    assert verify_standard([SECRET], with_field("webhook-signature", several), BODY, NOW_S) == ID


def test_signatures_may_come_in_several_fields() -> None:
    right = signed()
    headers = Headers([("Webhook-Signature", "v1,AAAA"), *right.pairs])

    assert verify_standard([SECRET], headers, BODY, NOW_S) == ID


def test_each_secret_of_a_destination_signs_once() -> None:
    fields = dict(sign_headers([SECRET, OTHER], ID, NOW_S, BODY))

    assert fields["webhook-signature"].split(" ") == [
        sign(SECRET, ID, NOW_S, BODY),
        sign(OTHER, ID, NOW_S, BODY),
    ]
    assert verify_standard([OTHER], Headers(fields.items()), BODY, NOW_S) == ID


def test_without_a_secret_nothing_is_verified_or_signed() -> None:
    with pytest.raises(SignatureError):
        verify_standard([], signed(), BODY, NOW_S)
    with pytest.raises(InvalidError):
        sign_headers([], ID, NOW_S, BODY)


@pytest.mark.parametrize("age_s", [-60, -1, 0, 1, 299, 300])
def test_a_message_within_its_time_is_taken(age_s: int) -> None:
    assert verify_standard([SECRET], signed(at_s=NOW_S - age_s), BODY, NOW_S) == ID


@pytest.mark.parametrize(
    ("age_s", "code"),
    [
        (301, "timestamp_stale"),
        (NOW_S, "timestamp_stale"),
        (-61, "timestamp_future"),
        (-299, "timestamp_future"),
        (-999 * NOW_S, "timestamp_future"),
    ],
)
def test_a_message_outside_of_its_time_is_refused_though_well_signed(age_s: int, code: str) -> None:
    assert code_of(signed(at_s=NOW_S - age_s)) == code


def test_the_bounds_of_time_are_set_one_by_one() -> None:
    old, ahead = signed(at_s=NOW_S - 5), signed(at_s=NOW_S + 5)

    assert code_of(old, tolerance_s=4, future_s=100) == "timestamp_stale"
    assert code_of(ahead, tolerance_s=100, future_s=4) == "timestamp_future"


def test_a_clock_that_is_no_number_lets_nothing_through() -> None:
    assert code_of(signed(), now_s=float("nan")) == "timestamp_stale"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "NaN",
        "inf",
        "-1",
        "+1",
        "1e9",
        "1795464000.5",
        " 1",
        "\uff11\uff17",
        "²",
        "9" * 16,
    ],
)
def test_a_timestamp_that_is_no_whole_number_counts_as_missing(text: str | None) -> None:
    assert code_of(with_field("webhook-timestamp", text)) == "timestamp_missing"


@pytest.mark.parametrize("field", ["webhook-id", "webhook-signature"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_request_without_id_or_signature_is_refused(field: str, value: str | None) -> None:
    assert code_of(with_field(field, value)) == "signature_missing"


@pytest.mark.parametrize("text", ["v1,é☕", "é", "v1,\udcff", "v1,\x00", "\ud800,\ud800"])
@pytest.mark.parametrize("field", ["webhook-id", "webhook-signature"])
def test_characters_beyond_ascii_are_refused_as_any_wrong_signature(field: str, text: str) -> None:
    assert code_of(with_field(field, text)) == "signature_wrong"


def test_a_signature_in_another_encoding_or_version_is_refused() -> None:
    digest = hmac.digest(SECRET, f"{ID}.{NOW_S}.".encode() + BODY, hashlib.sha256)
    right = base64.b64encode(digest).decode()
    assert code_of(with_field("webhook-signature", f"v1,{digest.hex()}")) == "signature_wrong"
    assert code_of(with_field("webhook-signature", f"v1,{right[:-1]}")) == "signature_wrong"
    assert code_of(with_field("webhook-signature", f"v1,{right}=")) == "signature_wrong"
    assert code_of(with_field("webhook-signature", f"v2,{right}")) == "signature_wrong"
    assert code_of(with_field("webhook-signature", right)) == "signature_wrong"
    assert code_of(with_field("webhook-signature", f"sha256={digest.hex()}")) == "signature_wrong"
    assert (
        verify_standard([SECRET], with_field("webhook-signature", f"v1,{right}"), BODY, NOW_S) == ID
    )


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "a\n", "é", "x" * 257, "\x00", "\ud800"])
def test_an_id_that_could_be_misread_is_not_signed(message_id: str) -> None:
    with pytest.raises(InvalidError) as caught:
        sign(SECRET, message_id, NOW_S, BODY)
    assert caught.value.code == "message_id_invalid"


def test_a_new_secret_is_fresh_and_holds_32_bytes() -> None:
    secret = new_secret()

    assert secret.startswith("whsec_")
    assert len(parse_secret(secret)) == 32
    assert new_secret() != secret


@given(key=st.binary(min_size=24, max_size=64))
def test_a_secret_in_base64_is_decoded_with_or_without_its_padding(key: bytes) -> None:
    text = "whsec_" + base64.b64encode(key).decode()

    assert parse_secret(text) == key
    assert parse_secret(text.rstrip("=")) == key


def test_a_secret_in_plain_text_stands_for_its_characters() -> None:
    assert parse_secret("twenty-four chars, fine!") == b"twenty-four chars, fine!"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "twenty-three chars, no!",
        "whsec_",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_this is no base64 but it is long enough",
        "whsec_" + "-_" * 20,
        "whsec_" + "é" * 40,
        " " + "x" * 40,
        "x" * 40 + "\n",
        "é" * 40,
        "\ud800" * 40,
        MASK,
    ],
)
def test_a_weak_or_mistyped_secret_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_secret(text)
    assert caught.value.code == "secret_invalid"
    assert "whsec_" in caught.value.message
    assert len(text) < 7 or text not in caught.value.message


@given(text=st.text(st.characters()))
def test_any_text_is_a_secret_or_invalid(text: str) -> None:
    for secret in (text, "whsec_" + text):
        with suppress(InvalidError):
            assert len(parse_secret(secret)) >= 24


def test_a_token_is_taken_where_it_is_one_of_the_sources() -> None:
    verify_header_token(["an-old-token", "the-token"], "the-token")
    verify_header_token(["the-token", "an-old-token"], "the-token")


@pytest.mark.parametrize(
    "value", ["the-toke", "the-token ", "THE-TOKEN", "x" * 9999, "é", "\ud800", "?"]
)
def test_a_wrong_token_is_refused_whatever_its_length_and_characters(value: str) -> None:
    with pytest.raises(SignatureError) as caught:
        verify_header_token(["the-token"], value)
    assert caught.value.code == "token_wrong"


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_token_is_refused_even_where_no_token_is_set(value: str | None) -> None:
    for tokens in (["the-token"], [""], []):
        with pytest.raises(SignatureError) as caught:
            verify_header_token(tokens, value)
        assert caught.value.code == "token_missing"


def test_without_tokens_every_token_is_wrong() -> None:
    with pytest.raises(SignatureError):
        verify_header_token([], "the-token")
