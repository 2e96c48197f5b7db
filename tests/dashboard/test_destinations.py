"""Destinations and subscriptions on their pages: set by forms, held by hand, tried out."""

import re
from typing import Any

from hub.bootstrap import Hub
from hub.model.json import dumps_text
from hub.model.masking import MASK
from hub.store.objects import PUT, PutObject
from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor, VisitorOf

HOSTILE = "<script>alert(1)</script>"
NEW = "/dashboard/destinations/+new"
TILL = "/dashboard/destinations/till"
NOWHERE = "https://nowhere.invalid/"


async def _made(desk: Desk, **wish: Any) -> None:
    body = {"url": NOWHERE, **wish}
    await desk.ask("PUT", "/v1/destinations/{slug}", {"slug": "till"}, body=body)


async def _shown(desk: Desk) -> Any:
    return await desk.ask("GET", "/v1/destinations/{slug}", {"slug": "till"})


async def test_a_destination_is_made_and_its_signing_secret_shown_once(
    visitor: Visitor, desk: Desk
) -> None:
    assert "?connector=make" in await visitor.see(NEW)
    assert 'value="apikey" selected' in await visitor.see(NEW + "?connector=make")
    typed = {
        "slug": "till",
        "/url": NOWHERE,
        "/auth": "basic",
        "/auth:basic/user": "ada",
        "/auth:basic/password": "not-shown",
        "/sign": "standard",
        "/headers": "X-Shop: Rome\nX-Api-Key: hidden",
        "/retry_schedule_s": "5\n90\n7200",
        "/transform": "{{ body }}",
        "/pacing/requests": "30",
    }
    page = (await visitor.send(NEW, 200, **typed)).text
    (secret,) = re.findall(r"<code>(whsec_[^<]+)</code>", page)
    found = await _shown(desk)
    assert found["auth"] == {"mode": "basic", "user": "ada", "password": MASK}
    assert found["headers"] == {"X-Shop": "Rome", "X-Api-Key": MASK}
    assert found["retry_schedule_s"] == [5, 90, 7200]
    assert (found["transform"], found["pacing"]["requests"]) == ("{{ body }}", 30)
    page = await visitor.see(TILL)
    assert secret not in page
    assert "5 s, 90 s, 2 h" in page


async def test_an_edit_keeps_secrets_and_removes_what_is_taken_out(
    visitor: Visitor, desk: Desk
) -> None:
    headers = {"X-Api-Key": "hidden", "X-Other-Token": "hidden too", "X-Plain": "1"}
    auth = {"mode": "bearer", "token": "hidden"}
    await _made(desk, headers=headers, auth=auth, timeout_s=7)
    page = await visitor.see(TILL + "/edit")
    assert "hidden" not in re.sub(r'type="hidden"', "", page)
    typed = {"/url": NOWHERE, "/auth": "bearer", "/headers": f"X-Api-Key: {MASK}\nX-Plain: 2"}
    assert "is kept" in await visitor.do(TILL + "/edit", **typed)
    found = await _shown(desk)
    assert found["headers"] == {"X-Api-Key": MASK, "X-Plain": "2"}
    assert found["auth"] == {"mode": "bearer", "token": MASK}
    assert found["timeout_s"] == 30, "what is empty is as usual"


async def test_what_is_wrong_in_it_is_said_beside_it(visitor: Visitor) -> None:
    typed = {"slug": "till", "/url": HOSTILE, "/transform": "{", "/headers": "no colon"}
    page = (await visitor.send(NEW, 422, **typed)).text
    assert HOSTILE not in page
    assert 'id="field-transform-wrong"' in page
    assert 'id="field-headers-wrong"' in page
    page = (await visitor.send(NEW, 422, **{"slug": "till", "/url": "ftp://x"})).text
    assert 'id="field-url-wrong"' in page


async def test_the_breaker_is_tripped_and_reset_by_hand(visitor: Visitor, desk: Desk) -> None:
    await _made(desk)
    page = await visitor.do(TILL + "/trip")
    assert "it waits until it is reset" in page
    assert ">open</span>" in await visitor.see("/dashboard/destinations")
    page = await visitor.do(TILL + "/trip", minutes="5")
    assert "next probe" in page
    assert "it waits until it is reset" not in page
    assert "The breaker is closed." in await visitor.do(TILL + "/reset")
    assert ">open</span>" not in await visitor.see("/dashboard/destinations")
    assert "is no number" in await visitor.do(TILL + "/trip", minutes="x")
    assert "less than" in await visitor.do(TILL + "/trip", minutes="9999999")


