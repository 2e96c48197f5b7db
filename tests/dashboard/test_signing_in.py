"""Who gets in, how, for how long, and whose forms count."""

import pytest
from structlog.testing import capture_logs

from hub.bootstrap import Hub
from hub.dashboard.sessions import COOKIE, new_link
from hub.dashboard.signing_in import local
from hub.errors import ConflictError
from hub.model.ids import new_id
from hub.model.key import hash_of, new_key
from hub.store.keys import DROP, PUT, NewKey
from hub.web.desk import Desk
from tests.dashboard.conftest import ROOT, Visitor, VisitorOf

PASSWORD = "correct horse battery"


async def _key(hub: Hub, *scopes: str) -> tuple[str, str]:
    text, key_id = new_key(), new_id("key")
    await hub.ledger.write(PUT, NewKey(key_id, "tester", text[:8], hash_of(text), scopes))
    return text, key_id


async def _user(desk: Desk, role: str) -> str:
    wish = {"name": f"{role} ann", "role": role, "password": PASSWORD}
    made = await desk.ask("POST", "/v1/users", body=wish)
    return str(made["id"])


async def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back(
    hub: Hub, stranger: Visitor
) -> None:
    answer = await stranger.client.get("/dashboard/events?fate=dead")
    assert answer.status_code == 303
    where = answer.headers["location"]
    assert where == "/login?next=/dashboard/events%3Ffate%3Ddead"
    assert 'value="/dashboard/events?fate=dead"' in await stranger.see(where)
    key, _ = await _key(hub, "read")
    fields = {"key": key, "next": "/dashboard/events?fate=dead"}
    answer = await stranger.client.post("/login", data=fields)
    assert answer.headers["location"] == "/dashboard/events?fate=dead"
    assert "<h1>Events</h1>" in await stranger.see("/dashboard/events?fate=dead")


async def test_a_part_that_is_asked_for_brings_the_whole_page_to_the_sign_in(
    stranger: Visitor,
) -> None:
    answer = await stranger.client.get("/dashboard/events", headers={"hx-request": "true"})
    assert (answer.status_code, answer.text) == (200, "")
    assert answer.headers["hx-redirect"] == "/login?next=/dashboard/events"


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    hub: Hub, stranger: Visitor
) -> None:
    key, _ = await _key(hub, "read")
    answer = await stranger.client.post("/login", data={"key": key})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    answer = await stranger.client.post("https://hub.test/login", data={"key": key})
    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
async def test_a_name_and_a_password_open_a_session_of_the_role(
    desk: Desk, stranger: Visitor, role: str
) -> None:
    await _user(desk, role)
    fields = {"name": f"{role} ann", "password": PASSWORD}
    answer = await stranger.client.post("/login", data=fields)
    assert answer.status_code == 303
    page = await stranger.see("/dashboard/events")
    assert f"{role} ann" in page
    assert ("/dashboard/keys" in page) == (role == "admin")


@pytest.mark.parametrize(
    "fields",
    [
        {"key": "hub_wrong"},
        {"name": "viewer ann", "password": "wrong"},
        {"name": "nobody", "password": PASSWORD},
        {"name": "viewer ann", "password": "x" * 1000},
        {},
    ],
)
async def test_what_is_wrong_opens_nothing(
    desk: Desk, stranger: Visitor, fields: dict[str, str]
) -> None:
    await _user(desk, "viewer")
    answer = await stranger.client.post("/login", data=fields)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert 'role="alert"' in answer.text


async def test_whoever_gets_it_wrong_too_often_has_to_wait(desk: Desk, stranger: Visitor) -> None:
    await _user(desk, "viewer")
    statuses = [
        (await stranger.client.post("/login", data={"key": f"hub_{n}"})).status_code
        for n in range(31)
    ]
    assert statuses[:30] == [401] * 30
    assert statuses[30] == 429
    fields = {"name": "viewer ann", "password": PASSWORD}
    answer = await stranger.client.post("/login", data=fields)
    assert answer.status_code == 429, "the right one is not looked at either"


