"""Signing in with an identity provider: who is let in, as whom, and what is not believed."""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from redis.asyncio import Redis

from hub.bootstrap import Hub, open_hub
from hub.dashboard.app import build_dashboard
from hub.dashboard.elsewhere import COOKIE as BEGUN
from hub.dashboard.elsewhere import PATH, role_of
from hub.dashboard.sessions import COOKIE
from hub.errors import SettingsError
from hub.model.user import Role
from hub.outbound.oidc import CALLBACK
from hub.settings import Settings, load_settings
from hub.valkey import EmbeddedValkey
from hub.web.access import Access
from hub.web.desk import Desk
from tests.dashboard.conftest import ROOT, Visitor
from tests.databases import prepare
from tests.identity import CLIENT, CLIENT_SECRET, IdentityProvider, identity_provider
from tests.issuers import OTHER_RSA, SECRET

ROLES = ("hub admins=admin", "ops=operator", "staff=viewer")


@dataclass
class Scene:
    """A hub with a provider, and a browser in front of it."""

    hub: Hub
    desk: Desk
    provider: IdentityProvider
    visitor: Visitor

    async def go(self, path: str = PATH) -> str:
        """Begin, sign in at the provider; gives where that sends the browser back to."""
        answer = await self.visitor.client.get(path)
        assert answer.status_code == 303, answer.text
        where = answer.headers["location"]
        assert where.startswith(f"{self.provider.issuer}/authorize?")
        async with httpx.AsyncClient(trust_env=False) as browser:
            return str((await browser.get(where)).headers["location"])

    async def sign_in(self, path: str = PATH) -> httpx.Response:
        """All of it."""
        return await self.visitor.client.get(await self.go(path))

    async def refused(self, status: int = 401) -> str:
        """All of it, in vain; gives the page."""
        answer = await self.sign_in()
        assert answer.status_code == status
        assert COOKIE not in self.visitor.client.cookies
        assert (await self.desk.ask("GET", "/v1/users"))["items"] == []
        return answer.text


@pytest_asyncio.fixture
async def scene(tmp_path: Path, valkey: EmbeddedValkey, redis: Redis) -> AsyncIterator[Scene]:
    """A provider whose one person is of the staff, and nobody signed in."""
    prepare(None, tmp_path)
    async with identity_provider(f"{ROOT}{CALLBACK}") as provider:
        settings = Settings(
            data=tmp_path,
            public_url=ROOT,
            oidc_issuer=provider.issuer,
            oidc_client_id=CLIENT,
            oidc_client_secret=SecretStr(CLIENT_SECRET),
            oidc_roles=ROLES,
            oidc_name="Example <Login>",
            outbound_allow=("127.0.0.0/8",),
        )
        async with open_hub(settings, valkey.url) as hub:
            access = Access(hub.ledger)
            transport = httpx.ASGITransport(build_dashboard(hub, access))
            async with httpx.AsyncClient(transport=transport, base_url=ROOT) as client:
                yield Scene(hub, Desk(hub, access), provider, Visitor(client, None))


async def test_whoever_the_provider_knows_is_let_in_with_their_role(scene: Scene) -> None:
    page = await scene.visitor.see("/login?next=/dashboard/events")
    assert "Sign in with Example &lt;Login&gt;" in page
    assert f'href="{PATH}?next=%2Fdashboard%2Fevents"' in page
    scene.provider.claims |= {"preferred_username": "ann", "groups": ["x", "staff", "ops"]}
    answer = await scene.sign_in(f"{PATH}?next=/dashboard/events")
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/events")
    assert BEGUN not in scene.visitor.client.cookies
    assert "ann" in await scene.visitor.see("/dashboard/events")
    (user,) = (await scene.desk.ask("GET", "/v1/users"))["items"]
    assert (user["name"], user["role"]) == ("ann", "operator")
    assert user["issuer"] == scene.provider.issuer
    (row, *_) = (await scene.desk.ask("GET", "/v1/audit", query={"kind": "user"}))["items"]
    assert (row["by"], row["operation"]) == (
        {"kind": "user", "id": user["id"], "name": "ann"},
        f"GET {CALLBACK}",
    )


async def test_the_same_person_is_the_same_user_with_what_the_provider_says_now(
    scene: Scene,
) -> None:
    scene.provider.claims |= {"email": "ann@example.com", "groups": "hub admins"}
    await scene.sign_in()
    assert "/dashboard/keys" in await scene.visitor.see("/")
    (before,) = (await scene.desk.ask("GET", "/v1/users"))["items"]
    scene.provider.claims |= {"preferred_username": "ann", "groups": "staff"}
    await scene.sign_in()
    (after,) = (await scene.desk.ask("GET", "/v1/users"))["items"]
    assert (before["name"], after["name"]) == ("ann@example.com", "ann")
    assert (before["role"], after["role"]) == ("admin", "viewer")
    assert before["id"] == after["id"]
    scene.provider.claims |= {"sub": "u-2"}  # who is called the same, and is somebody else
    await scene.sign_in()
    names = [each["name"] for each in (await scene.desk.ask("GET", "/v1/users"))["items"]]
    assert names[1] == "ann"
    assert names[0].startswith("ann (usr_")


