"""Names and types of files: whatever is sent, what is kept is safe."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.model.file import MAX_NAME_BYTES, UNKNOWN_TYPE, safe_name, safe_type


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("report.csv", "report.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("a\r\nSet-Cookie: x=1", "aSet-Cookie: x=1"),
        ('quo"te.txt', 'quo"te.txt'),
        ("Übersicht 日本.pdf", "Übersicht 日本.pdf"),
        ("exe\u202efdp.txt", "exefdp.txt"),
        ("..", "file"),
        ("/", "file"),
        ("", "file"),
        ("\ud800", "file"),
    ],
)
def test_a_name_is_made_safe(sent: str, kept: str) -> None:
    assert safe_name(sent) == kept


def test_what_is_cut_keeps_its_ending() -> None:
    assert safe_name("ä" * 500 + ".csv") == "ä" * 98 + ".csv"
    assert safe_name("a" * 500) == "a" * MAX_NAME_BYTES
    assert safe_name("a." + "b" * 500) == "a." + "b" * (MAX_NAME_BYTES - 2)


@given(st.text())
def test_any_name_is_safe_and_stays_as_it_is(text: str) -> None:
    name = safe_name(text)
    assert 0 < len(name.encode()) <= MAX_NAME_BYTES
    assert not set(name) & set("/\\\r\n\x00")
    assert not any(unicodedata.category(each) in ("Cc", "Cf", "Cs") for each in name)
    assert name.strip(".")
    assert safe_name(name) == name


@pytest.mark.parametrize("good", ["text/csv", "text/html; charset=utf-8", "image/svg+xml"])
def test_a_type_is_kept(good: str) -> None:
    assert safe_type(good) == good


@pytest.mark.parametrize(
    "bad", [None, "", "text", "a/b\r\nx: y", "text/csv; ü", "a/" + "b" * 200, "text/csv;\x00"]
)
def test_what_is_no_type_is_bytes(bad: str | None) -> None:
    assert safe_type(bad) == UNKNOWN_TYPE
