"""What n8n wants on a request."""

import pytest

from connectors.n8n.connector import CONNECTOR

PLAIN = (("content-type", "application/json"),)


@pytest.mark.parametrize("payload", [b'{"a":1}', b"{}", b" \n[1]", b'{ \n "a" : 1 }'])
def test_json_goes_out_as_plain_json(payload: bytes) -> None:
    assert CONNECTOR.headers(payload) == PLAIN


@pytest.mark.parametrize("payload", [b"", b"<a/>", b"{\\rtf1 text}", b"a=1", b"\x89PNG"])
def test_what_is_no_json_keeps_its_own_content_type(payload: bytes) -> None:
    assert CONNECTOR.headers(payload) == ()
