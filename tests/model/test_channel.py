"""Patterns and rights: who may do what on which channel."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InvalidError
from hub.model.channel import (
    Can,
    Pattern,
    Right,
    allows,
    bind,
    check_channel,
    check_not_reserved,
    check_pattern,
    is_reserved,
)

NAMES = st.text("ab_.", min_size=1, max_size=12)
PATTERNS = st.text("ab_.*", min_size=1, max_size=8)


@given(PATTERNS, NAMES)
def test_a_star_stands_for_any_text(pattern: str, name: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None
    assert Pattern(pattern).covers(name) == expected


@given(PATTERNS, PATTERNS, NAMES)
def test_what_is_covered_by_a_covered_pattern_is_covered(wide: str, narrow: str, name: str) -> None:
    if Pattern(wide).covers(narrow) and Pattern(narrow).covers(name):
        assert Pattern(wide).covers(name)


@pytest.mark.parametrize(
    ("pattern", "other", "covered"),
    [
        ("orders", "orders", True),
        ("orders", "orders.new", False),
        ("orders.*", "orders.", True),
        ("orders.*", "orders", False),
        ("orders.*", "orders.*.new", True),
        ("orders.a*", "orders.*", False),
        ("*a*b*", "xxaxxbxx", True),
        ("a*a", "a", False),
        ("*", "anything/at:all", True),
        ("*", "*", True),
        ("*", "runs.run_1", False),
        ("*", "runs.*", False),
        ("*", "tables.orders", False),
        ("*", "deliveries", False),
        ("*", "presence.room", False),
        ("r*", "runs.run_1", False),
        ("deliver*", "deliveries", False),
        ("deliveries", "deliveries", True),
        ("runs.*", "runs.run_1", True),
        ("runs.*", "r*", False),
        ("tables.o*", "tables.orders", True),
        ("runs.*", "tables.orders", False),
    ],
)
def test_a_pattern_means_what_the_hub_itself_says_only_where_it_is_written_out(
    pattern: str, other: str, *, covered: bool
) -> None:
    assert Pattern(pattern).covers(other) is covered


def test_many_stars_are_matched_in_linear_time() -> None:
    assert not Pattern("*a" * 99 + "b").covers("a" * 200)


@pytest.mark.parametrize(
    ("pattern", "claims", "bound"),
    [
        ("user_{sub}_*", {"sub": "7"}, "user_7_*"),
        ("user_{sub}", {"sub": 7}, "user_7"),
        ("{app.team}.{sub}", {"sub": "a", "app": {"team": "red"}}, "red.a"),
        ("{https://x.example/team}", {"https://x.example/team": "red"}, "red"),
        ("user_{sub}", {}, None),
        ("user_{sub}", {"sub": "*"}, None),
        ("user_{sub}", {"sub": "a*"}, None),
        ("user_{sub}", {"sub": ""}, None),
        ("user_{sub}", {"sub": "a b"}, None),
        ("user_{sub}", {"sub": "a\n"}, None),
        ("user_{sub}", {"sub": "{sub}"}, None),
        ("user_{sub}", {"sub": True}, None),
        ("user_{sub}", {"sub": None}, None),
        ("user_{sub}", {"sub": ["a"]}, None),
        ("user_{sub}", {"sub": 1.5}, None),
        ("user_{sub.id}", {"sub": "a"}, None),
        ("user_{sub}", {"sub": "a" * 201}, None),
        ("user_{sub}{sub}", {"sub": "a" * 150}, None),
        ("plain", {}, "plain"),
    ],
)
def test_a_claim_stands_in_for_itself_and_never_for_a_star(
    pattern: str, claims: dict[str, Any], bound: str | None
) -> None:
    assert bind(pattern, claims) == bound


def test_a_right_is_for_what_it_says_and_no_more() -> None:
    rights = [
        Right(channels=("news.*",), can=(Can.SUBSCRIBE,)),
        Right(channels=("chat",), can=(Can.PUBLISH, Can.PRESENCE)),
    ]
    assert allows(rights, Can.SUBSCRIBE, "news.today")
    assert allows(rights, Can.SUBSCRIBE, "news.*")
    assert not allows(rights, Can.SUBSCRIBE, "*")
    assert not allows(rights, Can.PUBLISH, "news.today")
    assert allows(rights, Can.PUBLISH, "chat")
    assert not allows(rights, Can.SUBSCRIBE, "chat")
    assert not allows([], Can.SUBSCRIBE, "chat")


@pytest.mark.parametrize("text", ["", "a b", "a{b}", "x" * 201, "a\n", "ä*", None])
def test_what_is_no_pattern_is_refused(text: object) -> None:
    with pytest.raises(InvalidError) as refused:
        check_pattern(text)
    assert refused.value.code == "channel_invalid"


def test_a_pattern_is_no_channel() -> None:
    assert check_pattern("a*") == "a*"
    with pytest.raises(InvalidError):
        check_channel("a*")


@pytest.mark.parametrize(
    "name", ["runs.x", "tables.orders", "presence.a", "deliveries", "breakers"]
)
def test_what_the_hub_says_itself_is_reserved(name: str) -> None:
    assert is_reserved(name)
    with pytest.raises(InvalidError) as refused:
        check_not_reserved(name)
    assert refused.value.code == "channel_reserved"
    assert not is_reserved(f"my.{name}")
