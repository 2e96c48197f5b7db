"""What issuers are, which of their published keys count, and what their tokens are good for."""

import base64
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.errors import InvalidError, SignatureError
from hub.model.channel import Can, allows
from hub.model.issuer import Issuer, member_of, rights_of
from hub.signature import (
    TokenKey,
    published_keys,
    token_ends_s,
    token_keys,
    unverified,
    verify_token,
)
from tests.issuers import (
    EC,
    OTHER_RSA,
    RSA,
    SECRET,
    by_hand,
    issued,
    jwk,
    jwk_of,
    pem,
    with_pem_as_secret,
)

ED = ed25519.Ed25519PrivateKey.generate()
LISTEN = [{"channels": ["news"]}]


def keys(*jwks: Any) -> tuple[TokenKey, ...]:
    return published_keys({"keys": list(jwks)})


def refusal(token: str, given: Any, **wanted: Any) -> str:
    with pytest.raises(SignatureError) as caught:
        verify_token(token, given, **wanted)
    assert len(token) < 8 or token not in caught.value.message  # a shorter one is in any sentence
    return caught.value.code


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        (RSA, ("RS256", "RS512", "PS256", "PS384")),
        (EC, ("ES256",)),
        (ec.generate_private_key(ec.SECP384R1()), ("ES384",)),
        (ec.generate_private_key(ec.SECP521R1()), ("ES512",)),
        (ED, ("EdDSA",)),
    ],
    ids=["RSA", "P-256", "P-384", "P-521", "Ed25519"],
)
def test_a_published_key_verifies_by_all_that_its_kind_is_for(
    key: Any, algorithms: tuple[str, ...]
) -> None:
    for algorithm in algorithms:
        token = issued(key, algorithm, sub="ada")
        assert verify_token(token, keys(jwk(key)))["sub"] == "ada"


def test_a_published_key_keeps_to_its_own_algorithm() -> None:
    only = keys(jwk(RSA, alg="RS256"))
    verify_token(issued(RSA, "RS256"), only)
    assert refusal(issued(RSA, "PS256"), only) == "token_wrong"
    assert refusal(issued(RSA, "RS512"), only) == "token_wrong"


P384 = ec.generate_private_key(ec.SECP384R1())
IGNORED: dict[str, Any] = {
    "a secret": {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldC1z"},
    "a secret that calls itself RS256": {"kty": "oct", "k": "c2VjcmV0LXNlY3JldA", "alg": "RS256"},
    "a public key for HS256": jwk(RSA, alg="HS256"),
    "no algorithm": jwk(RSA, alg="none"),
    "another kind's algorithm": jwk(EC, alg="RS256"),
    "another curve's algorithm": jwk(P384, alg="ES256"),
    "an algorithm that is no text": jwk(RSA, alg=["RS256"]),
    "a curve that is no text": {**jwk(EC), "crv": {"P-256": 1}},
    "an unknown curve": {**jwk(EC), "crv": "secp256k1"},
    "a point off the curve": {**jwk(EC), "x": jwk(EC)["y"]},
    "for encryption": jwk(RSA, use="enc"),
    "for signing alone": jwk(RSA, key_ops=["sign"]),
    "operations that are no list": jwk(RSA, key_ops="verify"),
    "a private key": jwk_of(RSA),
    "one that is too weak": jwk(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - that is the point
    "one without its number": {"kty": "RSA", "e": "AQAB"},
    "numbers that are none": {"kty": "RSA", "n": 7, "e": None},
    "letters of no alphabet": {"kty": "RSA", "n": "é!", "e": "AQAB"},
    "an unknown kind": {"kty": "XYZ"},
    "a kind that is no text": {"kty": 7},
    "no kind": {},
    "no object": "key",
}


@pytest.mark.parametrize("given", IGNORED.values(), ids=IGNORED)
def test_what_no_signature_is_checked_with_is_passed_over(given: Any) -> None:
    assert keys(given) == ()
    (kept,) = keys(given, jwk(EC, kid="good"))
    assert kept.kid == "good"


def test_a_key_s_own_words_that_allow_it_are_heard() -> None:
    assert len(keys(jwk(RSA, use="sig", key_ops=["verify"]), jwk(EC, kid=7))) == 2
    assert [each.kid for each in keys(jwk(EC, kid=7))] == [None]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "no set of keys"),
        ({}, "no set of keys"),
        ({"keys": {}}, "no set of keys"),
        ({"issuer": "https://a.example", "jwks_uri": "https://a.example/keys"}, "jwks_uri"),
        ({"keys": [jwk(EC)] * 101}, "101 keys; the hub takes 100"),
    ],
)
def test_what_is_no_set_of_keys_is_told(document: Any, says: str) -> None:
    with pytest.raises(InvalidError, match=says) as caught:
        published_keys(document)
    assert caught.value.code == "keys_invalid"


