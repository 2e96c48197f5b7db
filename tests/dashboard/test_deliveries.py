"""The pages of deliveries: the list, one with its attempts, and what can be done with it."""

import base64
import html
import re

import pytest

from hub.bootstrap import Hub
from hub.model.delivery import DeliveryStatus
from hub.model.ids import new_id
from hub.model.masking import MASK
from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor, VisitorOf
from tests.dashboard.sending import HOSTILE, send, status_of, till
from tests.web.work import attempt, deliver, record

LIST = "/dashboard/deliveries"


async def test_deliveries_are_listed_by_what_they_are(hub: Hub, visitor: Visitor) -> None:
    first = await send(hub, failure=f"It is broken: {HOSTILE}")
    second = await send(hub, "https://desk.example", url="https://desk.example/x")
    page = await visitor.see(LIST)
    assert page.index(second) < page.index(first), "the newest first"
    assert HOSTILE not in page
    assert html.escape(HOSTILE) in page
    assert 'data-live="deliveries"' in page
    assert 'href="/dashboard/destinations/till"' in page
    assert 'href="/dashboard/destinations/https' not in page, "a bare address has no page"
    for query, found, missing in (
        ("status=dead", first, second),
        ("destination=https://desk.example", second, first),
        ("since=2020-01-01T00:00&status=pending", second, first),
    ):
        page = await visitor.see(f"{LIST}?{query}")
        assert found in page
        assert missing not in page
    page = await visitor.see(f"{LIST}?until=2020-01-01T00:00:00%2B02:00")
    assert "No delivery is like that." in page
    assert 'name="until" value="2019-12-31T22:00:00"' in page


@pytest.mark.parametrize("query", ["status=lost", "since=soon", "cursor=x", "status=%22%3E"])
async def test_a_filter_that_is_none_is_told_and_kept(visitor: Visitor, query: str) -> None:
    page = await visitor.see(f"{LIST}?{query}", 400)
    assert 'role="alert"' in page
    assert "<h1>Deliveries</h1>" in page


async def test_a_delivery_shows_its_attempts_and_how_long_each_took(
    hub: Hub, desk: Desk, visitor: Visitor
) -> None:
    await till(desk)
    event_id = await record(hub)
    delivery_id = await deliver(hub, event_id=event_id)
    await attempt(hub, DeliveryStatus.RETRYING)
    waiting = await visitor.see(f"{LIST}/{delivery_id}")
    assert f'data-live-of="{delivery_id}" data-refresh="2"' in waiting
    assert "next attempt" in waiting
    assert f"{LIST}/{delivery_id}/cancel" in waiting
    assert f"{LIST}/{delivery_id}/replay" not in waiting
    await attempt(hub, DeliveryStatus.DEAD)
    page = await visitor.see(f"{LIST}/{delivery_id}")
    assert page.count('<rect width="100" height="8"/>') == 2
    assert page.count("HTTP 200") == 2
    assert page.count("Said.") == 2
    assert page.count(" later</p>") == 1
    assert f'href="/dashboard/events/{event_id}"' in page
    assert 'href="/dashboard/runs/run_' in page
    assert f"{LIST}/{delivery_id}/cancel" not in page
    assert "because" in page


async def test_the_command_sends_what_is_sent_but_no_secret(
    hub: Hub, desk: Desk, visitor: Visitor
) -> None:
    headers = {"X-Shop": "north 'side'", "x-api-key": "geheim"}
    await till(desk, headers=headers, auth={"mode": "bearer", "token": "geheim"})
    delivery_id = await send(hub, body=b'{"name":"it\'s"}')
    page = html.unescape(await visitor.see(f"{LIST}/{delivery_id}"))
    (command,) = re.findall(r"curl -X POST .*?(?=</pre>)", page, re.DOTALL)
    assert "'https://till.example/x?of=1&b=2'" in command
    assert """-H 'x-shop: north '"'"'side'"'"''""" in command
    assert "-H 'content-type: application/json' -H 'idempotency-key: key'" in command
    assert f"-H 'webhook-id: {delivery_id}'" in command
    assert """--data-binary '{"name":"it'"'"'s"}'""" in command
    assert "geheim" not in page
    assert "x-api-key" not in command
    assert MASK not in command


async def test_a_delivery_whose_destination_is_gone_is_shown(hub: Hub, visitor: Visitor) -> None:
    page = await visitor.see(f"{LIST}/{await send(hub, 'gone')}")
    assert "the destination is gone" in page
    assert "curl" not in page


