"""Tokens are asked for once, kept while they count, and thrown away when they are not taken."""

import asyncio
from typing import Any

import pytest

from hub.errors import OutboundError
from hub.model.destination import AuthOAuth2
from hub.outbound.client import Client
from hub.outbound.oauth import Reach, Tokens
from tests.outbound.authorization import Authorization, basic_of
from tests.outbound.servers import Serve, hang

REACH = Reach(5.0)


class Clock:
    """Seconds, in the test's hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def credentials(url: str, **more: Any) -> AuthOAuth2:
    return AuthOAuth2(
        **{"mode": "oauth2", "token_url": url, "client_id": "a:b", "client_secret": "s e+c", **more}
    )


async def test_id_and_secret_go_into_the_header_or_into_the_form(
    serve: Serve, client: Client
) -> None:
    asked = Authorization()
    server = await serve(asked)
    tokens = Tokens(client)
    wish = {"scope": "orders read", "audience": "https://api.example"}
    assert await tokens.token("a", credentials(server.url, **wish), REACH) == "token-1"
    assert await tokens.token("b", credentials(server.url, style="body"), REACH) == "token-2"
    assert asked.forms == [
        {"grant_type": "client_credentials", **wish},
        {"grant_type": "client_credentials", "client_id": "a:b", "client_secret": "s e+c"},
    ]
    assert [basic_of(head) for head in asked.heads] == [("a:b", "s e+c"), None]
    assert server.heads[0].startswith(b"POST / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("lasts", "kept_s"), [(3600, 3540), ("3600", 3540), (10, 8), (None, 240), (-5, 240), ("x", 240)]
)
async def test_a_token_is_kept_until_shortly_before_its_end(
    serve: Serve, client: Client, lasts: Any, kept_s: float
) -> None:
    asked, clock = Authorization(lasts), Clock()
    auth = credentials((await serve(asked)).url)
    tokens = Tokens(client, clock)
    assert await tokens.token("a", auth, REACH) == "token-1"
    clock.now_s += kept_s - 0.5
    assert await tokens.token("a", auth, REACH) == "token-1"
    clock.now_s += 1
    assert await tokens.token("a", auth, REACH) == "token-2"


async def test_many_that_want_one_at_once_ask_once(serve: Serve, client: Client) -> None:
    asked = Authorization(delay_s=0.05)
    auth, tokens = credentials((await serve(asked)).url), Tokens(client)
    given = await asyncio.gather(*(tokens.token("a", auth, REACH) for _ in range(50)))
    assert (set(given), asked.asked) == ({"token-1"}, 1)


async def test_a_failure_is_told_to_all_that_waited_and_the_next_one_asks_again(
    serve: Serve, client: Client
) -> None:
    asked = Authorization(delay_s=0.05, status="503 No", said={})
    auth, tokens = credentials((await serve(asked)).url), Tokens(client)
    waiting = [tokens.token("a", auth, REACH) for _ in range(20)]
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert {each.code for each in told if isinstance(each, OutboundError)} == {"token_failed"}
    assert (len(told), asked.asked) == (20, 1)
    asked.status, asked.said = "200 OK", None
    assert await tokens.token("a", auth, REACH) == "token-2"


async def test_whoever_waited_asks_where_the_first_was_cancelled(
    serve: Serve, client: Client
) -> None:
    asked = Authorization(delay_s=0.1)
    auth, tokens = credentials((await serve(asked)).url), Tokens(client)
    first = asyncio.create_task(tokens.token("a", auth, REACH))
    await asyncio.sleep(0.02)
    second = asyncio.create_task(tokens.token("a", auth, REACH))
    await asyncio.sleep(0.02)
    first.cancel()
    assert (await second).startswith("token-")


async def test_a_token_is_forgotten_only_while_it_is_the_one_that_is_kept(
    serve: Serve, client: Client
) -> None:
    auth, tokens = credentials((await serve(Authorization())).url), Tokens(client)
    first = await tokens.token("a", auth, REACH)
    tokens.forget("a", first)
    second = await tokens.token("a", auth, REACH)
    tokens.forget("a", first)  # somebody else's late 401
    tokens.forget("nobody", first)
    assert await tokens.token("a", auth, REACH) == second == "token-2"


async def test_other_credentials_do_not_get_the_token_of_before(
    serve: Serve, client: Client
) -> None:
    url = (await serve(Authorization())).url
    tokens = Tokens(client)
    assert await tokens.token("a", credentials(url), REACH) == "token-1"
    assert await tokens.token("a", credentials(url, client_secret="new"), REACH) == "token-2"


@pytest.mark.parametrize(
    ("status", "said", "code", "says"),
    [
        ("401 No", {"error": "invalid_client"}, "token_refused", "401 invalid_client"),
        (
            "400 No",
            {"error": "invalid_scope", "error_description": "no\r\n orders"},
            "token_refused",
            "400 invalid_scope no orders",
        ),
        ("403 No", {}, "token_refused", "client_id"),
        ("429 Slow", {}, "token_failed", "no token now: 429"),
        ("500 Oh", {"error": 7}, "token_failed", "no token now: 500"),
        ("302 Off", {}, "token_failed", "302"),
        ("200 OK", {}, "token_failed", "access_token"),
        ("200 OK", {"access_token": "a\r\nb: c"}, "token_failed", "access_token"),
        ("200 OK", {"access_token": "x" * 8000}, "token_failed", "access_token"),
        ("200 OK", {"access_token": "x", "token_type": "mac"}, "token_refused", "Bearer"),
    ],
)
async def test_what_is_no_token_is_told_in_a_sentence(
    serve: Serve, client: Client, status: str, said: dict[str, Any], code: str, says: str
) -> None:
    auth = credentials((await serve(Authorization(status=status, said=said))).url)
    with pytest.raises(OutboundError) as caught:
        await Tokens(client).token("a", auth, REACH)
    assert (caught.value.code, caught.value.details) == (code, {"may_have_run": False})
    assert says in caught.value.message
    assert "s e+c" not in caught.value.message


async def test_an_answer_that_is_too_long_or_never_comes_is_a_failure(
    serve: Serve, client: Client
) -> None:
    long = {"access_token": "x", "more": "x" * 70_000}
    auth = credentials((await serve(Authorization(said=long))).url)
    silent = credentials((await serve(hang)).url)
    for each in (auth, silent):
        with pytest.raises(OutboundError) as caught:
            await Tokens(client).token("a", each, Reach(0.3))
        assert caught.value.code == "token_failed"


async def test_the_address_guard_holds_for_authorization_servers_too(
    serve: Serve, strict: Client
) -> None:
    asked = Authorization()
    auth, tokens = credentials((await serve(asked)).url), Tokens(strict)
    with pytest.raises(OutboundError, match="not public") as caught:
        await tokens.token("a", auth, REACH)
    assert (caught.value.code, asked.asked) == ("token_refused", 0)
    assert await tokens.token("a", auth, Reach(5.0, allow_private=True)) == "token-1"
