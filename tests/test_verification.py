"""The ways of verifying beside Standard Webhooks: schemes of HMACs, passwords, signed tokens."""

import base64
import hashlib
import hmac
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.errors import InvalidError, SignatureError
from hub.model.http import Headers, InboundRequest
from hub.model.scheme import Scheme
from hub.model.source import Source
from hub.signature import (
    check_jwt_key,
    key_of,
    sign_scheme,
    verify_basic,
    verify_jwt,
    verify_scheme,
)

BODY = b'{"n":1}'
NOW_S = 1_795_464_000
SECRETS = ("old-secret", "new-secret")


def request(*pairs: tuple[str, str], body: bytes = BODY, **fields: Any) -> InboundRequest:
    url = "https://hub.example/in/shop?a=1"
    return InboundRequest("POST", "", "a=1", Headers(pairs), body, "192.0.2.1", url)


def signed(text: bytes, secret: str = SECRETS[1], algorithm: str = "sha256") -> bytes:
    return hmac.digest(secret.encode(), text, algorithm)


def code_of(scheme: Scheme, sent: InboundRequest, now_s: float = NOW_S) -> str | None:
    """With which code it is refused, if it is."""
    try:
        verify_scheme(scheme, SECRETS, sent, now_s)
    except SignatureError as error:
        shown = any(secret in error.message for secret in SECRETS)
        return "it shows a secret" if shown else error.code
    return None


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("secret", SECRETS)
def test_a_body_is_signed_in_each_way(algorithm: Any, encoding: Any, secret: str) -> None:
    scheme = Scheme(header="X-Sign", algorithm=algorithm, encoding=encoding, prefix="v=")
    digest = signed(BODY, secret, algorithm)
    text = digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()
    assert code_of(scheme, request(("x-sign", f"v={text}"))) is None
    assert code_of(scheme, request(("x-sign", text))) is None
    assert code_of(scheme, request(("x-sign", f"w={text}"))) == "signature_wrong"
    assert code_of(scheme, request(("x-sign", f"v={text}"), body=b"{}")) == "signature_wrong"
    assert code_of(scheme, request(("x-sign", ""))) == "signature_missing"
    assert code_of(scheme, request()) == "signature_missing"


def test_hexadecimal_digits_may_be_large_and_base64_may_not_be_changed() -> None:
    digest = signed(BODY)
    assert code_of(Scheme(header="s"), request(("s", digest.hex().upper()))) is None
    text = base64.b64encode(digest).decode()
    scheme = Scheme(header="s", encoding="base64")
    assert code_of(scheme, request(("s", text.swapcase()))) == "signature_wrong"


def test_one_right_signature_among_several_is_enough() -> None:
    scheme = Scheme(header="s", field="v1")
    right = signed(BODY).hex()
    assert code_of(scheme, request(("s", f"v1={'0' * 64},v1={right},v0={right}"))) is None
    assert code_of(scheme, request(("s", f"v1={'0' * 64}"), ("s", f"v1={right}"))) is None
    assert code_of(scheme, request(("s", f"v0={right}"))) == "signature_missing"
    assert code_of(scheme, request(("s", f"v1={'0' * 64}"))) == "signature_wrong"


STRIPE = Scheme(header="s", field="v1", timestamp_field="t", signed="{timestamp}.{body}")
SLACK = Scheme(header="s", timestamp_header="at", signed="v0:{timestamp}:{body}")
HUBSPOT = Scheme(
    header="s",
    encoding="base64",
    signed="{method}{url}{body}{timestamp}",
    timestamp_header="at",
    timestamp_unit="ms",
)


def stamped(at: str, text: str | None = None) -> InboundRequest:
    """As Stripe sends it; ``text`` is what was signed as the time."""
    digest = signed(f"{text or at}.".encode() + BODY).hex()
    return request(("s", f"t={at},v1={digest}"))


@pytest.mark.parametrize(
    ("at_s", "code"),
    [
        (NOW_S, None),
        (NOW_S - 299, None),
        (NOW_S + 59, None),
        (NOW_S - 301, "timestamp_stale"),
        (NOW_S + 61, "timestamp_future"),
        (NOW_S * 1000, "timestamp_future"),
        (0, "timestamp_stale"),
    ],
)
def test_a_signature_has_its_time(at_s: int, code: str | None) -> None:
    assert code_of(STRIPE, stamped(str(at_s))) == code


@pytest.mark.parametrize("at", ["", "soon", "-5", "1.5", "٣", "9" * 30])
def test_a_time_that_is_none_is_refused(at: str) -> None:
    assert code_of(STRIPE, stamped(at)) == "timestamp_missing"


def test_the_time_is_signed_too() -> None:
    assert code_of(STRIPE, stamped(str(NOW_S), str(NOW_S - 9))) == "signature_wrong"
    at = ("at", str(NOW_S))
    assert code_of(SLACK, request(at, ("s", signed(f"v0:{NOW_S}:".encode() + BODY).hex()))) is None
    assert code_of(SLACK, request(at, ("s", signed(BODY).hex()))) == "signature_wrong"
    assert code_of(SLACK, request(("s", signed(BODY).hex()))) == "timestamp_missing"