async def test_a_link_signs_in_once(hub: Hub, stranger: Visitor) -> None:
    await _key(hub, "admin")
    link = await new_link(hub.ledger, ROOT)
    answer = await stranger.client.get(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "<h1>Overview</h1>" in await stranger.see("/")
    stranger.client.cookies.clear()
    assert "used already" in await stranger.see(link, 401)
    assert COOKIE not in stranger.client.cookies


async def test_a_link_is_no_session_and_a_session_no_link(hub: Hub, visitor: Visitor) -> None:
    link = (await new_link(hub.ledger, ROOT)).partition("link=")[2]
    session = visitor.client.cookies[COOKIE]
    visitor.client.cookies.clear()
    answer = await visitor.client.get("/", headers={"cookie": f"{COOKIE}={link}"})
    assert answer.headers["location"] == "/login"
    await visitor.see(f"/login?link={session}", 401)


async def test_without_an_admin_key_there_is_no_link(hub: Hub) -> None:
    await _key(hub, "read")
    with pytest.raises(ConflictError) as refused:
        await new_link(hub.ledger, ROOT)
    assert refused.value.code == "no_admin_key"


async def test_a_session_ends_with_its_key(hub: Hub, stranger: Visitor) -> None:
    await _key(hub, "admin")
    text, key_id = await _key(hub, "admin")
    await stranger.client.post("/login", data={"key": text})
    await stranger.see("/")
    await hub.ledger.write(DROP, key_id)
    assert (await stranger.client.get("/")).headers["location"] == "/login"


@pytest.mark.parametrize("what", ["removed", "password"])
async def test_a_session_ends_with_its_user_or_its_password(
    desk: Desk, stranger: Visitor, what: str
) -> None:
    user_id = await _user(desk, "operator")
    await stranger.client.post("/login", data={"name": "operator ann", "password": PASSWORD})
    await stranger.see("/")
    if what == "removed":
        await desk.ask("DELETE", "/v1/users/{id}", {"id": user_id})
    else:
        wish = {"password": "another long password"}
        await desk.ask("PATCH", "/v1/users/{id}", {"id": user_id}, body=wish)
    assert (await stranger.client.get("/")).headers["location"] == "/login"


async def test_a_change_of_role_counts_at_once(desk: Desk, stranger: Visitor) -> None:
    user_id = await _user(desk, "admin")
    await stranger.client.post("/login", data={"name": "admin ann", "password": PASSWORD})
    assert "/dashboard/keys" in await stranger.see("/")
    await desk.ask("PATCH", "/v1/users/{id}", {"id": user_id}, body={"role": "viewer"})
    assert "/dashboard/keys" not in await stranger.see("/")


async def test_who_comes_fails_to_and_goes_is_logged(hub: Hub, stranger: Visitor) -> None:
    key, key_id = await _key(hub, "read")
    with capture_logs() as lines:
        await stranger.client.post("/login", data={"key": "hub_wrong"})
        await stranger.client.post("/login", data={"key": key})
        stranger.token = stranger.client.cookies[COOKIE]
        await stranger.send("/dashboard/sign-out")
    told = [each for each in lines if each["event"].startswith("session.")]
    assert [each["event"].partition(".")[2] for each in told] == ["refused", "opened", "closed"]
    refused, opened, closed = told
    assert (refused["reason"], opened["how"], closed["by"]) == ("unauthorized", "key", key_id)
    assert refused["address"] == opened["address"] == "127.0.0.1"
    assert key not in str(lines)


async def test_signing_out_ends_the_session(visitor: Visitor) -> None:
    token = visitor.client.cookies[COOKIE]
    await visitor.send("/dashboard/sign-out")
    assert COOKIE not in visitor.client.cookies
    answer = await visitor.client.get("/", headers={"cookie": f"{COOKIE}={token}"})
    assert answer.headers["location"] == "/login"


@pytest.mark.parametrize("path", ["/dashboard/sign-out", "/dashboard/events/evt_1/replay"])
@pytest.mark.parametrize("csrf", [None, "", "0" * 64, "of another session"])
async def test_a_form_without_its_sessions_token_is_refused(
    visitor: Visitor, visitor_of: VisitorOf, path: str, csrf: str | None
) -> None:
    other = await visitor_of("admin")
    given = other.csrf if csrf == "of another session" else csrf
    answer = await visitor.client.post(path, data={} if given is None else {"csrf": given})
    assert answer.status_code == 403
    assert "not of this session" in answer.text
    await visitor.see("/")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/dashboard/sign-out", "/login"])
async def test_a_form_of_another_site_is_refused(
    visitor: Visitor, path: str, headers: dict[str, str]
) -> None:
    fields = {"csrf": visitor.csrf, "key": "hub_any"}
    answer = await visitor.client.post(path, data=fields, headers=headers)
    assert answer.status_code == 403
    await visitor.see("/")


async def test_a_form_of_a_page_that_tells_no_origin_is_taken(visitor: Visitor) -> None:
    headers = {"origin": "null", "sec-fetch-site": "same-origin"}
    fields = {"csrf": visitor.csrf}
    answer = await visitor.client.post("/dashboard/sign-out", data=fields, headers=headers)
    assert answer.status_code == 303


async def test_whoever_only_looks_can_change_nothing(visitor_of: VisitorOf) -> None:
    viewer = await visitor_of("read")
    await viewer.send(f"/dashboard/events/{new_id('evt')}/replay", 403)


async def test_the_live_token_is_for_whoever_is_signed_in(
    visitor_of: VisitorOf, stranger: Visitor
) -> None:
    assert (await stranger.client.get("/dashboard/live")).status_code == 401
    assert (await (await visitor_of("publish")).client.get("/dashboard/live")).status_code == 403
    told = (await (await visitor_of("read")).client.get("/dashboard/live")).json()
    assert told["token"]
    assert 0 < told["ends_in_s"] <= 900


@pytest.mark.parametrize(
    ("asked", "onward"),
    [
        ("/dashboard/runs?status=failed", "/dashboard/runs?status=failed"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\r\nset-cookie: a=b", "/"),
        ("", "/"),
    ],
)
def test_nobody_is_sent_elsewhere(asked: str, onward: str) -> None:
    assert local(asked) == onward


async def test_every_page_forbids_scripts_of_others_and_frames(visitor: Visitor) -> None:
    for path in ("/", "/login", "/dashboard/events", "/dashboard/nothing"):
        policy = (await visitor.client.get(path)).headers.get("content-security-policy", "")
        if path != "/login":
            assert "script-src 'self'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
