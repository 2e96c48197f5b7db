"""The pages of keys, users, variables, issuers, the audit, health and one's own account."""

import html
import re

import pytest

from hub.bootstrap import Hub
from hub.dashboard.pages.audit import KINDS
from hub.dashboard.sessions import COOKIE
from hub.model.ids import new_id
from hub.model.key import hash_of
from hub.store.keys import find_key
from hub.web.api import OPERATIONS
from hub.web.desk import Desk
from hub.web.errands import subject
from tests.dashboard.conftest import Visitor, VisitorOf

EVIL = "<script>alert(1)</script>"
PASSWORD = "correct horse battery"
ISSUER = {"issuer": "xano", "secrets": ["s" * 40], "may": [{"channels": ["user_{sub}_*"]}]}
FOR_ADMINS = ("/dashboard/keys", "/dashboard/users", "/dashboard/audit")
FOR_ALL = (
    *("/dashboard/variables", "/dashboard/issuers", "/dashboard/health"),
    "/dashboard/account",
)


def said(page: str) -> str:
    """What the page says was done, or was wrong."""
    found = re.search(r'class="said[^"]*">([^<]+)<|role="alert">\s*<p>(.*?)</p>', page, re.DOTALL)
    assert found, page
    return html.unescape(found[1] or found[2])


@pytest.mark.parametrize("path", [*FOR_ADMINS, *FOR_ALL])
async def test_pages_are_for_whoever_may(visitor_of: VisitorOf, path: str) -> None:
    viewer, admin = await visitor_of("read"), await visitor_of("admin")
    page = await viewer.see(path, 403 if path in FOR_ADMINS else 200)
    assert f'href="{path}"' not in page or path not in FOR_ADMINS
    assert 'aria-current="page"' in await admin.see(path)


async def test_a_key_is_made_shown_this_once_changed_and_revoked(
    visitor: Visitor, hub: Hub, desk: Desk
) -> None:
    wish = {"name": EVIL, "scopes": ["read", "run"], "expires_at": "2999-01-31T10:30"}
    page = (await visitor.send("/dashboard/keys", 200, **wish)).text
    assert EVIL not in page
    (text,) = re.findall(r"<code>(hub_[^<]+)</code>", page)
    assert "data-copy" in page
    found = await hub.ledger.read(find_key, hash_of(text))
    assert found is not None
    assert found.scopes == {"read", "run"}
    for path in ("/dashboard/keys", f"/dashboard/keys/{found.id}"):
        page = await visitor.see(path)
        assert text not in page
        assert EVIL not in page
        assert html.escape(EVIL) in page
    assert 'value="2999-01-31T10:30"' in page
    fields = {"name": "n8n", "scopes": ["read"], "expires_at": "2999-01-31T10:30"}
    assert said(await visitor.do(f"/dashboard/keys/{found.id}", **fields))
    key = await desk.ask("GET", "/v1/keys/{id}", {"id": found.id})
    assert (key["name"], key["scopes"]) == ("n8n", ["read"])
    assert key["expires_at"].startswith("2999-01-31T10:30")
    assert "revoked" in said(await visitor.do(f"/dashboard/keys/{found.id}/revoke"))
    assert await hub.ledger.read(find_key, hash_of(text)) is None
    await visitor.see(f"/dashboard/keys/{found.id}", 404)


async def test_a_wrong_form_of_a_key_keeps_what_was_typed(visitor: Visitor, desk: Desk) -> None:
    wish = {"name": EVIL, "scopes": ["run", "root"], "expires_at": "soon"}
    page = (await visitor.send("/dashboard/keys", 422, **wish)).text
    assert EVIL not in page
    assert f'value="{html.escape(EVIL)}"' in page
    assert 'value="soon"' in page
    assert re.search(r'value="run" checked', page)
    assert "/scopes" in said(page)
    (own,) = (await desk.ask("GET", "/v1/keys"))["items"]
    one = f"/dashboard/keys/{own['id']}"
    page = (await visitor.send(one, 409, name="x", scopes=["read"])).text
    assert "last key" in said(page)
    assert "last key" in said(await visitor.do(f"{one}/revoke"))
    await visitor.send(f"/dashboard/keys/{new_id('key')}", 404, name="x", scopes=["read"])