def test_method_and_address_may_be_signed_and_the_time_be_milliseconds() -> None:
    at_ms = str(NOW_S * 1000 - 250)
    text = b"POST" + b"https://hub.example/in/shop?a=1" + BODY + at_ms.encode()
    sent = request(("at", at_ms), ("s", base64.b64encode(signed(text)).decode()))
    assert code_of(HUBSPOT, sent) is None
    assert code_of(HUBSPOT, sent, NOW_S + 301) == "timestamp_stale"


@pytest.mark.parametrize(
    ("encoding", "text", "key"),
    [
        ("text", "aGk=", b"aGk="),
        ("base64", "aGk=", b"hi"),
        ("base64", "aGk", b"hi"),
        ("hex", "6869", b"hi"),
        ("text", "ü", "ü".encode()),
    ],
)
def test_a_secret_is_read_as_it_is_written(encoding: Any, text: str, key: bytes) -> None:
    assert key_of(Scheme(header="s", key_encoding=encoding), text) == key


@pytest.mark.parametrize(("encoding", "text"), [("base64", "a!"), ("hex", "6"), ("hex", "zz")])
def test_a_secret_that_cannot_be_read_is_not_repeated(encoding: Any, text: str) -> None:
    with pytest.raises(InvalidError) as caught:
        key_of(Scheme(header="s", key_encoding=encoding), text)
    assert caught.value.code == "secret_invalid"
    assert text not in caught.value.message.split()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"signed": "{timestamp}.{body}"}, "name its place"),
        ({"timestamp_header": "at"}, "counts only if it is signed"),
        ({"signed": "{id}.{body}"}, "id_header belong together"),
        ({"id_header": "x"}, "id_header belong together"),
        ({"signed": "{timestamp}"}, "leaves the {body} out"),
        ({"signed": "{body}{secret}"}, "no piece {secret}"),
        ({"timestamp_field": "t", "signed": "{timestamp}{body}"}, "name that by 'field'"),
        ({"header": "a b"}, "header"),
        ({"algorithm": "md5"}, "algorithm"),
        ({"algorithm": "none"}, "algorithm"),
    ],
)
def test_a_scheme_that_proves_nothing_is_refused(fields: dict[str, Any], says: str) -> None:
    setting = {"mode": "hmac", "header": "s", "secrets": ["x"], **fields}
    with pytest.raises(ValidationError) as caught:
        Source.model_validate({"verify": setting})
    assert says in str(caught.value)


@given(st.lists(st.tuples(st.sampled_from(["s", "at"]), st.text()), max_size=4), st.binary())
def test_whatever_is_sent_is_refused_and_never_breaks(
    pairs: list[tuple[str, str]], body: bytes
) -> None:
    for scheme in (STRIPE, SLACK, HUBSPOT, Scheme(header="s")):
        assert code_of(scheme, request(*pairs, body=body)) is not None


# passwords


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("password", ["first-password", "second: with a colon"])
def test_a_user_with_any_of_the_passwords_may_send(password: str) -> None:
    passwords = ["first-password", "second: with a colon"]
    verify_basic("ada", passwords, basic(f"ada:{password}"))
    verify_basic("ada", passwords, basic(f"ada:{password}").replace("Basic", "basic"))


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "token_missing"),
        ("", "token_missing"),
        ("Basic", "token_missing"),
        ("Bearer abc", "token_missing"),
        (basic("ada:wrong-password"), "token_wrong"),
        (basic("bob:first-password"), "token_wrong"),
        (basic("ada:first-password "), "token_wrong"),
        (basic("first-password"), "token_wrong"),
        ("Basic !!!", "token_wrong"),
        ("Basic /////w==", "token_wrong"),
    ],
)
def test_others_may_not(authorization: str | None, code: str) -> None:
    with pytest.raises(SignatureError) as caught:
        verify_basic("ada", ["first-password"], authorization)
    assert caught.value.code == code
    assert "first-password" not in caught.value.message


# signed tokens

KEY = "a-secret-that-both-sides-know-and-nobody-else"
OTHER = "another-secret-that-is-long-enough-for-this-too"
RSA, EC, ED = (
    rsa.generate_private_key(65537, 2048),
    ec.generate_private_key(ec.SECP256R1()),
    ed25519.Ed25519PrivateKey.generate(),
)


def pem(key: Any) -> str:
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    text: str = public.decode()
    return text


def token(key: Any = KEY, algorithm: str = "HS256", **claims: Any) -> str:
    given = {"exp": time.time() + 60, **claims}
    kept = {name: value for name, value in given.items() if value is not None}
    return "Bearer " + jwt.encode(kept, key, algorithm)


def refusal(sent: str | None, **setting: Any) -> str:
    with pytest.raises(SignatureError) as caught:
        verify_jwt(sent, **(setting or {"secrets": [KEY]}))
    assert KEY not in caught.value.message
    return caught.value.code