async def test_who_has_no_role_any_more_is_out_at_once(scene: Scene) -> None:
    await scene.sign_in()
    session = scene.visitor.client.cookies[COOKIE]
    scene.provider.claims["groups"] = ["others"]
    answer = await scene.sign_in()
    assert answer.status_code == 403
    assert "no role" in answer.text
    scene.visitor.client.cookies.set(COOKIE, session, domain="hub.test")
    assert (await scene.visitor.client.get("/")).headers["location"] == "/login"


async def test_such_a_user_has_no_password_here(scene: Scene) -> None:
    scene.provider.claims["name"] = "ann"
    await scene.sign_in()
    scene.visitor.client.cookies.clear()
    for password in ("", "correct horse battery"):
        answer = await scene.visitor.client.post(
            "/login", data={"name": "ann", "password": password}
        )
        assert answer.status_code == 401
    (user,) = (await scene.desk.ask("GET", "/v1/users"))["items"]
    wish = {"password": "correct horse battery"}
    with pytest.raises(Exception, match="provider") as refusal:
        await scene.desk.ask("PATCH", "/v1/users/{id}", {"id": user["id"]}, body=wish)
    assert refusal.value.code == "user_elsewhere"  # type: ignore[attr-defined]
    await scene.desk.ask("DELETE", "/v1/users/{id}", {"id": user["id"]})
    await scene.sign_in()
    (again,) = (await scene.desk.ask("GET", "/v1/users"))["items"]
    assert again["id"] != user["id"]


WRONG: dict[str, Callable[[IdentityProvider], dict[str, Any]]] = {
    "another sign-in's nonce": lambda _: {"nonce": "x" * 43},
    "no nonce": lambda _: {"nonce": None},
    "another client's": lambda _: {"aud": "another"},
    "for several": lambda _: {"aud": [CLIENT, "another"]},
    "for several, by another": lambda _: {"aud": [CLIENT, "another"], "azp": "another"},
    "another issuer's": lambda given: {"iss": f"{given.issuer}/"},
    "expired": lambda _: {"exp": time.time() - 60},
    "without end": lambda _: {"exp": None},
    "of nobody": lambda _: {"sub": None},
    "of a number": lambda _: {"sub": 1},
    "of too much": lambda _: {"sub": "x" * 256},
    "of a sign that is none": lambda _: {"sub": "a\ud800"},
}


async def test_a_token_that_is_not_this_sign_ins_opens_nothing(scene: Scene) -> None:
    claims = scene.provider.claims
    for name, wrong in WRONG.items():
        scene.provider.claims = {**claims, **wrong(scene.provider)}
        assert "is not taken" in await scene.refused(), name


async def test_a_token_that_another_has_signed_opens_nothing(scene: Scene) -> None:
    for key, algorithm in ((OTHER_RSA, "RS256"), (SECRET, "HS256"), ("", "none")):
        scene.provider.key, scene.provider.algorithm = key, algorithm
        assert "is not taken" in await scene.refused(), algorithm


async def test_who_has_no_role_is_not_let_in(scene: Scene) -> None:
    for groups in (None, [], ["others"], ["*"], {"staff": True}, 5, "Staff"):
        scene.provider.claims |= {"groups": groups, "name": "<b>ann</b>\u202e"}
        page = await scene.refused(403)
        assert "knows you, &lt;b&gt;ann&lt;/b&gt;, and gives you no role" in page, groups


async def test_a_state_of_another_sign_in_opens_nothing(scene: Scene) -> None:
    back = await scene.go()
    elsewhere = httpx.AsyncClient(transport=scene.visitor.client._transport, base_url=ROOT)
    for url in (back, f"{CALLBACK}?code=x", CALLBACK, f"{CALLBACK}?code=x&state=%00%ff"):
        answer = await elsewhere.get(url)  # another browser, which began nothing
        assert answer.status_code == 401
        assert "did not begin in this browser" in answer.text
        assert COOKIE not in elsewhere.cookies
    other = await scene.go()  # which takes the place of the first
    for url in (back, other.replace("code=", "code=x&state=wrong&c=")):
        assert (await scene.visitor.client.get(url)).status_code == 401
    assert "POST /token" not in scene.provider.asked