async def test_a_user_is_added_changed_and_removed(visitor: Visitor, desk: Desk) -> None:
    wish = {"name": f"ann {EVIL}", "role": "viewer", "password": PASSWORD}
    page = await visitor.do("/dashboard/users", **wish)
    assert EVIL not in page
    assert PASSWORD not in page
    (user,) = (await desk.ask("GET", "/v1/users"))["items"]
    one = f"/dashboard/users/{user['id']}"
    assert EVIL not in await visitor.see(one)
    assert "ann is changed." in said(await visitor.do(one, name="ann", role="operator"))
    assert "new password" in said(await visitor.do(f"{one}/password", password=PASSWORD))
    assert (await desk.ask("GET", "/v1/users"))["items"][0]["role"] == "operator"
    for path, fields, word in (
        (one, {"name": "", "role": "viewer"}, "/name"),
        (f"{one}/password", {"password": "short"}, "/password"),
        ("/dashboard/users", {"name": "bob", "role": "root", "password": PASSWORD}, "/role"),
    ):
        page = (await visitor.send(path, 422, **fields)).text
        assert word in said(page)
        assert PASSWORD not in page
    page = (await visitor.send("/dashboard/users", 409, **{**wish, "name": "ann"})).text
    assert "already" in said(page)
    assert 'value="ann"' in page
    assert "removed" in said(await visitor.do(f"{one}/remove"))
    assert "no user" in said(await visitor.do(f"{one}/remove"))
    await visitor.see(one, 404)


async def test_a_variable_is_set_and_a_secret_one_never_shown(
    visitor: Visitor, hub: Hub, desk: Desk
) -> None:
    await visitor.do("/dashboard/variables", name="URL", value=f"\na\n{EVIL}")
    shown = await desk.ask("GET", "/v1/variables/{name}", {"name": "URL"})
    assert shown["value"] == f"\na\n{EVIL}"
    page = await visitor.see("/dashboard/variables/URL")
    assert EVIL not in page
    assert f">\n\na\n{html.escape(EVIL)}</textarea>" in page  # a browser drops the first line end
    page = await visitor.do("/dashboard/variables", name="TOKEN", value="hush", secret="yes")
    assert "hush" not in page + await visitor.see("/dashboard/variables/TOKEN")
    await visitor.do("/dashboard/variables/TOKEN", value="", secret="yes")
    kept = hub.catalog.now.variables["TOKEN"]
    assert (kept.value, kept.secret) == ("hush", True)
    page = (await visitor.send("/dashboard/variables", 400, name="1X", value="v", secret="y")).text
    assert "letters, digits" in said(page)
    assert 'value="1X"' in page
    assert re.search(r'name="secret" value="yes" checked', page)
    assert "TOKEN is removed." in said(await visitor.do("/dashboard/variables/TOKEN/remove"))
    await visitor.see("/dashboard/variables/TOKEN", 404)


async def test_whoever_only_looks_is_offered_no_form(visitor_of: VisitorOf, desk: Desk) -> None:
    await desk.ask("PUT", "/v1/variables/{name}", {"name": "URL"}, body={"value": "x"})
    await desk.ask("PUT", "/v1/issuers/{slug}", {"slug": "auth"}, body=ISSUER)
    viewer = await visitor_of("read")
    for path in ("variables", "variables/URL", "issuers", "issuers/auth"):
        page = await viewer.see(f"/dashboard/{path}")
        assert "<button class=" not in page.partition("<main")[2]
    await viewer.send("/dashboard/variables", 403, name="A", value="b")
    await viewer.send("/dashboard/issuers/auth/remove", 403)


async def test_an_issuer_is_set_by_its_json(visitor: Visitor, desk: Desk) -> None:
    assert "jwks_url" in await visitor.see("/dashboard/issuers")
    text = '{"issuer": "xano", "secrets": ["' + "s" * 40 + '"], "may": [{"channels": ["a"]}]}'
    page = await visitor.do("/dashboard/issuers", slug="auth", text=text)
    assert "s" * 40 not in page
    page = await visitor.see("/dashboard/issuers/auth")
    assert "s" * 40 not in page
    assert "secrets" not in html.unescape(page.partition("<textarea")[2].partition("</text")[0])
    changed = '{"issuer": "xano", "may": [{"channels": ["b"]}]}'  # its secret stays
    assert "auth is set." in said(await visitor.do("/dashboard/issuers/auth", text=changed))
    shown = await desk.ask("GET", "/v1/issuers/{slug}", {"slug": "auth"})
    assert shown["may"][0]["channels"] == ["b"]
    assert len(shown["secrets"]) == 1
    page = (await visitor.send("/dashboard/issuers", 409, slug="auth", text=text)).text
    assert "already" in said(page)
    assert "auth is removed" in said(await visitor.do("/dashboard/issuers/auth/remove"))