async def test_a_large_body_comes_piece_by_piece_and_is_text(hub: Hub, visitor: Visitor) -> None:
    text = HOSTILE + "x" * 70_000 + "the end"
    delivery_id = await send(hub, body=text.encode(), content_type="text/plain")
    page = await visitor.see(f"{LIST}/{delivery_id}")
    assert HOSTILE not in page
    assert "the end" not in page
    (onward,) = re.findall(rf'href="({LIST}/{delivery_id}/body\?from=\d+)"', page)
    assert "the end" in await visitor.see(onward)
    assert "the end" not in await visitor.see(f"{LIST}/{delivery_id}/body?from=x")


async def test_a_dead_letter_is_replayed_and_one_that_waits_is_cancelled(
    hub: Hub, desk: Desk, visitor: Visitor
) -> None:
    delivery_id = await send(hub, failure="It is broken.")
    path = f"{LIST}/{delivery_id}"
    page = await visitor.do(f"{path}/replay", how="rendered")
    assert 'class="said bad"' in page, "it has no event to be rendered from"
    assert await status_of(desk, delivery_id) == "dead"
    assert "It is sent again" in await visitor.do(f"{path}/replay")
    assert await status_of(desk, delivery_id) == "pending"
    assert 'class="said bad"' in await visitor.do(f"{path}/replay")
    assert "It is cancelled." in await visitor.do(f"{path}/cancel")
    assert await status_of(desk, delivery_id) == "cancelled"


async def test_a_delivery_is_edited_and_sent_as_another(
    hub: Hub, desk: Desk, visitor: Visitor
) -> None:
    delivery_id = await send(hub, failure="It is broken.")
    path = f"{LIST}/{delivery_id}/edit"
    assert "&#34;n&#34;: 1" in await visitor.see(path)
    fields = {"content_type": "application/json", "body": '{"n": 12345678901234567890}'}
    answer = await visitor.send(path, 303, **fields)
    made = answer.headers["location"].removeprefix(f"{LIST}/")
    found = await desk.ask("GET", "/v1/deliveries/{id}", {"id": made})
    assert found["body"] == {"n": 12345678901234567890}
    fields = {"content_type": "text/csv", "body": "a,b\r\n1,2\r\n"}
    answer = await visitor.send(path, 303, **fields)
    made = answer.headers["location"].removeprefix(f"{LIST}/")
    found = await desk.ask("GET", "/v1/deliveries/{id}", {"id": made})
    assert (found["body"], found["content_type"]) == ("a,b\n1,2\n", "text/csv")
    assert await status_of(desk, delivery_id) == "dead"


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", f'{{"a": "{HOSTILE}"', 400),
        ("nothing", HOSTILE, 422),
        ("text/plain", f"{MASK}{HOSTILE}", 400),
        ("", HOSTILE, 422),
    ],
)
async def test_an_edit_that_is_wrong_is_told_and_what_was_typed_kept(
    hub: Hub, visitor: Visitor, kind: str, body: str, status: int
) -> None:
    path = f"{LIST}/{await send(hub)}/edit"
    answer = await visitor.send(path, status, content_type=kind, body=body)
    assert 'role="alert"' in answer.text
    assert HOSTILE not in answer.text
    assert html.escape(body, quote=False).replace('"', "&#34;") in answer.text
    assert f'name="content_type" value="{kind}"' in answer.text


async def test_what_is_no_text_is_shown_as_bytes_and_not_edited(
    hub: Hub, desk: Desk, visitor: Visitor
) -> None:
    await till(desk)
    raw = b"\xff\xfe<script>"
    delivery_id = await send(hub, body=raw, content_type="image/x")
    page = await visitor.see(f"{LIST}/{delivery_id}")
    assert "ff fe 3c 73" in page
    assert base64.b64encode(raw).decode() not in page
    assert "@body" in page
    assert f"{LIST}/{delivery_id}/edit" not in page
    assert "cannot be edited" in await visitor.see(f"{LIST}/{delivery_id}/edit", 413)


async def test_an_unknown_delivery_is_no_page(visitor: Visitor) -> None:
    for delivery_id in (new_id("dlv"), "x", "%3Cscript%3E"):
        page = await visitor.see(f"{LIST}/{delivery_id}", 404)
        assert "There is no delivery" in page
        assert "<script>alert" not in page
        await visitor.see(f"{LIST}/{delivery_id}/edit", 404)


async def test_whoever_only_reads_sees_no_buttons_and_may_do_nothing(
    hub: Hub, desk: Desk, visitor_of: VisitorOf
) -> None:
    delivery_id = await send(hub, failure="It is broken.")
    reader = await visitor_of("read")
    page = await reader.see(f"{LIST}/{delivery_id}")
    assert "Replay" not in page
    assert "Edit" not in page
    for what in ("replay", "cancel", "edit"):
        await reader.send(f"{LIST}/{delivery_id}/{what}", 403)
    assert await status_of(desk, delivery_id) == "dead"