def test_nobody_mistakes_a_public_key_for_a_secret() -> None:
    """By a key set or in PEM, whatever the token says of itself."""
    for held in (keys(jwk(RSA)), token_keys(public_keys=[pem(RSA)])):
        verify_token(issued(RSA, "RS256"), held)
        for token in (
            with_pem_as_secret(RSA),
            issued(SECRET, "HS256"),
            issued("", "none"),
            by_hand({"alg": "RS256"}, pem(RSA)),
            by_hand({}),
        ):
            assert refusal(token, held) == "token_wrong"
    for token in (issued("", "none"), issued(RSA, "RS256")):
        assert refusal(token, token_keys([SECRET])) == "token_wrong"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: issued(exp=time.time() - 61), "token_expired"),
        (lambda: issued(exp=None), "token_wrong"),
        (lambda: issued(exp="soon"), "token_wrong"),
        (lambda: issued(exp=float("inf")), "token_wrong"),
        (lambda: issued(nbf=time.time() + 120), "token_wrong"),
        (lambda: issued(iss="https://b.example"), "token_wrong"),
        (lambda: issued(iss="https://a.example/"), "token_wrong"),
        (lambda: issued(iss=None), "token_wrong"),
        (lambda: issued(aud="bank"), "token_wrong"),
        (lambda: issued(aud=None), "token_wrong"),
        (lambda: issued(aud={"shop": 1}), "token_wrong"),
        (lambda: issued(OTHER_RSA, "RS256"), "token_wrong"),
        (lambda: issued(more="x" * 9000), "token_wrong"),
        (lambda: "a.b.c", "token_wrong"),
        (lambda: "é" * 40, "token_wrong"),
        (lambda: "\udc80.\udc80.\udc80", "token_wrong"),
        (lambda: "", "token_wrong"),
    ],
)
def test_a_token_that_does_not_fit_is_refused(make: Callable[[], str], code: str) -> None:
    wanted = {"issuer": "https://a.example", "audience": "shop"}
    given = [*token_keys([SECRET]), *keys(jwk(RSA))]
    verify_token(issued(), given, **wanted)
    verify_token(issued(aud=["app", "shop"]), given, **wanted)
    assert refusal(make(), given, **wanted) == code


def test_a_token_for_which_there_is_no_key_is_refused() -> None:
    assert refusal(issued(), ()) == "token_wrong"


def test_an_expired_token_is_called_so_although_other_keys_are_of_another_kind() -> None:
    token = issued(EC, "ES256", exp=1)
    assert refusal(token, keys(jwk(RSA, alg="RS256"), jwk(EC))) == "token_expired"
    assert refusal(token, token_keys(public_keys=[pem(RSA), pem(EC)])) == "token_expired"


def test_a_token_is_read_before_it_is_verified_to_find_its_keys() -> None:
    header, claims = unverified(issued(EC, "ES256", "k1", iss="https://c.example"))
    assert (header["kid"], claims["iss"]) == ("k1", "https://c.example")
    deep = jwt.api_jws.encode(b"[" * 3000, SECRET)
    numbered = by_hand({"alg": "HS256", "kid": 7})
    critical = by_hand({"alg": "HS256", "crit": ["x" * 3000]})
    for token in ("", "x", "a.b.c", deep, "é.é.é", issued(more="x" * 9000), numbered, critical):
        with pytest.raises(SignatureError) as caught:
            unverified(token)
        assert caught.value.code == "token_wrong"
        assert len(caught.value.message) < 300


def test_a_token_ends_when_it_is_no_longer_taken() -> None:
    at_s = int(time.time())
    assert token_ends_s({"exp": at_s}) == at_s + 30
    verify_token(issued(exp=at_s - 25), token_keys([SECRET]))
    assert refusal(issued(exp=at_s - 31), token_keys([SECRET])) == "token_expired"


# what people set


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "'secrets' is missing"),
        ({"issuer": "https://a.example"}, "'secrets' is missing"),
        ({"jwks_url": "https://a.example/keys"}, "give 'issuer' too"),
        ({"secrets": [SECRET], "public_keys": [pem(RSA)]}, "Give one of"),
        ({"secrets": [SECRET], "jwks_url": "https://a.example", "issuer": "a"}, "Give one of"),
        ({"secrets": [SECRET], "may": []}, "at least 1"),
        ({"secrets": [SECRET], "may": [{"channels": ["user {sub}"]}]}, "no channel or pattern"),
        ({"secrets": [SECRET], "member": "a b"}, "pattern"),
        ({"secrets": [SECRET], "iss": "a"}, "Extra"),
    ],
)
def test_an_issuer_that_cannot_be_used_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Issuer.model_validate({"may": LISTEN, **given})


def good_for(channels: list[str], claims: dict[str, Any], *can: str) -> Callable[[str], bool]:
    issuer = Issuer.model_validate(
        {"secrets": [SECRET], "may": [{"channels": channels, "can": can or ["subscribe"]}]}
    )
    rights = rights_of(issuer, claims)
    return lambda channel: allows(rights, Can.SUBSCRIBE, channel)


