"""Somebody at a real browser signs in and out, and others' pages send forms in vain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from hub.dashboard.sessions import new_link
from hub.model.key import hash_of, new_key
from hub.outbound.oidc import CALLBACK
from hub.store.keys import PUT, NewKey
from tests.browser.chromium import EVIL, page_of
from tests.browser.dashboard import SLOW_S, Scene, sign_in, watched
from tests.identity import CLIENT, CLIENT_SECRET, identity_provider
from tests.outbound.servers import Exchange, RawServer
from tests.program import ADMIN_KEY, Driven, embedded_hub, free_port

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(SLOW_S)]

PASSWORD = "correct horse battery"
SIGN_OUT = "form[action='/dashboard/sign-out']"


@asynccontextmanager
async def fresh(browser: Browser) -> AsyncIterator[Page]:
    """A page in a window that knows of nothing."""
    async with await browser.new_context() as context:
        yield await context.new_page()


async def test_a_link_works_once_and_signing_out_ends_it(browser: Browser, hub: Driven) -> None:
    assert hub.hub is not None
    link = await new_link(hub.hub.ledger, hub.base)
    async with fresh(browser) as page:
        await page.goto(link)
        await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        assert "link=" not in page.url
        assert "hub_session" not in await page.evaluate("document.cookie")
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_role("heading", name="Sign in to the hub")).to_be_visible()
        await page.go_back()
        await page.reload()
        await expect(page.get_by_role("heading", name="Sign in to the hub")).to_be_visible()
        await page.goto(link)
        await expect(page.get_by_role("alert")).to_contain_text("used already")


async def test_a_key_and_a_password_open_the_page_that_was_asked_for(
    browser: Browser, hub: Driven
) -> None:
    user = {"name": "ann at a browser", "role": "viewer", "password": PASSWORD}
    await hub.api.post("/v1/users", json=user)
    ways = ({"API key": ADMIN_KEY}, {"Name": user["name"], "Password": PASSWORD})
    for way in ways:
        async with fresh(browser) as page:
            await page.goto(f"{hub.base}/dashboard/events?fate=dead")
            for label, text in way.items():
                await page.get_by_label(label, exact=True).fill(text)
            await page.get_by_label(label, exact=True).press("Enter")
            await page.wait_for_url(f"{hub.base}/dashboard/events?fate=dead")
            await expect(page.get_by_role("heading", name="Events")).to_be_visible()


async def test_what_is_wrong_is_told_and_the_name_kept(browser: Browser, hub: Driven) -> None:
    async with fresh(browser) as page:
        await page.goto(f"{hub.base}/login")
        await page.get_by_label("Name").fill("nobody")
        await page.get_by_label("Password").fill("wrong")
        await page.get_by_role("button", name="Sign in with the password").click()
        await expect(page.get_by_role("alert")).to_contain_text("do not go together")
        await expect(page.get_by_label("Name")).to_have_value("nobody")
        await expect(page.get_by_label("Password")).to_have_value("")


async def test_a_form_without_its_token_changes_nothing(browser: Browser, scene: Scene) -> None:
    path = scene.path("/dashboard/events/{id}")
    before = (await scene.hub.get("/v1/audit"))["items"][0]["id"]
    async with watched(browser, scene) as seen:
        for take_away in ("each.remove()", "each.value = 'f'.repeat(64)"):
            await seen.page.goto(f"{scene.hub.base}{path}")
            wanted = f"{SIGN_OUT} input, form[action$='/replay'] input"
            await seen.page.eval_on_selector_all(wanted, f"all => all.map((each) => {take_away})")
            for form in (f"form[action='{path}/replay']", SIGN_OUT):
                answer = await seen.page.evaluate(
                    """async (form) => {
                      const found = document.querySelector(form);
                      const body = new URLSearchParams(new FormData(found));
                      const answer = await fetch(found.action, { method: "POST", body });
                      return [answer.status, await answer.text()];
                    }""",
                    form,
                )
                assert answer[0] == 403
                assert "not of this session" in answer[1]
        await seen.page.goto(f"{scene.hub.base}{path}")  # and still signed in
        await expect(seen.page.get_by_role("button", name="Sign out")).to_be_visible()
    assert (await scene.hub.get("/v1/audit"))["items"][0]["id"] == before


async def test_a_page_of_another_site_sends_forms_in_vain(browser: Browser, scene: Scene) -> None:
    """Its form comes without the cookie; and with it from another port of the same host."""
    path = f"{scene.path('/dashboard/events/{id}')}/replay"
    form = f'<form method="post" action="{scene.hub.base}{path}"><button>Win</button></form>'
    before = (await scene.hub.get("/v1/audit"))["items"][0]["id"]

    async def neighbour(exchange: Exchange) -> None:
        while True:
            await exchange.request()
            await exchange.answer(form.encode(), "Content-Type: text/html")

    server = RawServer(neighbour)
    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        async with page_of(browser, EVIL) as page:
            await sign_in(page.context, scene)
            await page.set_content(form)
            await page.get_by_role("button", name="Win").click()
            await page.wait_for_url(f"{scene.hub.base}/")  # by the sign-in, and nothing is done
            await page.goto(server.url)
            await page.get_by_role("button", name="Win").click()
            await expect(page.get_by_role("alert")).to_contain_text("not of this session")
            await page.goto(f"{scene.hub.base}/")  # it was the cookie's own hub all the time
            await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    finally:
        listening.close()
        await server.stop()
    assert (await scene.hub.get("/v1/audit"))["items"][0]["id"] == before


async def test_no_page_can_be_framed_by_another(browser: Browser, scene: Scene) -> None:
    async with page_of(browser, EVIL) as page:
        frame = f"<iframe src='{scene.hub.base}/login'></iframe>"
        async with page.expect_console_message(lambda told: "frame-ancestors" in told.text):
            await page.set_content(frame)


async def test_an_identity_provider_signs_somebody_in(browser: Browser, tmp_path: Path) -> None:
    port = free_port()
    async with (
        identity_provider(f"http://127.0.0.1:{port}{CALLBACK}") as provider,
        embedded_hub(
            tmp_path,
            port=port,
            public_url=f"http://127.0.0.1:{port}",
            oidc_issuer=provider.issuer,
            oidc_client_id=CLIENT,
            oidc_client_secret=CLIENT_SECRET,
            oidc_roles="staff=viewer",
            oidc_name="the office",
        ) as hub,
        fresh(browser) as page,
    ):
        provider.claims["name"] = "ann"
        await page.goto(f"{hub.base}/dashboard/events")
        await page.get_by_role("link", name="Sign in with the office").click()
        await expect(page.get_by_role("heading", name="Events")).to_be_visible()
        await expect(page.locator(".who")).to_contain_text("ann")


async def test_on_loopback_somebody_can_sign_in_whatever_the_public_address(
    browser: Browser, tmp_path: Path
) -> None:
    """No cookie is locked to HTTPS there: browsers would throw it away."""
    async with embedded_hub(tmp_path, public_url="https://hub.example") as hub:
        assert hub.hub is not None
        text = new_key()
        key = NewKey("key_" + "0" * 32, "me", text[:8], hash_of(text), ("admin",))
        await hub.hub.ledger.write(PUT, key)
        async with fresh(browser) as page:
            await page.goto(f"{hub.base}/login")
            await page.get_by_label("API key").fill(text)
            await page.get_by_role("button", name="Sign in with the key").click()
            await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
