"""Sources on their pages: made by a form, tried out, and never given away."""

import html
import re

import pytest

from hub.model.masking import MASK
from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor, VisitorOf

HOSTILE = "<script>alert(1)</script>"
NEW = "/dashboard/sources/+new"
TOKEN = {"/verify": "header", "/verify:header/header": "X-Api-Key"}


async def _made(desk: Desk, slug: str = "shop", **wish: object) -> None:
    body = {"connector": "n8n", "verify": {"mode": "none"}, **wish}
    await desk.ask("PUT", "/v1/sources/{slug}", {"slug": slug}, body=body)


async def _shown(desk: Desk, slug: str = "shop") -> dict[str, object]:
    found: dict[str, object] = await desk.ask("GET", "/v1/sources/{slug}", {"slug": slug})
    return found


async def test_a_source_is_made_for_a_tool_with_a_token_that_is_shown_once(
    visitor: Visitor, desk: Desk
) -> None:
    chooser = await visitor.see(NEW)
    assert all(f"?connector={name}" in chooser for name in ("n8n", "make", "weweb", "stripe"))
    form = await visitor.see(NEW + "?connector=n8n")
    assert 'value="X-Api-Key"' in form
    assert "Retry On Fail" in form
    answer = await visitor.send(
        NEW, 200, **{"slug": "shop", "/connector": "n8n", "/dedup/by": "hash", **TOKEN}
    )
    (secret,) = re.findall(r"<code>([A-Za-z0-9_+/=-]{40,})</code>", answer.text)
    assert answer.headers["cache-control"] == "no-store"
    found = await _shown(desk)
    assert found["verify"] == {"mode": "header", "header": "X-Api-Key", "secrets": [MASK]}
    assert found["dedup"] == {"by": "hash", "window_s": None}
    page = await visitor.see("/dashboard/sources/shop")
    assert secret not in page
    assert "http://hub.test/in/shop</code>" in page
    assert "YOUR-HUB" not in page


async def test_what_was_wrong_stands_beside_its_field_and_what_was_typed_stays(
    visitor: Visitor, desk: Desk
) -> None:
    typed = {
        "slug": "shop",
        **TOKEN,
        "/verify:header/secrets": "short",
        "/filter": HOSTILE,
        "/wait_s": "soon",
        "/event_type": "{{",
    }
    page = (await visitor.send(NEW, 422, **typed)).text
    assert HOSTILE not in page
    assert f'value="{html.escape(HOSTILE)}"' in page
    assert 'value="soon"' in page
    assert 'aria-describedby="field-wait_s-help field-wait_s-wrong" aria-invalid="true"' in page
    assert 'id="field-verify-header-secrets-wrong"' in page
    assert ">short</textarea>" not in page
    assert "type them once more" in page
    assert await desk.listed("/v1/sources", 10) == []


async def test_a_name_that_is_taken_is_not_replaced(visitor: Visitor, desk: Desk) -> None:
    await _made(desk)
    typed = {"slug": "shop", "/connector": "make", "/verify": "none"}
    assert "already" in (await visitor.send(NEW, 409, **typed)).text
    assert (await _shown(desk))["connector"] == "n8n"
    for slug, status in (("", 400), ("Not A Slug", 400), ("../x", 400)):
        await visitor.send(NEW, status, **{**typed, "slug": slug})


async def test_what_is_changed_keeps_the_secret_and_all_else(visitor: Visitor, desk: Desk) -> None:
    verify = {"mode": "header", "header": "x-token", "secrets": ["the-right-token"]}
    await _made(desk, verify=verify, redact=["body:card"], cors=[])
    page = await visitor.see("/dashboard/sources/shop/edit")
    assert "the-right-token" not in page
    assert MASK in page, "that there is one is said"
    typed = {"/verify": "header", "/verify:header/header": "x-other", "/redact": "body:card"}
    page = await visitor.do("/dashboard/sources/shop/edit", **typed, **{"/cors": "[]"})
    assert "The source is kept." in page
    found = await _shown(desk)
    assert found["verify"] == {"mode": "header", "header": "x-other", "secrets": [MASK]}
    assert (found["redact"], found["cors"]) == (["body:card"], [])
    told = await desk.ask("POST", "/v1/sources/{slug}/test", {"slug": "shop"}, body={})
    assert told["answer"]["status"] == 202


async def test_a_sample_is_sent_and_shown_with_its_event(visitor: Visitor, desk: Desk) -> None:
    await _made(desk)
    page = (await visitor.send("/dashboard/sources/shop/test", 200, body=f'"{HOSTILE}"')).text
    assert HOSTILE not in page
    assert "HTTP 202" in page
    (event_id,) = set(re.findall(r"/dashboard/events/(evt_[0-9a-f]+)", page))
    assert event_id in await visitor.see("/dashboard/sources/shop")
    assert event_id in await visitor.see("/dashboard/sources")
    page = (await visitor.send("/dashboard/sources/shop/test", 200, body="{")).text
    assert "HTTP 400" in page
    assert "json_broken" in await visitor.see("/dashboard/sources/shop"), "it was rejected"
    page = await visitor.do("/dashboard/sources/shop/test", case="none")
    assert "There is no sample" in page


async def test_a_secret_is_replaced_and_shown_once(visitor: Visitor, desk: Desk) -> None:
    await _made(desk, verify={"mode": "header", "header": "x", "secrets": ["the-right-token"]})
    where = "/dashboard/sources/shop/rotate"
    page = (await visitor.send(where, 200, overlap_h="1.5")).text
    assert "not shown again" in page
    assert "count until" in await visitor.see("/dashboard/sources/shop")
    page = await visitor.do(where, secret="another-right-token", overlap_h="0")
    assert "The secret is replaced." in page
    assert "another-right-token" not in page
    assert "is no number" in await visitor.do(where, overlap_h="soon")
    assert "is no number" in await visitor.do(where, overlap_h="nan")


async def test_a_source_is_removed(visitor: Visitor, desk: Desk) -> None:
    await _made(desk)
    page = await visitor.do("/dashboard/sources/shop/remove")
    assert "The source shop is removed." in page
    await visitor.see("/dashboard/sources/shop", 404)
    await visitor.see("/dashboard/sources/shop/edit", 404)


@pytest.mark.parametrize("path", [NEW, "/dashboard/sources/shop/edit"])
async def test_whoever_may_only_read_changes_nothing(
    visitor_of: VisitorOf, desk: Desk, path: str
) -> None:
    await _made(desk)
    reader = await visitor_of("read")
    page = await reader.see("/dashboard/sources/shop")
    assert "/remove" not in page
    assert "/edit" not in page
    await reader.see(path, 403)
    await reader.send(path, 403, slug="other")
    await reader.send("/dashboard/sources/shop/remove", 403)
    await reader.send("/dashboard/sources/shop/test", 403)
