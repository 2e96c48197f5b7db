"""Bodies of every kind: what a connector reads them as, and what it says of bad ones."""

import base64
from typing import Any

import pytest

from hub.connector import parse_content
from hub.errors import InvalidError
from hub.model.http import Headers, InboundRequest

PARTS = "multipart/form-data; boundary=xx"


def read(kind: str | None, body: bytes, method: str = "POST", query: str = "") -> Any:
    headers = Headers(() if kind is None else (("content-type", kind),))
    return parse_content(InboundRequest(method, "", query, headers, body, "127.0.0.1"))


def parts(*each: bytes) -> bytes:
    return b"".join(b"--xx\r\n" + part + b"\r\n" for part in each) + b"--xx--\r\n"


def field(name: str, value: bytes, more: str = "") -> bytes:
    return f'Content-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value


PNG = b"\x89PNG\r\n\x1a\n\x00\xff"
AS_FILE = {"content_type": "image/png", "bytes": 10, "base64": base64.b64encode(PNG).decode()}


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (None, b'{"a": 1}', {"a": 1}),
        ("application/cloudevents+json", b"[1]", [1]),
        ("Application/JSON; charset=utf-8", b"null", None),
        ("application/x-www-form-urlencoded", b"a=1&a=2&b[]=3&c=%C3%A4", {
            "a": ["1", "2"], "b": ["3"], "c": "ä",
        }),
        ("application/x-www-form-urlencoded", b' {"a": 1}', {"a": 1}),  # as curl -d sends it
        ("text/plain", b"a: b\n", "a: b\n"),
        ("text/csv; charset=iso-8859-1", b"\xe4;b", "ä;b"),
        ("application/xml", b"<order id='7'><item>a</item><item>b</item></order>", {
            "order": {"@id": "7", "item": ["a", "b"]},
        }),
        ("application/soap+xml", b"<s:E xmlns:s='u'><s:B>x</s:B></s:E>", {
            "s:E": {"@xmlns:s": "u", "s:B": "x"},
        }),
        ("text/xml", "<?xml version='1.0' encoding='iso-8859-1'?><a>ä</a>".encode("latin-1"), {
            "a": "ä",
        }),
        ("image/png", PNG, AS_FILE),
        (PARTS, parts(field("a", b"1"), field("a", b"2"), field("b[]", "ä".encode())), {
            "a": ["1", "2"], "b": ["ä"],
        }),
        (PARTS, parts(field("f", PNG, '; filename="x.png"\r\nContent-Type: image/png')), {
            "f": {"filename": "x.png", **AS_FILE},
        }),
        (PARTS, parts(field("f", b"", '; filename=""')), {
            "f": {"filename": "", "content_type": "application/octet-stream", "bytes": 0,
                  "base64": ""},
        }),
        (PARTS, b"--xx--\r\n", {}),
    ],
)  # fmt: skip
def test_a_body_is_read_by_its_content_type(kind: str | None, body: bytes, expected: Any) -> None:
    assert read(kind, body) == expected


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_without_a_body_the_query_counts(method: str) -> None:
    assert read("application/xml", b"", method, "a=1&b=") == {"a": "1", "b": ""}


BOMB = (
    b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
    b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
)


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("application/x-www-form-urlencoded", b"&".join([b"a=1"] * 1001), "query_too_long"),
        ("application/x-www-form-urlencoded", b'{"a": ', "json_broken"),
        ("text/plain", b"\xff\xfe", "text_broken"),
        ("text/plain; charset=klingon", b"a", "text_broken"),
        ("application/xml", b"<a><b></a>", "xml_broken"),
        ("application/xml", b"hello", "xml_broken"),
        ("application/xml", b"<a>\x00</a>", "xml_broken"),
        ("application/xml; charset=klingon", b"<a/>", "xml_broken"),
        ("application/xml", BOMB[0], "xml_broken"),
        ("application/xml", BOMB[1], "xml_broken"),
        ("application/xml", b"<a>" * 201 + b"</a>" * 201, "json_too_deep"),
        ("application/xml", b"<a>" * 50_000 + b"</a>" * 50_000, "json_too_deep"),
        ("multipart/form-data", parts(field("a", b"1")), "form_broken"),
        ("multipart/form-data; boundary=", parts(field("a", b"1")), "form_broken"),
        ("multipart/form-data; boundary=yy", parts(field("a", b"1")), "form_broken"),
        (PARTS, parts(field("a", b"1"))[:-6], "form_broken"),
        (PARTS, parts(b"no header\r\n\r\n1"), "form_broken"),
        (PARTS, parts(b"\r\n1"), "form_broken"),
        (PARTS, parts(field("a", b"\xff")), "text_broken"),
        (PARTS, parts(*[field("a", b"1")] * 1001), "query_too_long"),
        (PARTS, parts(b"X: y\r\n" * 20 + field("a", b"1")), "query_too_long"),
        (PARTS, b"hello", "form_broken"),
    ],
)
def test_a_bad_body_is_refused_with_its_reason(kind: str, body: bytes, code: str) -> None:
    with pytest.raises(InvalidError) as caught:
        read(kind, body)
    assert caught.value.code == code