async def test_it_is_paused_for_a_reason_and_resumed(visitor: Visitor, desk: Desk) -> None:
    await _made(desk)
    page = await visitor.do(TILL + "/pause", reason=HOSTILE)
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert (await _shown(desk))["state"] == "paused"
    typed = {"/url": "https://other.invalid/"}
    await visitor.do(TILL + "/edit", **typed)
    assert (await _shown(desk))["state"] == "paused", "an edit does not resume it"
    await visitor.do(TILL + "/resume")
    assert (await _shown(desk))["state"] == "active"


async def test_a_sample_is_shown_without_being_sent(visitor: Visitor, desk: Desk) -> None:
    await _made(desk, sign={})
    page = (
        await visitor.send(TILL + "/test", 200, dry_run="on", body=f'{{"a": "{HOSTILE}"}}')
    ).text
    assert "What would be sent" in page
    assert HOSTILE not in page
    page = (await visitor.send(TILL + "/test", 200)).text
    assert ">retry</span>" in page, "there is no such host"
    assert "not valid JSON" in await visitor.do(TILL + "/test", body="{")


async def test_what_waits_and_went_is_shown(visitor: Visitor, desk: Desk, hub: Hub) -> None:
    await _made(desk)
    await visitor.do(TILL + "/pause")
    body = {"destination": "till"}
    await desk.ask("PUT", "/v1/subscriptions/{slug}", {"slug": "all"}, body=body)
    page = await visitor.see("/dashboard/subscriptions/all")
    assert "Send a ping" in page
    answer = await visitor.send("/dashboard/subscriptions/all/ping")
    delivery_id = answer.headers["location"].rpartition("/")[2]
    page = await visitor.see(TILL)
    assert delivery_id in page
    assert "status=held" in page


async def test_what_a_file_sets_is_shown_and_not_edited(
    visitor: Visitor, desk: Desk, hub: Hub
) -> None:
    body = dumps_text({"url": NOWHERE})
    await hub.ledger.write(PUT, PutObject("destination", "till", body, managed_by="file"))
    await hub.catalog.refresh()
    page = await visitor.see(TILL)
    assert "a file: change it there" in page
    assert "/edit" not in page
    assert "/remove" not in page
    answer = await visitor.client.get(TILL + "/edit")
    assert (answer.status_code, answer.headers["location"]) == (303, TILL)
    assert "A file sets it" in await visitor.see(TILL)
    await visitor.send(TILL + "/edit", 409, **{"/url": NOWHERE})
    page = await visitor.do(TILL + "/remove")
    assert "file" in page
    assert (await _shown(desk))["managed_by"] == "file"
    assert "paused" in await visitor.do(TILL + "/pause")


async def test_a_subscription_is_made_changed_and_removed(visitor: Visitor, desk: Desk) -> None:
    new, one = "/dashboard/subscriptions/+new", "/dashboard/subscriptions/paid"
    page = (await visitor.send(new, 422, slug="paid")).text
    assert "Give either" in page
    typed = {"slug": "paid", "/destination": "till", "/event_type": "order.paid"}
    page = await visitor.do(new, **typed)
    assert "There is no destination" in page, "its owner is warned"
    page = await visitor.see(one + "/edit")
    assert ">\norder.paid</textarea>" in page
    typed = {"/task": "none/such", "/event_type": "order.*\npay"}
    await visitor.do(one + "/edit", **typed)
    found = await desk.ask("GET", "/v1/subscriptions/{slug}", {"slug": "paid"})
    assert (found["event_type"], found["destination"]) == (["order.*", "pay"], None)
    assert "order.*, pay" in await visitor.see("/dashboard/subscriptions")
    assert "starts a task" in await visitor.do(one + "/ping")
    assert "is removed" in await visitor.do(one + "/remove")
    await visitor.see(one, 404)


async def test_one_that_a_program_made_goes_with_its_destination(
    visitor: Visitor, visitor_of: VisitorOf, desk: Desk
) -> None:
    wish = {"url": NOWHERE, "events": ["order.*"]}
    made = await desk.ask("POST", "/v1/subscriptions", body=wish)
    where = f"/dashboard/subscriptions/{made['id']}"
    page = await visitor.see(where)
    assert NOWHERE in page
    assert "/edit" not in page
    reader = await visitor_of("read")
    await reader.send(where + "/remove", 403)
    await visitor.do(where + "/remove")
    assert await desk.listed("/v1/destinations", 10) == []