def test_a_token_of_any_of_the_keys_is_taken() -> None:
    verify_jwt(token(), secrets=[OTHER, KEY])
    verify_jwt(token(KEY * 2, "HS512"), secrets=[KEY * 2])
    keys = [pem(each) for each in (RSA, EC, ED)]
    for key, algorithm in ((RSA, "RS256"), (RSA, "PS512"), (EC, "ES256"), (ED, "EdDSA")):
        verify_jwt(token(key, algorithm), public_keys=keys)


def test_issuer_and_audience_have_to_fit_where_they_are_asked_for() -> None:
    sent = token(iss="https://id.example", aud=["shop", "app"])
    verify_jwt(sent, secrets=[KEY])
    verify_jwt(sent, secrets=[KEY], issuer="https://id.example", audience="shop")
    assert refusal(sent, secrets=[KEY], issuer="https://evil.example") == "token_wrong"
    assert refusal(sent, secrets=[KEY], audience="bank") == "token_wrong"
    assert refusal(token(), secrets=[KEY], audience="shop") == "token_wrong"


def unsigned() -> str:
    return "Bearer " + jwt.encode({"exp": time.time() + 60}, "", "none")


def with_the_public_key_as_secret() -> str:
    """The mistake of many verifiers: what everybody knows, taken for a secret."""
    head, body = (
        base64.urlsafe_b64encode(part).rstrip(b"=")
        for part in (b'{"alg":"HS256","typ":"JWT"}', b'{"exp":4000000000}')
    )
    digest = hmac.new(pem(RSA).encode(), head + b"." + body, hashlib.sha256).digest()
    mac = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return f"Bearer {(head + b'.' + body + b'.' + mac).decode()}"


def test_what_proves_nothing_is_refused() -> None:
    for sent in (None, "", "Bearer", "Bearer  ", "Token x", "Bearer " + "x" * 20_000):
        assert refusal(sent) == "token_missing"
    for sent in ("Bearer x", "Bearer a.b.c", unsigned(), token(OTHER), token(exp=None)):
        assert refusal(sent) == "token_wrong"
    assert refusal(token(exp=time.time() - 61)) == "token_expired"
    assert refusal(token(nbf=time.time() + 120)) == "token_wrong"
    public = {"public_keys": [pem(RSA)]}
    for sent in (unsigned(), with_the_public_key_as_secret(), token(EC, "ES256")):
        assert refusal(sent, **public) == "token_wrong"


def test_an_expired_token_is_called_so_although_other_keys_do_not_fit_it() -> None:
    assert refusal(token(exp=1), secrets=[OTHER, KEY]) == "token_expired"


def test_keys_are_looked_at_before_they_are_kept() -> None:
    check_jwt_key(KEY, is_public=False)
    check_jwt_key(pem(ED), is_public=True)
    private = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for text, is_public in (("short", False), ("no key", True), (private, True)):
        with pytest.raises(InvalidError) as caught:
            check_jwt_key(text, is_public=is_public)
        assert caught.value.code == "secret_invalid"


@given(
    body=st.binary(max_size=50),
    algorithm=st.sampled_from(["sha1", "sha256", "sha512"]),
    encoding=st.sampled_from(["hex", "base64"]),
    prefix=st.sampled_from(["", "sha256=", "v0="]),
    rest=st.sampled_from(
        [
            {},
            {"signed": "{timestamp}.{body}", "timestamp_header": "X-Time", "timestamp_unit": "ms"},
            {"signed": "{id}:{body}", "id_header": "X-Id"},
            {"signed": "{timestamp}{url}{body}", "field": "v1", "timestamp_field": "t"},
            {"signed": "{method}{path}{body}", "field": "sig", "separator": ";"},
        ]
    ),
)
def test_what_is_signed_after_a_scheme_fits_it(
    body: bytes, algorithm: str, encoding: str, prefix: str, rest: dict[str, str]
) -> None:
    scheme = Scheme.model_validate(
        {"header": "X-Sig", "algorithm": algorithm, "encoding": encoding, "prefix": prefix, **rest}
    )
    bare = request(body=body)
    fields = sign_scheme(scheme, SECRETS[0], bare, NOW_S)
    verify_scheme(scheme, SECRETS, request(*fields, body=body), NOW_S)
    with pytest.raises(SignatureError):
        verify_scheme(scheme, SECRETS[1:], request(*fields, body=body), NOW_S)


def test_further_secrets_sign_where_the_header_names_its_signatures() -> None:
    fields = {"header": "X-Sig", "field": "v1", "timestamp_field": "t"}
    scheme = Scheme.model_validate({**fields, "signed": "{timestamp}.{body}"})
    made = sign_scheme(scheme, SECRETS[0], request(body=b"x"), NOW_S, SECRETS[1:])
    assert dict(made)["X-Sig"].count("v1=") == len(SECRETS) > 1
    for secret in SECRETS:
        verify_scheme(scheme, [secret], request(*made, body=b"x"), NOW_S)
