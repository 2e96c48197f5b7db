"""The page of dead letters: what was not delivered and why, and many of it sent again."""

import html

import pytest

from hub.bootstrap import Hub
from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor, VisitorOf
from tests.dashboard.sending import HOSTILE, send, status_of

LIST = "/dashboard/dead-letters"
PLAN, DO = f"{LIST}/plan", f"{LIST}/carry-out"


async def test_dead_letters_are_listed_and_counted_by_why(hub: Hub, visitor: Visitor) -> None:
    assert "There are no dead letters." in await visitor.see(LIST)
    broken = [await send(hub, failure=f"Broken {HOSTILE}") for _ in range(2)]
    other = await send(hub, "desk", failure="Refused with 400.")
    waiting = await send(hub)
    page = await visitor.see(LIST)
    assert HOSTILE not in page
    for each in (*broken, other):
        assert f'name="id" value="{each}"' in page
    assert waiting not in page
    assert 'aria-label="Replay these 2 to till"' in page
    page = await visitor.see(f"{LIST}?reason=Refused+with+400.")
    assert other in page
    assert broken[0] not in page
    assert waiting in await visitor.see(f"{LIST}?status=undelivered")


@pytest.mark.parametrize("query", ["status=lost", "since=soon", "event_id=%00"])
async def test_a_filter_that_is_none_is_told(visitor: Visitor, query: str) -> None:
    assert 'role="alert"' in await visitor.see(f"{LIST}?{query}", 400)


async def test_marked_ones_are_planned_and_then_sent(
    hub: Hub, desk: Desk, visitor: Visitor
) -> None:
    first, second = [await send(hub, failure="It is broken.") for _ in range(2)]
    waiting = await send(hub)
    marked = {"do": "replay-chosen", "id": [first, waiting], "status": "undelivered"}
    plan = (await visitor.send(PLAN, 200, **marked)).text
    assert "1 delivery" in plan
    assert "<dt>to till</dt><dd>1</dd>" in plan
    assert "1 of those that were marked stay as they are" in plan
    assert f'name="id" value="{first}"' in plan
    assert await status_of(desk, first) == "dead", "so far nothing has been done"
    page = await visitor.do(DO, **marked, rate="5")
    assert "1 delivery is sent again" in page
    assert "<h1>Deliveries</h1>" in page
    assert [await status_of(desk, each) for each in (first, second)] == ["pending", "dead"]


async def test_all_that_match_are_planned_and_then_sent(
    hub: Hub, desk: Desk, visitor: Visitor
) -> None:
    meant = [await send(hub, failure=HOSTILE) for _ in range(3)]
    other = await send(hub, failure="Something else.")
    wish = {"do": "replay-all", "destination": "till", "reason": HOSTILE, "status": "dead"}
    plan = (await visitor.send(PLAN, 200, **wish, rate="2")).text
    assert "3 deliveries" in plan
    assert "1.5 s at 2 in each second" in plan
    assert HOSTILE not in plan
    assert f'name="reason" value="{html.escape(HOSTILE)}"' in plan
    answer = await visitor.send(DO, 303, **wish, rate="2")
    assert answer.headers["location"] == "/dashboard/deliveries?destination=till"
    assert [await status_of(desk, each) for each in (*meant, other)] == [*["pending"] * 3, "dead"]


async def test_those_that_wait_are_cancelled_for_a_reason(
    hub: Hub, desk: Desk, visitor: Visitor
) -> None:
    waiting, dead = await send(hub), await send(hub, failure="It is broken.")
    wish = {"do": "cancel-all", "destination": "till", "status": "undelivered"}
    assert "1 delivery" in (await visitor.send(PLAN, 200, **wish)).text
    assert "1 delivery is cancelled." in await visitor.do(DO, **wish, because="A slip.")
    found = await desk.ask("GET", "/v1/deliveries/{id}", {"id": waiting})
    assert (found["status"], found["reason"]) == ("cancelled", "A slip.")
    assert await status_of(desk, dead) == "dead"


@pytest.mark.parametrize("rate", ["fast", "0", "-1", "1e999", "NaN", '{"a":1}'])
async def test_a_rate_that_is_none_is_told_and_kept_and_sends_nothing(
    hub: Hub, desk: Desk, visitor: Visitor, rate: str
) -> None:
    delivery_id = await send(hub, failure="It is broken.")
    wish = {"do": "replay-all", "status": "dead", "rate": rate}
    for path in (PLAN, DO):
        page = (await visitor.send(path, 422, **wish)).text
        assert 'role="alert"' in page
        assert f'name="rate" inputmode="decimal" value="{html.escape(rate, quote=False)}"' in (
            page.replace("&#34;", '"')
        )
        assert "1 delivery" in page
    assert await status_of(desk, delivery_id) == "dead"


@pytest.mark.parametrize(
    "fields",
    [
        {"do": "replay-chosen"},
        {"do": "cancel-all", "status": "undelivered"},
        {"do": "replay-chosen", "id": ["evt_1"]},
        {"do": "replay-all", "since": "soon"},
    ],
)
async def test_a_wish_that_is_none_goes_back_and_says_why(
    hub: Hub, desk: Desk, visitor: Visitor, fields: dict[str, object]
) -> None:
    delivery_id = await send(hub, failure="It is broken.")
    for path in (PLAN, DO):
        answer = await visitor.send(path, 303, **fields)
        assert answer.headers["location"].startswith(LIST)
        assert 'class="said bad"' in await visitor.see(LIST)
    assert await status_of(desk, delivery_id) == "dead"


@pytest.mark.parametrize("do", ["", "replay", "burn-all", "replay-some"])
async def test_what_is_nothing_to_do_is_refused(visitor: Visitor, do: str) -> None:
    for path in (PLAN, DO):
        assert "Choose first" in (await visitor.send(path, 400, do=do)).text


async def test_whoever_only_reads_marks_nothing(
    hub: Hub, desk: Desk, visitor_of: VisitorOf
) -> None:
    delivery_id = await send(hub, failure="It is broken.")
    reader = await visitor_of("read")
    page = await reader.see(LIST)
    assert delivery_id in page
    assert "Replay" not in page
    assert "checkbox" not in page
    for path in (PLAN, DO):
        await reader.send(path, 403, do="replay-all")
    assert await status_of(desk, delivery_id) == "dead"
