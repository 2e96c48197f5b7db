"""Foreign text in the parts that pages are made of: it stays text, as an attribute and between."""

import json
from html.parser import HTMLParser

import pytest

from hub.dashboard.bodies import piece_of, text_of
from hub.dashboard.render import SHOWN_BYTES, environment, plain, short
from hub.errors import InvalidError
from tests.hostile import DEEP, LINE, NUL, SIGNS, TEXTS

PARTS = """{% import "parts.html" as parts %}
{{ parts.text(value, value, value) }}{{ parts.copyable(value, value) }}{{ parts.badge(value) }}
{{ parts.problem(error) }}{{ parts.empty(value) }}
{{ parts.choice("n", value, [value], {"n": value}) }}
{{ parts.field(value, value, value, help=value) }}{{ parts.pager({"cursor": value}, value) }}
<p>{{ value | pretty }}</p><p>{{ value | when }}</p>{{ value | segment }}"""
OWN = {
    *("div", "button", "pre", "p", "a", "span", "code", "ul", "li", "nav", "label", "select"),
    *("option", "input", "small", "time"),
}


class Reader(HTMLParser):
    """What a browser would make of it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.told: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.told.append(data)

    def handle_comment(self, data: str) -> None:
        self.tags.add(f"comment {data}")


def read(value: str) -> Reader:
    error = InvalidError(value, errors=[{"path": value, "message": value, "hint": value}])
    made = environment().from_string(PARTS).render(value=value, error=error, view=None)
    reader = Reader()
    reader.feed(made)
    reader.close()
    return reader


@pytest.mark.parametrize("text", [*TEXTS, NUL])
def test_foreign_text_makes_no_element_and_no_attribute(text: str) -> None:
    harmless = read("harmless")
    found = read(text)
    assert found.tags <= OWN
    assert found.attributes == harmless.attributes
    assert sum(text in each for each in found.told) >= 4


def test_signs_that_turn_text_around_are_spelled_out() -> None:
    for text in SIGNS:
        for made in (plain(text), short(text), piece_of(text).text, text_of([text], "json")):
            assert not set(made) & set(
                "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e"
            )


def test_a_body_comes_by_piece_however_it_is_made() -> None:
    at, pieces = 0, 0
    while True:
        piece = piece_of(LINE, at)
        assert piece.text == LINE[at : at + SHOWN_BYTES]
        assert piece.length == len(LINE)
        pieces += 1
        if piece.after is None:
            break
        at = piece.after
    assert pieces == -(-len(LINE) // SHOWN_BYTES)
    assert text_of(json.loads(DEEP), "json").count('"a"') == DEEP.count('"a"')
    assert piece_of("short", 10**9).text == piece_of("", -5).text == ""
