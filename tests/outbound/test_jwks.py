"""Keys of issuers are fetched once, kept while they count, and asked for with patience."""

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from hub.errors import OutboundError
from hub.outbound import jwks
from hub.outbound.client import Client
from hub.outbound.jwks import Jwks
from tests.issuers import EC, RSA, Publisher, jwk
from tests.outbound.servers import RawServer, Serve, hang, reset
from tests.outbound.test_oauth import Clock

SETS = [jwk(EC, kid="k1")], [jwk(EC, kid="k1"), jwk(RSA, kid="k2")]


@pytest.fixture
async def published() -> Publisher:
    return Publisher(list(SETS[0]))


@pytest.fixture
async def server(serve: Serve, published: Publisher) -> RawServer:
    return await serve(published)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(client: Client, clock: Clock) -> Jwks:
    return Jwks(client, clock)


async def kids(kept: Jwks, url: str, kid: str | None = "k1", **more: Any) -> list[str | None]:
    return [each.kid for each in await kept.keys(url, kid, **more)]


async def missed(kept: Jwks, url: str, kid: str | None = "k1", **more: Any) -> None:
    with pytest.raises(OutboundError) as caught:
        await kept.keys(url, kid, **more)
    assert caught.value.code == "keys_unavailable"
    assert url not in caught.value.message


@pytest.mark.parametrize(
    ("fields", "kept_s"),
    [
        ((), 3600),
        (("Cache-Control: public, max-age=600",), 600),
        (("Cache-Control: max-age=900", "Cache-Control: must-revalidate"), 900),
        (("cache-control: MAX-AGE = 700",), 700),
        (("Cache-Control: max-age=1",), 300),
        (("Cache-Control: max-age=9999999",), 86_400),
        (("Cache-Control: no-store",), 300),
        (("Cache-Control: no-cache, max-age=7200",), 300),
        (("Cache-Control: s-maxage=600, max-age=x",), 3600),
    ],
)
async def test_a_set_is_kept_as_long_as_its_issuer_says_within_bounds(
    kept: Jwks,
    clock: Clock,
    server: RawServer,
    published: Publisher,
    fields: tuple[str, ...],
    kept_s: float,
) -> None:
    published.fields = fields
    assert await kids(kept, server.url) == ["k1"]
    clock.now_s += kept_s - 1
    assert await kids(kept, server.url) == ["k1"]
    assert published.asked == 1
    clock.now_s += 2
    assert await kids(kept, server.url) == ["k1"]
    assert published.asked == 2


async def test_many_that_want_keys_at_once_ask_once(
    kept: Jwks, server: RawServer, published: Publisher
) -> None:
    published.delay_s = 0.05
    found = await asyncio.gather(*(kids(kept, server.url) for _ in range(50)))
    assert found == [["k1"]] * 50
    assert published.asked == 1
    assert server.heads[0].startswith(b"GET / HTTP/1.1\r\n")


async def test_an_unknown_key_has_the_issuer_asked_once_a_minute_at_most(
    kept: Jwks, clock: Clock, server: RawServer, published: Publisher
) -> None:
    assert await kids(kept, server.url) == ["k1"]
    for n in range(20):
        assert await kids(kept, server.url, f"made-up-{n}") == []
    assert published.asked == 1
    clock.now_s += 61
    await asyncio.gather(*(kids(kept, server.url, f"made-up-{n}") for n in range(20)))
    assert await kids(kept, server.url, "made-up") == []
    assert published.asked == 2


async def test_a_new_key_is_found_when_the_first_token_comes_that_names_it(
    kept: Jwks, clock: Clock, server: RawServer, published: Publisher
) -> None:
    assert await kids(kept, server.url) == ["k1"]
    published.keys = list(SETS[1])
    clock.now_s += 61
    assert await kids(kept, server.url) == ["k1"]
    assert published.asked == 1
    assert await kids(kept, server.url, "k2") == ["k2"]
    assert published.asked == 2
    published.keys = [jwk(RSA, kid="k2")]  # k1 was given up
    clock.now_s += 3601
    assert await kids(kept, server.url) == []


async def test_a_token_that_names_no_key_may_be_of_any_and_a_key_without_name_of_any_token(
    kept: Jwks, serve: Serve
) -> None:
    one = await serve(Publisher([jwk(EC)]))
    several = await serve(Publisher(SETS[1]))
    mixed = await serve(Publisher([jwk(EC), jwk(RSA, kid="k2")]))
    assert await kids(kept, one.url, None) == await kids(kept, one.url, "x") == [None]
    assert await kids(kept, several.url, None) == ["k1", "k2"]
    assert await kids(kept, mixed.url, None) == [None, "k2"]
    assert await kids(kept, mixed.url, "k2") == ["k2"]
    assert await kids(kept, mixed.url, "x") == [None]