async def test_a_code_works_once(scene: Scene) -> None:
    back = await scene.go()
    begun = scene.visitor.client.cookies[BEGUN]
    assert (await scene.visitor.client.get(back)).status_code == 303
    scene.visitor.client.cookies.clear()
    assert (await scene.visitor.client.get(back)).status_code == 401
    scene.visitor.client.cookies.set(BEGUN, begun, domain="hub.test")
    answer = await scene.visitor.client.get(back)
    assert answer.status_code == 401
    assert "used already" in answer.text
    assert COOKIE not in scene.visitor.client.cookies


async def test_what_the_provider_refuses_is_told_as_text(scene: Scene) -> None:
    scene.provider.refuses = "<script>alert(1)</script>\n"
    page = await scene.refused()
    assert "access_denied &lt;script&gt;alert(1)&lt;/script&gt;." in page


async def test_another_providers_answer_is_not_taken(scene: Scene) -> None:
    back = await scene.go()
    answer = await scene.visitor.client.get(f"{back}&iss=https://evil.example")
    assert answer.status_code == 401
    assert "POST /token" not in scene.provider.asked


async def test_a_provider_that_says_nonsense_of_itself_is_not_asked(scene: Scene) -> None:
    for said in (
        {"issuer": "https://evil.example"},
        {"token_endpoint": "ftp://evil.example/"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
    ):
        scene.provider.said = said
        answer = await scene.visitor.client.get(PATH)
        assert answer.status_code == 502, said
        assert "cannot be asked at the moment" in answer.text
        assert "evil" not in answer.text


async def test_a_provider_that_is_down_keeps_nobody_else_out(scene: Scene) -> None:
    back = await scene.go()
    scene.provider.is_down = True
    answer = await scene.visitor.client.get(back)
    assert answer.status_code == 502
    assert 'name="key"' in answer.text, "the other ways in are there"
    scene.provider.is_down = False
    assert (await scene.sign_in()).status_code == 303


async def test_an_answer_without_a_token_opens_nothing(scene: Scene) -> None:
    for said, status in (({}, 502), ({"id_token": 5}, 502), ({"id_token": "no token"}, 401)):
        scene.provider.token_answer = said
        await scene.refused(status)


async def test_a_provider_that_takes_the_secret_in_the_form_gets_it_there(scene: Scene) -> None:
    scene.provider.methods = ["client_secret_post"]
    assert (await scene.sign_in()).status_code == 303


async def test_nobody_is_sent_elsewhere(scene: Scene) -> None:
    answer = await scene.sign_in(f"{PATH}?next=https://evil.example/")
    assert answer.headers["location"] == "/"


async def test_without_a_provider_there_is_no_such_way(stranger: Visitor) -> None:
    assert PATH not in await stranger.see("/login")
    await stranger.see(PATH, 404)
    await stranger.see(CALLBACK, 404)


@pytest.mark.parametrize(
    ("claims", "claim", "role"),
    [
        ({"groups": ["staff", "hub admins"]}, "groups", Role.ADMIN),
        ({"realm_access": {"roles": ["ops"]}}, "realm_access.roles", Role.OPERATOR),
        ({"https://a.example/roles": "ops"}, "https://a.example/roles", Role.OPERATOR),
        ({"email": "staff", "email_verified": True}, "email", Role.VIEWER),
        ({"email": "staff", "email_verified": False}, "email", None),
        ({"email": "staff"}, "email", None),
        ({"realm_access": ["ops"]}, "realm_access.roles", None),
        ({}, "groups", None),
    ],
)
def test_a_role_goes_by_the_claim(claims: dict[str, Any], claim: str, role: Role | None) -> None:
    roles = {"hub admins": "admin", "ops": "operator", "staff": "viewer"}
    assert role_of(claims, claim, roles) == role
    assert role_of(claims, claim, {**roles, "*": "viewer"}) == (role or Role.VIEWER)


GOOD = {
    "public_url": "https://hub.example",
    "oidc_issuer": "https://login.example",
    "oidc_client_id": "hub",
    "oidc_roles": "a=b=admin, c = viewer",
}


def test_what_roles_are_given_is_read_from_the_end() -> None:
    assert load_settings(**GOOD).oidc_role_of == {"a=b": "admin", "c": "viewer"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"oidc_issuer": "http://login.example"},
        {"oidc_issuer": "https://user@login.example"},
        {"oidc_issuer": "login.example"},
        {"oidc_issuer": None},
        {"oidc_client_id": None},
        {"public_url": None},
        {"oidc_roles": ""},
        {"oidc_roles": "staff"},
        {"oidc_roles": "staff=boss"},
        {"oidc_roles": "=admin"},
        {"oidc_scope": "email"},
    ],
)
def test_a_provider_that_is_set_by_halves_keeps_the_hub_from_starting(
    wrong: dict[str, Any],
) -> None:
    with pytest.raises(SettingsError, match=f"HUB_({next(iter(wrong)).upper()}|OIDC_ISSUER)"):
        load_settings(**{**GOOD, **wrong})
