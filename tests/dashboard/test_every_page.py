"""What holds for every page there is, by the table that they are routed by."""

import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from hub.bootstrap import Hub
from hub.dashboard.pages import PAGES
from hub.dashboard.sessions import COOKIE, Session, Sessions
from hub.dashboard.view import Page
from hub.model.ids import new_id
from hub.model.key import Scope, hash_of, new_key
from hub.store.keys import PUT, NewKey, StoredKey
from hub.web.access import allows
from tests.dashboard.conftest import Visitor, VisitorOf
from tests.program import embedded_hub

MARKUP = '"><script>alert(1)</script>{{ 7 * 7 }}'
FILTERS = "source fate since cursor status name q channel kind key destination task tag state from"


def of(method: str) -> list[Page]:
    return [each for each in PAGES if each.method == method]


def address(page: Page, part: str = "nothing") -> str:
    """Where a page is, of something that there is not."""
    return re.sub(r"\{[^}]+\}", quote(part, safe=""), page.path)


def named(pages: Iterable[Page]) -> list[str]:
    return [f"{each.method} {each.path}" for each in pages]


def test_a_page_has_one_function() -> None:
    assert of("GET")
    assert of("POST")
    assert len(set(named(PAGES))) == len(PAGES)
    assert {each.method for each in PAGES} == {"GET", "POST"}


async def test_a_stranger_is_sent_to_sign_in(stranger: Visitor) -> None:
    for page in PAGES:
        answer = await stranger.client.request(page.method, address(page))
        assert answer.status_code == 303, page
        onward = quote(address(page), safe="/") if page.method == "GET" else "/"
        wanted = "/login" if onward == "/" else f"/login?next={onward}"
        assert answer.headers["location"] == wanted, page
        assert answer.text == ""


async def test_a_form_without_its_token_is_refused(visitor: Visitor) -> None:
    taken = []
    for page in of("POST"):
        for fields in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": visitor.csrf[:-1]}):
            answer = await visitor.client.post(address(page), data=fields)
            if answer.status_code != 403 or "not of this session" not in answer.text:
                taken.append(page)
    assert named(taken) == []


async def test_a_form_of_another_site_is_refused(visitor: Visitor) -> None:
    taken = []
    for page in of("POST"):
        for fields in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            sent = {"csrf": visitor.csrf}
            answer = await visitor.client.post(address(page), data=sent, headers=fields)
            if answer.status_code != 403 or "not of this session" not in answer.text:
                taken.append(page)
    assert named(taken) == []


@pytest.mark.parametrize("scope", [Scope.READ, Scope.PUBLISH, Scope.RUN, Scope.WRITE])
async def test_whoever_has_not_the_scope_is_refused(visitor_of: VisitorOf, scope: Scope) -> None:
    someone = await visitor_of(scope)
    fields = {"csrf": someone.csrf}
    for page in PAGES:
        if not allows([scope], page.scope):
            answer = await someone.client.request(
                page.method, address(page), data=fields if page.method == "POST" else None
            )
            assert answer.status_code == 403, page
            assert page.scope in answer.text
            assert "not of this session" not in answer.text


async def test_a_page_of_nothing_or_of_nonsense_says_so(visitor: Visitor) -> None:
    """Whatever stands in the address: no page breaks, and none writes it as markup."""
    query = "&".join(f"{name}={quote(MARKUP)}" for name in FILTERS.split())
    for page in of("GET"):
        for path in (address(page), address(page, MARKUP), f"{address(page)}?{query}"):
            answer = await visitor.client.get(path)
            assert answer.status_code < 500, (path, answer.text)
            assert "<script>alert" not in answer.text, path
            assert "&gt;49" not in answer.text, path


async def test_a_form_with_nothing_or_nonsense_in_it_says_so(visitor: Visitor) -> None:
    names = f"{FILTERS} slug url body json text value scopes role document"
    full = dict.fromkeys(names.split(), MARKUP)
    for page in of("POST"):
        for fields in ({}, full):
            sent = {"csrf": visitor.csrf, **fields}
            answer = await visitor.client.post(address(page), data=sent)
            assert answer.status_code < 500, (page, answer.text)
            assert "<script>alert" not in answer.text, page


class Browsing:
    """Somebody at a hub that is served as it is."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self.client = client
        self.csrf = Session(token, StoredKey("", "", frozenset())).csrf

    async def answers(self) -> AsyncIterator[httpx.Response]:
        """Of all kinds of pages, of refusals and of what is not there."""
        for path in [*map(address, of("GET")), "/dashboard/nowhere", "/login?link=wrong"]:
            yield await self.client.get(path)
        for page in of("POST"):
            yield await self.client.post(address(page))
            yield await self.client.post(address(page), data={"csrf": self.csrf})
        yield await self.client.post("/login", data={"key": "wrong"})
        yield await self.client.post("/dashboard/sign-out")
        yield await self.client.post("/dashboard/sign-out", data={"csrf": self.csrf})
        for path in ["/login", *map(address, of("GET"))]:  # signed out
            yield await self.client.get(path)


async def signed_in(hub: Hub) -> str:
    text, key_id = new_key(), new_id("key")
    await hub.ledger.write(PUT, NewKey(key_id, "tester", text[:8], hash_of(text), ("admin",)))
    return await Sessions(hub.ledger).open_for(key_id=key_id)


async def test_every_answer_says_what_a_browser_may_do_with_it(tmp_path: Path) -> None:
    async with (
        embedded_hub(tmp_path) as driven,
        httpx.AsyncClient(base_url=driven.base, trust_env=False, timeout=20) as client,
    ):
        assert driven.hub is not None
        token = await signed_in(driven.hub)
        client.cookies.set(COOKIE, token, domain="127.0.0.1")
        seen = set()
        async for answer in Browsing(client, token).answers():
            said, where = answer.headers, (answer.request.method, answer.url)
            seen.add(answer.status_code)
            assert said.get_list("x-content-type-options") == ["nosniff"], where
            assert said.get_list("referrer-policy") == ["no-referrer"], where
            assert "unsafe" not in said["content-security-policy"], where
            if said.get("content-disposition", "").startswith("attachment"):
                continue  # it is saved and not shown
            assert "no-store" in said["cache-control"], where
            policy = dict(
                each.strip().split(" ", 1) for each in said["content-security-policy"].split(";")
            )
            assert policy["default-src"] == "'none'", where
            assert policy["frame-ancestors"] == "'none'", where
            if said.get("content-type", "").startswith("text/html"):
                assert policy["script-src"] == "'self'", where
                assert policy["form-action"] == "'self'", where
                assert policy["base-uri"] == "'none'", where
                assert " style=" not in answer.text, where
                assert "<style" not in answer.text, where
                assert not re.search(r"<script(?! src=\"/)", answer.text), where
                assert not re.search(r"<[^>]*\son[a-z]+=", answer.text), where
        assert {200, 303, 401, 403, 404} <= seen
