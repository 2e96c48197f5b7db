"""A report's page: only what is meant is markup, and no other file is needed."""

from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright

from hub.datasets.page import CONTENT_SECURITY_POLICY, page
from hub.model.json import Json
from tests.browser.chromium import executable
from tests.datasets.tables import analysed, cut, report_on

EVIL = [
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "&#60;script&#62;",
    "\u202egnp.exe",
    "\u2066a\u2069",
    "a\x00b\x1b[31m",
    "\ufeff",
    "{{ 1 }}",
    "<" * 5_000_000,
    "é" * 300,
]
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "small"),
    *("dl", "dt", "dd", "div", "ul", "li", "bdi", "a", "article", "header", "span", "table"),
    *("caption", "thead", "tbody", "tr", "th", "td", "svg", "rect", "line"),
}
ATTRIBUTES = {
    *("lang", "charset", "name", "content", "class", "href", "scope", "id", "viewbox", "role"),
    *("aria-label", "preserveaspectratio", "height", "width", "x", "y", "rx", "x1", "x2", "y1"),
    "y2",
}
EMPTY = {"meta"}


class Markup(HTMLParser):
    """Collects what the markup of a page is."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.text = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def plain(html: str) -> Markup:
    """The page's markup, which is made of known elements that are all closed."""
    markup = Markup(html)
    assert set(markup.elements) <= ELEMENTS
    assert set(markup.attributes) <= ATTRIBUTES
    assert markup.open == []
    assert all(each.startswith("#c") for each in markup.attributes.get("href", []))
    return markup


@pytest.mark.parametrize("evil", EVIL, ids=range(len(EVIL)))
def test_hostile_names_and_values_are_text(evil: str) -> None:
    rows = [(evil, n, evil if n % 2 else "1") for n in range(30)]
    problems = {"count": 1, "first": [{"line": 1, "message": evil}]}
    report = analysed(cut([evil, "n", "m"], rows, ())).report(problems)
    html = page(report, evil)
    shown = plain(html).text
    if evil.isprintable() and len(evil) < 60:
        assert evil in shown
    assert not any(each in html for each in "\u202e\u2066\x00\x1b\ufeff")
    assert len(html) < 40_000


@settings(deadline=None)
@given(
    st.text(max_size=300),
    st.lists(st.text() | st.integers() | st.floats() | st.none() | st.lists(st.text()), max_size=9),
)
def test_any_data_make_a_page(name: str, values: list[Json]) -> None:
    html = page(analysed(cut([name], [(value,) for value in values], ())).report(), name)
    plain(html).text.encode()


def test_the_policy_is_made_for_the_style() -> None:
    html = page(report_on(["a"], [(1,)]))
    style = html.split("<style>")[1].split("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("sandbox;")


def test_tables_have_heads_and_charts_have_titles() -> None:
    rows = [(str(n), f"2024-01-{1 + n % 28:02}", f"k{n % 3}") for n in range(100)]
    html = page(report_on(["n", "day", "kind"], rows))
    elements = plain(html).elements
    assert elements.count("caption") == elements.count("table") > 3
    assert html.count("<svg") == html.count('role="img" aria-label="')
    assert 'aria-label="How values are spread, from 0 to 100"' in html
    assert 'aria-label="How many per day, from 2024-01-01 to 2024-01-28"' in html


def test_what_is_estimated_is_called_about() -> None:
    exact = page(report_on(["n"], [(str(n),) for n in range(100)]))
    assert "All figures are exact." in exact
    assert "about" not in plain(exact).text
    estimated = page(report_on(["n"], [(str(n % 15_000),) for n in range(30_000)]))
    assert "about 15," in plain(estimated).text or "about 14," in plain(estimated).text
    assert " ± " in plain(estimated).text


def test_very_many_columns_make_a_page_of_bounded_length() -> None:
    names = [f"c{at}" for at in range(5000)]
    html = page(report_on(names, [tuple(range(5000))]))
    assert "4,800 more columns have no card here." in plain(html).text
    assert "3,000 more columns are in the report only." in plain(html).text
    assert len(html) < 2_000_000


def test_a_browser_shows_it_under_its_policy(tmp_path: Path) -> None:
    rows = [(str(n), EVIL[n % 10], None) for n in range(50)]
    html = page(report_on(["n", "evil", "nothing"], rows), EVIL[1])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 360, "height": 700})
        shown = context.new_page()
        said: list[str] = []
        shown.on("console", lambda message: said.append(message.text))
        shown.on("dialog", lambda dialog: said.append(dialog.message))
        shown.route(
            "**/*",
            lambda route: route.fulfill(
                body=html,
                content_type="text/html; charset=utf-8",
                headers={"content-security-policy": CONTENT_SECURITY_POLICY},
            ),
        )
        shown.goto("http://127.0.0.1:1/report")
        box = shown.locator("main").bounding_box()
        assert box is not None
        assert box["width"] <= 360
        assert shown.locator("article").count() == 3
        assert shown.locator("article svg rect.bar").first.is_visible()
        browser.close()
    assert said == []
