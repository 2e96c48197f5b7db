"""Whoever shows wrong keys again and again is looked at no more for a while."""

import httpx
import pytest

from hub.bootstrap import Hub
from hub.errors import AccessError
from hub.model.key import Scope
from hub.model.source import Limit
from hub.store.keys import DROP
from hub.web.access import Access
from hub.web.guesses import WRONG, Guesses
from hub.web.routes import build_routes
from tests.web.answers import good, refused
from tests.web.conftest import ROOT, KeyOf


class Hand:
    """A clock in the test's hand."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


FEW = Limit(requests=3, per_s=30)


def shut(guesses: Guesses, address: str) -> bool:
    """Whether nothing of that address is looked at now."""
    try:
        guesses.check(address)
    except AccessError as error:
        return error.code == "too_many_requests" and error.details["retry_after_s"] >= 1
    return False


def after(times: int, address: str, hand: Hand | None = None) -> Guesses:
    guesses = Guesses(FEW, hand or Hand())
    for _ in range(times):
        guesses.wrong(address)
    return guesses


def test_an_address_is_shut_after_so_many_and_opens_as_time_goes_on() -> None:
    hand = Hand()
    guesses = after(2, "192.0.2.1", hand)
    assert not shut(guesses, "192.0.2.1")
    guesses.wrong("192.0.2.1")
    assert shut(guesses, "192.0.2.1")
    assert not shut(guesses, "192.0.2.2")
    hand.at = 9.9
    assert shut(guesses, "192.0.2.1")
    hand.at = 10
    assert not shut(guesses, "192.0.2.1")


def test_asking_alone_counts_nothing() -> None:
    guesses = after(2, "192.0.2.1")
    assert not any(shut(guesses, "192.0.2.1") for _ in range(100))


def test_more_at_once_than_are_taken_make_it_no_longer() -> None:
    hand = Hand()
    guesses = after(100, "192.0.2.1", hand)
    hand.at = 10
    assert not shut(guesses, "192.0.2.1")


@pytest.mark.parametrize(
    ("wrong", "other", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),  # one network of 64 bits
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "192.0.2.1", False),
        ("proxy", "proxy", True),
        ("192.0.2.1", "192.0.2.01", False),
    ],
)
def test_what_is_counted_together(wrong: str, other: str, is_same: bool) -> None:
    assert shut(after(3, wrong), other) is is_same


async def test_after_many_wrong_keys_an_address_is_told_to_wait(hub: Hub, key_of: KeyOf) -> None:
    app = build_routes(hub)
    known, new = await key_of("read"), await key_of("read")

    def client(address: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app, client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url=ROOT)

    async with client("192.0.2.1") as one, client("192.0.2.2") as other:
        good(await one.get("/v1/sources", headers=known))
        for n in range(WRONG.requests):
            wrong = {"authorization": f"Bearer hub_{n}" + "x" * (n % 2) * 600}
            refused(await one.get("/v1/sources", headers=wrong), 401, "unauthorized")
        for late in ({"authorization": "Bearer hub_wrong"}, new):  # right or wrong: not looked at
            answer = await one.get("/v1/sources", headers=late)
            refused(answer, 429, "too_many_requests")
            assert 1 <= int(answer.headers["retry-after"]) <= 10
        good(await one.get("/v1/sources", headers=known))  # who was let in before still is
        refused(await one.get("/v1/sources"), 401, "unauthorized")  # and nothing shown is no guess
        good(await other.get("/v1/sources", headers=new))


async def test_no_key_at_all_is_no_guess(api: httpx.AsyncClient) -> None:
    for _ in range(WRONG.requests + 5):
        for header in ("", "Bearer", "Basic aHViOmh1Yg=="):
            answer = await api.get("/v1/sources", headers={"authorization": header})
            refused(answer, 401, "unauthorized")


async def test_a_key_that_was_revoked_is_a_guess_like_any_other(hub: Hub, key_of: KeyOf) -> None:
    access = Access(hub.ledger, remember_s=0, guesses=Guesses(FEW, Hand()))
    header = (await key_of("read"))["authorization"]
    key = await access.find(header, "192.0.2.1")
    assert key.scopes == {Scope.READ}
    await hub.ledger.write(DROP, key.id)
    codes = []
    for _ in range(4):
        with pytest.raises(AccessError) as caught:
            await access.find(header, "192.0.2.1")
        codes.append(caught.value.code)
    assert codes == ["unauthorized"] * 3 + ["too_many_requests"]