def test_claims_say_which_channels_a_token_is_good_for() -> None:
    claims = {"sub": "ada", "app_metadata": {"team": 7}, "https://a.example/org": "blue"}
    may = good_for(
        ["user_{sub}_*", "team.{app_metadata.team}", "{https://a.example/org}:news", "all"], claims
    )
    good = ("user_ada_orders", "team.7", "blue:news", "all")
    assert [may(each) for each in good] == [True] * 4
    assert [may(each) for each in ("user_bob_orders", "team.8", "red:news", "a")] == [False] * 4


@pytest.mark.parametrize(
    "value",
    [
        *("*", "a*", "", "a b", "a|b", "{sub}", "é", "a\n", "x" * 300),
        *(True, False, None, 1.5, ["ada"], {"a": "b"}),
    ],
    ids=repr,
)
def test_a_claim_that_no_channel_s_name_can_hold_means_nothing(value: Any) -> None:
    may = good_for(["user_{sub}", "{app.team}"], {"sub": value, "app": {"team": value}})
    for channel in ("user_ada", "user_", "user_*", "user_a", "user_True", "a", "", "user_1.5"):
        assert not may(channel)
    assert not good_for(["user_{sub}_*"], {})("user__x")
    assert not good_for(["{app.team.name}"], {"app": {"team": "blue"}})("blue")


def test_a_claim_with_a_dot_is_no_way_into_another_one() -> None:
    assert good_for(["t_{a.b}"], {"a.b": "flat", "a": {"b": "deep"}})("t_flat")
    assert good_for(["t_{a.b}"], {"a": {"b": "deep"}})("t_deep")
    assert good_for(["t_{sub}"], {"sub": "a.b", "a": {"b": "deep"}})("t_a.b")


def test_no_claim_leads_to_what_the_hub_itself_says() -> None:
    for value, channels in (
        ("deliveries", ["{sub}"]),
        ("ies", ["deliver{sub}"]),
        ("runs", ["{sub}.*"]),
        ("runs.run_1", ["{sub}", "{sub}*"]),
        ("presence", ["{sub}.room"]),
        ("s.run", ["run{sub}_1"]),
    ):
        may = good_for([*channels, "fine.{sub}"], {"sub": value})
        names = ("deliveries", "runs.run_1", "presence.room", "runs.*")
        assert [may(each) for each in names] == [False] * 4
        assert may(f"fine.{value}")
    assert good_for(["runs.{sub}"], {"sub": "run_1"})("runs.run_1")
    assert good_for(["deliveries"], {})("deliveries")


def test_rights_are_for_what_they_say_and_nothing_else() -> None:
    issuer = Issuer.model_validate(
        {
            "secrets": [SECRET],
            "may": [
                {"channels": ["a_{sub}"]},
                {"channels": ["b_{sub}", "c_{none}"], "can": ["publish", "presence"]},
                {"channels": ["d_{none}"], "can": ["publish"]},
            ],
        }
    )
    rights = rights_of(issuer, {"sub": "x"})
    assert [(each.channels, each.can) for each in rights] == [
        (("a_x",), (Can.SUBSCRIBE,)),
        (("b_x",), (Can.PUBLISH, Can.PRESENCE)),
    ]


@pytest.mark.parametrize(
    ("path", "claims", "member"),
    [
        ("sub", {"sub": "auth0|7"}, "auth0|7"),
        ("sub", {"sub": 7}, "7"),
        ("user.id", {"user": {"id": "ada"}}, "ada"),
        ("user.id", {"user.id": "flat", "user": {"id": "ada"}}, "flat"),
        ("sub", {}, None),
        ("sub", {"sub": True}, None),
        ("sub", {"sub": ""}, None),
        ("sub", {"sub": "a\nb"}, None),
        ("sub", {"sub": "x" * 201}, None),
        ("sub", {"sub": {"id": 7}}, None),
        ("user.id", {"user": "ada"}, None),
    ],
)
def test_a_claim_names_the_member(path: str, claims: dict[str, Any], member: str | None) -> None:
    issuer = Issuer.model_validate({"secrets": [SECRET], "may": LISTEN, "member": path})
    assert member_of(issuer, claims) == member


_TEXT = st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "AQAB", "sig"]) | st.text()
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)
_FIELDS = st.sampled_from(["kty", "crv", "n", "e", "x", "y", "k", "alg", "use", "key_ops", "kid"])


@given(st.lists(st.dictionaries(_FIELDS, _JSON) | _JSON, max_size=3), _JSON)
def test_whatever_is_published_is_read_or_refused(found: list[Any], document: Any) -> None:
    good = jwk(EC, kid="good")
    changed = [{**good, **each} for each in found if isinstance(each, dict)]
    assert keys(*found, *changed, good)[-1].kid == "good"
    with pytest.raises(InvalidError):
        published_keys(document)


@given(st.text() | st.lists(_JSON, min_size=3, max_size=3))
def test_whatever_is_sent_as_a_token_is_refused(sent: Any) -> None:
    if isinstance(sent, list):
        parts = (json.dumps(each).encode("utf-8", "surrogatepass") for each in sent)
        sent = ".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts)
    assert refusal(sent, [*token_keys([SECRET]), *keys(jwk(RSA))]) == "token_wrong"
    with suppress(SignatureError):
        unverified(sent)
