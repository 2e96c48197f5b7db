"""Events: what came, the whole way of one, and sending it again."""

import base64
import json
import shlex
from typing import Any

import pytest

from hub.bootstrap import Hub
from hub.dashboard.bodies import dump_of, piece_of, text_of
from hub.dashboard.pages.events import curl_of
from hub.dashboard.render import SHOWN_BYTES, plain, pretty
from hub.model.ids import new_id
from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor, VisitorOf
from tests.web.work import record

HOSTILE = '"><script>alert(1)</script>{{ 7*7 }}\u202etxt.exe'


async def test_an_event_is_shown_with_what_came_of_it(
    hub: Hub, desk: Desk, visitor: Visitor
) -> None:
    event_id = await record(hub, json.dumps({"note": HOSTILE}).encode())
    listed = await visitor.see("/dashboard/events")
    assert event_id in listed
    assert "order.made" in listed
    page = await visitor.see(f"/dashboard/events/{event_id}")
    assert "Nothing has come of it." in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "\\u202etxt.exe" in page


async def test_an_event_that_is_not_there_is_said_so(visitor: Visitor) -> None:
    assert "There is no event" in await visitor.see(f"/dashboard/events/{new_id('evt')}", 404)
    assert "There is no event" in await visitor.see("/dashboard/events/evt_<b>", 404)


async def test_a_filter_that_cannot_be_is_said_beside_the_list(visitor: Visitor) -> None:
    page = await visitor.see("/dashboard/events?since=yesterday", 400)
    assert "ISO 8601" in page
    assert "No event here yet" in page


async def test_whoever_may_run_tasks_replays_and_sees_before_what_would_happen(
    hub: Hub, visitor: Visitor, visitor_of: VisitorOf
) -> None:
    event_id = await record(hub)
    assert f"/dashboard/events/{event_id}/replay" in await visitor.see(
        f"/dashboard/events/{event_id}"
    )
    viewer = await visitor_of("read")
    assert "/replay" not in await viewer.see(f"/dashboard/events/{event_id}")
    page = await visitor.do(f"/dashboard/events/{event_id}/replay")
    assert 'class="said bad"' in page, "nothing is subscribed, which the page says"
    await visitor.send(f"/dashboard/events/{new_id('evt')}/preview", 404)


def _given(**changes: Any) -> dict[str, Any]:
    return {
        "source": "shop",
        "method": "POST",
        "path": "/a b",
        "query": "x=1&y='2'",
        "headers": {"host": "hub", "x-note": "it's $HOME `id`", "content-length": "9"},
        "body": {"a": "it's"},
        "body_encoding": "json",
        **changes,
    }


def test_curl_sends_what_was_sent_whatever_is_in_it() -> None:
    words = shlex.split(curl_of("https://hub.test", _given()))
    assert words[:4] == ["curl", "-X", "POST", "https://hub.test/in/shop/a b?x=1&y='2'"]
    assert words[words.index("-H") + 1] == "x-note: it's $HOME `id`"
    assert words.count("-H") == 1
    assert json.loads(words[-1]) == {"a": "it's"}


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({"body": "AAEC", "body_encoding": "base64"}, "@body"),
        ({"body": "x" * 200_000, "body_encoding": "text"}, "@body"),
        ({"body": "it's", "body_encoding": "text"}, "it's"),
    ],
)
def test_curl_reads_from_a_file_what_no_line_can_hold(changes: dict[str, Any], end: str) -> None:
    assert shlex.split(curl_of("https://hub.test", _given(**changes)))[-1] == end


def test_large_texts_come_piece_by_piece() -> None:
    text = "".join(chr(0x61 + n % 26) for n in range(2 * SHOWN_BYTES + 5))
    pieces, start = [], 0
    while True:
        piece = piece_of(text, start)
        pieces.append(piece.text)
        if piece.after is None:
            break
        start = piece.after
    assert len(pieces) == 3
    assert "".join(pieces) == text
    assert piece_of("abc", 99).text == ""


async def test_the_next_piece_has_an_address_of_its_own(hub: Hub, visitor: Visitor) -> None:
    event_id = await record(hub, b"ab" * SHOWN_BYTES)
    page = await visitor.see(f"/dashboard/events/{event_id}")
    assert f"/dashboard/events/{event_id}/body?from={SHOWN_BYTES}" in page
    part = await visitor.see(f"/dashboard/events/{event_id}/body?from={SHOWN_BYTES}")
    assert part.count("ab") > 1000
    assert await visitor.see(f"/dashboard/events/{event_id}/body?from=-1%27")


@pytest.mark.parametrize(
    ("body", "encoding", "text"),
    [
        ({"a": 1}, "json", '{\n  "a": 1\n}'),
        ("<b>", "text", "<b>"),
        (base64.b64encode(b"\x00<b>\xff").decode(), "base64", "00000000  00 3c 62 3e ff"),
        ("not base64!", "base64", "not base64!"),
        (None, None, "null"),
    ],
)
def test_bodies_of_each_kind_are_text(body: Any, encoding: str | None, text: str) -> None:
    assert text_of(body, encoding).startswith(text)


def test_a_dump_has_sixteen_bytes_to_a_line() -> None:
    lines = dump_of(base64.b64encode(bytes(range(40))).decode()).splitlines()
    assert len(lines) == 3
    assert lines[2].startswith("00000020  20 21")
    assert lines[2].endswith(" !\"#$%&'")


def test_json_is_shown_however_deep_and_signs_that_turn_text_are_spelled_out() -> None:
    deep: Any = 1
    for _ in range(190):
        deep = [deep]
    assert "1" in pretty(deep)
    assert pretty('{"a":[1,2]}') == '{\n  "a": [\n    1,\n    2\n  ]\n}'
    assert pretty("no json") == "no json"
    assert plain("a\u2066b\u200fc") == "a\\u2066b\\u200fc"