BAD: dict[str, dict[str, Any]] = {
    "a page": {"body": b"<!doctype html><title>Sign in</title>"},
    "no set": {"body": b'{"issuer": "https://a.example", "jwks_uri": "https://a.example/k"}'},
    "a list": {"body": b"[]"},
    "nothing": {"body": b""},
    "deep": {"body": b'{"keys":' + b"[" * 5000 + b"]" * 5000 + b"}"},
    "huge": {"body": json.dumps({"keys": [], "x": "x" * 262_144}).encode()},
    "many keys": {"keys": [jwk(EC, kid="k1")] * 101},
    "500": {"status": "500 Oh"},
    "404": {"status": "404 No"},
    "204": {"status": "204 Empty", "body": b""},
    "away": {"status": "302 Found", "fields": ("Location: /elsewhere",)},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_what_is_no_set_of_keys_gives_none_and_is_asked_again_after_a_while(
    kept: Jwks,
    clock: Clock,
    server: RawServer,
    published: Publisher,
    bad: dict[str, Any],
) -> None:
    good = {name: getattr(published, name) for name in bad}
    for name, value in bad.items():
        setattr(published, name, value)
    with capture_logs() as told:
        for _ in range(5):
            await missed(kept, server.url)
    assert published.asked == 1
    assert [(each["event"], each["url"]) for each in told] == [("keys.missed", server.url)]
    for name, value in good.items():
        setattr(published, name, value)
    clock.now_s += 11
    assert await kids(kept, server.url) == ["k1"]


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
async def test_an_old_set_counts_for_a_day_while_there_is_no_new_one(
    kept: Jwks,
    clock: Clock,
    server: RawServer,
    published: Publisher,
    bad: dict[str, Any],
) -> None:
    assert await kids(kept, server.url) == ["k1"]
    for name, value in bad.items():
        setattr(published, name, value)
    clock.now_s += 3601
    with capture_logs() as told:
        for _ in range(5):
            assert await kids(kept, server.url) == ["k1"]
        assert published.asked == 2
        clock.now_s += 61
        assert await kids(kept, server.url) == ["k1"]
        assert published.asked == 3
        clock.now_s += 86_400
        await missed(kept, server.url)
    assert [(each["event"], each["old_keys"]) for each in told] == [
        *[("keys.missed", 1)] * 2,
        ("keys.missed", 0),
    ]


async def test_an_answer_that_never_comes_is_not_waited_for_for_ever(
    kept: Jwks, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "_WAIT_S", 0.2)
    for handler in (hang, reset):
        await missed(kept, (await serve(handler)).url)


async def test_while_one_asks_for_newer_keys_the_others_go_on_with_the_old(
    kept: Jwks, clock: Clock, server: RawServer, published: Publisher
) -> None:
    assert await kids(kept, server.url) == ["k1"]
    clock.now_s += 3601
    published.delay_s, published.keys = 0.5, list(SETS[1])
    first = asyncio.create_task(kids(kept, server.url))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(0.3):
        assert await kids(kept, server.url) == ["k1"]
    waits = asyncio.create_task(kids(kept, server.url, "k2"))  # the old set does not have it
    assert await first == ["k1"]
    assert await waits == ["k2"]
    assert published.asked == 2


async def test_whoever_waited_asks_where_the_first_was_cancelled(
    kept: Jwks, server: RawServer, published: Publisher
) -> None:
    published.delay_s = 0.1
    first = asyncio.create_task(kids(kept, server.url))
    await asyncio.sleep(0.02)
    second = asyncio.create_task(kids(kept, server.url))
    await asyncio.sleep(0.02)
    first.cancel()
    assert await second == ["k1"]


async def test_the_address_guard_holds_for_issuers_too(
    strict: Client, server: RawServer, published: Publisher, clock: Clock
) -> None:
    kept = Jwks(strict, clock)
    for url in (server.url, "http://169.254.169.254/keys", "http://10.0.0.1/keys"):
        await missed(kept, url)
    assert published.asked == 0
    assert await kids(kept, server.url, allow_private=True) == ["k1"]
    clock.now_s += 11
    await missed(kept, server.url)  # what one issuer may, another does not get from it
    assert published.asked == 1
    await missed(kept, "http://169.254.169.254/keys", allow_private=True)


async def test_of_many_addresses_the_least_used_are_forgotten(
    kept: Jwks, server: RawServer, published: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "_MOST", 2)
    for path in ("a", "b", "a", "c", "a", "b"):
        await kids(kept, server.url + path)
    asked = [head.split(b" ")[1].decode() for head in server.heads]
    assert asked == ["/a", "/b", "/c", "/b"]
