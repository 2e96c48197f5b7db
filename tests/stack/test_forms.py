"""Forms are read as they were written, whatever is in them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.connector import parse_content
from hub.model.http import Headers, InboundRequest
from hub.stack.forms import FormFile, form_of

names = st.text('ab "\r\n;=\\\\é-', min_size=1, max_size=10)
texts = st.text('ab "\r\n;=é-', max_size=20)


def read(body: bytes, content_type: str) -> Any:
    """A form, as the hub itself reads one that comes in."""
    headers = Headers((("content-type", content_type),))
    return parse_content(InboundRequest("POST", "", "", headers, body, "", ""))


def test_a_form_cannot_be_broken_out_of() -> None:
    """Whatever stands in names, types and contents, it is one field or one file."""
    nasty = '"\r\n--x\r\nContent-Disposition: form-data; name="admin"\r\n\r\nyes'
    file = FormFile(nasty, "text/html\r\nX: y", nasty.encode())
    body, kind = form_of({nasty: nasty}, [file])
    assert (body, kind) == form_of({nasty: nasty}, [file])
    found = read(body, kind)
    assert len(found) == 2
    assert "admin" not in found
    assert nasty in found.values()
    assert found["file"]["bytes"] == len(nasty)
    assert found["file"]["content_type"] == "application/octet-stream"


def test_what_is_no_object_is_one_field() -> None:
    body, kind = form_of([1, 2], [])
    assert read(body, kind) == {"payload": "[1,2]"}


@given(
    st.dictionaries(names.map("f ".__add__), texts, max_size=4), st.lists(st.binary(), max_size=3)
)
def test_a_form_is_read_as_it_was_written(fields: dict[str, str], contents: list[bytes]) -> None:
    files = [FormFile("a.bin", "application/x-any", each) for each in contents]
    found = read(*form_of(fields, files))
    sizes = [found.pop(name)["bytes"] for name in list(found) if name.startswith("file")]
    assert sizes == [len(each) for each in contents]
    assert found == fields
