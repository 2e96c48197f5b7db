"""A token of the owner's own issuer is taken for what it is, and nothing else is."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from hub.bootstrap import Hub
from hub.errors import AccessError, HubError, OutboundError
from hub.model.issuer import member_of, rights_of
from hub.outbound.jwks import Jwks
from hub.signature import token_ends_s
from hub.web.issued import Issued
from tests.issuers import (
    EC,
    ISS,
    OTHER_RSA,
    RSA,
    SECRET,
    Publisher,
    issued,
    jwk,
    pem,
    with_pem_as_secret,
)
from tests.outbound.conftest import serve
from tests.outbound.servers import RawServer, Serve
from tests.outbound.test_oauth import Clock
from tests.web.answers import good

__all__ = ["serve"]

MAY = [{"channels": ["user_{sub}_*"]}]


@pytest.fixture
def published() -> Publisher:
    return Publisher([jwk(RSA, kid="r1", alg="RS256"), jwk(EC, kid="e1")])


@pytest_asyncio.fixture
async def server(serve: Serve, published: Publisher) -> RawServer:
    return await serve(published)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def known(hub: Hub, clock: Clock) -> Issued:
    return Issued(hub.catalog, Jwks(hub.client, clock))


@pytest_asyncio.fixture
async def signin(api: httpx.AsyncClient, server: RawServer) -> dict[str, Any]:
    """An issuer that publishes its keys on a private address."""
    body = {"issuer": ISS, "audience": "shop", "jwks_url": server.url, "allow_private": True}
    return await set_issuer(api, "signin", **body)


async def set_issuer(api: httpx.AsyncClient, slug: str, **body: Any) -> dict[str, Any]:
    shown: dict[str, Any] = good(
        await api.put(f"/v1/issuers/{slug}", json={"may": MAY, **body}), 201
    )
    return shown


async def refusal(known: Issued, token: str) -> HubError:
    with pytest.raises(HubError) as caught:
        await known.claims(token)
    assert not token or token not in caught.value.message
    return caught.value


async def reason(known: Issued, token: str) -> str:
    error = await refusal(known, token)
    assert isinstance(error, AccessError)
    assert error.code == "unauthorized"
    return str(error.details["reason"])


async def test_a_token_says_who_has_it_what_it_is_good_for_and_until_when(
    known: Issued, signin: dict[str, Any], published: Publisher
) -> None:
    ends_s = int(time.time()) + 60
    for key, algorithm, kid in ((RSA, "RS256", "r1"), (EC, "ES256", "e1"), (EC, "ES256", None)):
        token = issued(key, algorithm, kid, sub="ada", exp=ends_s)
        issuer, claims = await known.claims(token)
        assert (issuer.issuer, claims["sub"]) == (ISS, "ada")
        assert [each.channels for each in rights_of(issuer, claims)] == [("user_ada_*",)]
        assert member_of(issuer, claims) == "ada"
        assert token_ends_s(claims) == ends_s + 30
    assert published.asked == 1


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: issued(RSA, "RS256", "r1", exp=time.time() - 31), "token_expired"),
        (lambda: issued(RSA, "RS256", "r1", exp=None), "token_wrong"),
        (lambda: issued(RSA, "RS256", "r1", aud="bank"), "token_wrong"),
        (lambda: issued(RSA, "RS256", "r1", aud=None), "token_wrong"),
        (lambda: issued(RSA, "PS256", "r1"), "token_wrong"),
        (lambda: issued(RSA, "RS256", "e1"), "token_wrong"),
        (lambda: issued(OTHER_RSA, "RS256", "r1"), "token_wrong"),
        (lambda: issued(OTHER_RSA, "RS256"), "token_wrong"),
        (lambda: issued(RSA, "RS256", "unknown"), "token_wrong"),
        (lambda: issued("", "none", "r1"), "token_wrong"),
        (lambda: issued(SECRET, "HS256", "r1"), "token_wrong"),
        (lambda: with_pem_as_secret(RSA), "token_wrong"),
        (lambda: issued(RSA, "RS256", "r1", more="x" * 9000), "token_wrong"),
        (lambda: issued(RSA, "RS256", "r1")[:-4] + "AAAA", "token_wrong"),
        (lambda: "hub_key", "token_wrong"),
        (lambda: "", "token_wrong"),
    ],
    ids=range(16),
)
async def test_a_token_that_its_issuer_would_not_stand_by_is_refused(
    known: Issued, signin: dict[str, Any], make: Callable[[], str], told: str
) -> None:
    assert await reason(known, make()) == told


async def test_an_unknown_issuer_makes_no_request_anywhere(
    known: Issued, api: httpx.AsyncClient, server: RawServer, published: Publisher
) -> None:
    assert await reason(known, issued(RSA, "RS256", "r1")) == "issuer_unknown"
    await set_issuer(api, "signin", issuer=ISS, jwks_url=server.url, allow_private=True)
    for iss in (server.url, ISS + "/", ISS.upper(), "", None, 7, {"a": ISS}, [ISS], True):
        token = issued(RSA, "RS256", "r1", iss=iss)
        assert await reason(known, token) == "issuer_unknown"
    assert (server.connections, published.asked) == (0, 0)
    told = (await refusal(known, issued(iss="https://b.example"))).message
    assert "'https://b.example'" in told
    assert "PUT /v1/issuers/{slug}" in told
    assert len((await refusal(known, issued(iss="x\n" * 2000))).message) < 1000


async def test_an_issuer_that_shares_a_secret_needs_no_name(
    known: Issued, api: httpx.AsyncClient
) -> None:
    await set_issuer(api, "xano", secrets=["an-older-secret-of-32-characters", SECRET])
    for iss in (None, "anything", 7):
        issuer, claims = await known.claims(issued(iss=iss, sub=7))
        assert [each.channels for each in rights_of(issuer, claims)] == [("user_7_*",)]
    for token in (issued(SECRET[::-1]), issued("", "none"), issued(RSA, "RS256")):
        assert await reason(known, token) == "token_wrong"


async def test_keys_in_pem_are_as_good(known: Issued, api: httpx.AsyncClient) -> None:
    await set_issuer(api, "own", issuer=ISS, public_keys=[pem(RSA), pem(EC)])
    for key, algorithm in ((RSA, "RS256"), (EC, "ES256")):
        assert (await known.claims(issued(key, algorithm, "any")))[0].issuer == ISS
    for token in (with_pem_as_secret(RSA), issued(iss="https://b.example", algorithm="HS256")):
        assert await reason(known, token) in ("token_wrong", "issuer_unknown")


async def test_several_issuers_may_have_the_same_name(
    known: Issued, api: httpx.AsyncClient, signin: dict[str, Any], published: Publisher
) -> None:
    """As while a provider goes over from a shared secret to published keys."""
    await set_issuer(api, "a-legacy", issuer=ISS, secrets=[SECRET])
    assert (await known.claims(issued()))[0].secrets == (SECRET,)
    assert (await known.claims(issued(EC, "ES256", "e1")))[0].jwks_url is not None
    assert await reason(known, issued(EC, "ES256", "e1", exp=1)) == "token_expired"
    assert published.asked == 1


async def test_while_one_of_several_gives_no_keys_the_others_count(
    known: Issued, api: httpx.AsyncClient, signin: dict[str, Any], published: Publisher
) -> None:
    published.status = "500 Oh"
    await set_issuer(api, "z-legacy", issuer=ISS, secrets=[SECRET])
    assert (await known.claims(issued()))[0].secrets == (SECRET,)
    assert await reason(known, issued(exp=1)) == "token_expired"
    assert (await refusal(known, issued(EC, "ES256", "e1"))).code == "keys_unavailable"


async def test_what_is_set_or_removed_counts_at_once(known: Issued, api: httpx.AsyncClient) -> None:
    await set_issuer(api, "own", issuer=ISS, secrets=[SECRET])
    await known.claims(issued())
    good(await api.patch("/v1/issuers/own", json={"audience": "bank"}))
    assert await reason(known, issued()) == "token_wrong"
    assert (await api.delete("/v1/issuers/own")).status_code == 204
    assert await reason(known, issued()) == "issuer_unknown"


async def test_where_the_keys_cannot_be_had_the_token_is_not_blamed(
    known: Issued,
    clock: Clock,
    signin: dict[str, Any],
    server: RawServer,
    published: Publisher,
) -> None:
    published.status = "500 Oh"
    token = issued(RSA, "RS256", "r1")
    for _ in range(10):
        error = await refusal(known, token)
        assert isinstance(error, OutboundError)
        assert error.code == "keys_unavailable"
        assert server.url not in error.message
    assert published.asked == 1
    published.status = "200 OK"
    clock.now_s += 11
    await known.claims(token)


async def test_keys_on_a_private_address_are_fetched_only_where_that_is_allowed(
    known: Issued, api: httpx.AsyncClient, server: RawServer
) -> None:
    await set_issuer(api, "signin", issuer=ISS, jwks_url=server.url)
    error = await refusal(known, issued(RSA, "RS256", "r1"))
    assert (error.code, server.connections) == ("keys_unavailable", 0)


async def test_keys_that_are_replaced_at_the_issuer_are_found(
    known: Issued, clock: Clock, signin: dict[str, Any], published: Publisher
) -> None:
    await known.claims(issued(RSA, "RS256", "r1"))
    published.keys = [jwk(OTHER_RSA, kid="r2")]
    fresh = issued(OTHER_RSA, "RS256", "r2")
    assert await reason(known, fresh) == "token_wrong"  # asked a moment ago
    clock.now_s += 61
    found = await asyncio.gather(*(known.claims(fresh) for _ in range(20)))
    assert len(found) == 20
    assert published.asked == 2
    assert await reason(known, issued(RSA, "RS256", "r1")) == "token_wrong"
    assert published.asked == 2