@pytest.mark.parametrize(
    ("slug", "text", "status"),
    [
        ("auth", f"{{ {EVIL}", 400),
        ("auth", "[]", 422),
        ("auth", '{"may": []}', 422),
        ("No Slug", '{"may": [{"channels": ["a"]}], "secrets": ["x"]}', 400),
    ],
)
async def test_a_wrong_issuer_is_shown_again(
    visitor: Visitor, desk: Desk, slug: str, text: str, status: int
) -> None:
    page = (await visitor.send("/dashboard/issuers", status, slug=slug, text=text)).text
    assert EVIL not in page
    assert text in html.unescape(page)
    assert said(page)
    assert (await desk.ask("GET", "/v1/issuers"))["items"] == []


async def test_the_audit_shows_what_was_and_what_is(visitor: Visitor, desk: Desk) -> None:
    one = {"name": "URL"}
    await visitor.do("/dashboard/variables", name="URL", value="before")
    await visitor.do("/dashboard/variables", name="URL", value=EVIL)
    await visitor.do("/dashboard/variables", name="TOKEN", value="hush", secret="yes")
    await desk.ask("DELETE", "/v1/variables/{name}", one)
    page = await visitor.see("/dashboard/audit?kind=variable&name=URL")
    assert EVIL not in page
    assert re.search(r"was</span> <del>\s*<code>before</code>", page)
    assert html.escape(EVIL) in page
    assert "removed" in page
    assert "TOKEN" not in page
    assert 'href="/dashboard/variables/URL"' in page
    assert "hush" not in await visitor.see("/dashboard/audit")
    who = re.findall(r'href="/dashboard/audit\?key=(key_[0-9a-f]+)"', page)[0]
    assert "TOKEN" in await visitor.see(f"/dashboard/audit?key={who}")
    page = await visitor.see("/dashboard/audit?kind=variable&since=2999-01-01T00:00")
    assert "Nobody has changed anything like that." in page


@pytest.mark.parametrize("query", ["since=yesterday", "name=URL", "cursor=x"])
async def test_a_wrong_filter_of_the_audit_is_said(visitor: Visitor, query: str) -> None:
    page = await visitor.see(f"/dashboard/audit?{query}", 400)
    assert said(page)
    assert "<h1>Audit</h1>" in page


async def test_the_audit_can_be_chosen_by_every_kind_there_is(visitor: Visitor) -> None:
    given = {name: name for name in ("slug", "name", "id", "table", "task", "channel")}
    writing = [each for each in OPERATIONS if each.method != "GET" and not each.unaudited]
    written = {subject(each.path, given)[0] for each in writing}
    assert written - {*KINDS} == {"account"}  # what is done there is told of the user
    assert list(KINDS) == sorted(KINDS)
    page = await visitor.see("/dashboard/audit?kind=key")
    assert "<option selected>key</option>" in page


async def test_health_tells_what_to_do(visitor: Visitor, hub: Hub, desk: Desk) -> None:
    await desk.ask("PUT", "/v1/sources/{slug}", {"slug": "web"}, body={"verify": {"mode": "none"}})
    page = await visitor.see("/dashboard/health")
    assert "worker missing" in page  # there is none here
    assert "source unverified" in page
    assert "<code>hub up</code>" in page
    assert "HUB_SECRET_KEY" in page
    assert hub.worker in page
    assert 'hx-get="/dashboard/health"' in page
    for lane in ("high", "normal", "low"):
        assert f"<td>{lane}</td>" in page


async def test_one_changes_ones_own_password_and_stays_signed_in(
    stranger: Visitor, desk: Desk, visitor_of: VisitorOf
) -> None:
    wish = {"name": "ann", "role": "viewer", "password": PASSWORD}
    await desk.ask("POST", "/v1/users", body={**wish})
    await stranger.client.post("/login", data={"name": "ann", "password": PASSWORD})
    stranger.token = first = stranger.client.cookies[COOKIE]
    assert 'name="present"' in await stranger.see("/dashboard/account")
    path, fresh = "/dashboard/account/password", "another long password"
    page = (await stranger.send(path, 422, present="wrong", password=fresh)).text
    assert "not your password" in said(page)
    assert fresh not in page
    page = (await stranger.send(path, 422, present=PASSWORD, password="short")).text
    assert "/password" in said(page)
    assert "is changed" in said(await stranger.do(path, present=PASSWORD, password=fresh))
    assert stranger.client.cookies[COOKIE] != first
    stranger.client.cookies.clear()
    answer = await stranger.client.get("/", headers={"cookie": f"{COOKIE}={first}"})
    assert answer.headers["location"] == "/login"
    answer = await stranger.client.post("/login", data={"name": "ann", "password": fresh})
    assert answer.status_code == 303


async def test_a_key_has_no_password_to_change(visitor: Visitor) -> None:
    page = await visitor.see("/dashboard/account")
    assert 'name="present"' not in page
    fields = {"present": "x", "password": PASSWORD}
    page = (await visitor.send("/dashboard/account/password", 409, **fields)).text
    assert "no password" in said(page)
