"""Records as CSV and back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.datasets.csv_text import csv_to_records, records_to_csv
from hub.datasets.reading import Reading
from hub.errors import InvalidError

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
FORMULAS = st.sampled_from(["=1+1", "+1", "-1", "@x", "'=1", "''=", "'", "\t=", "\r", "a=b"])


@given(
    st.lists(st.fixed_dictionaries({"a": TEXTS | FORMULAS, "b": TEXTS}), min_size=1, max_size=9),
    st.booleans(),
)
def test_texts_come_back_as_they_were(records: list[dict[str, str]], is_guarded: bool) -> None:
    parts = records_to_csv(records, is_guarded=is_guarded)
    reading = Reading(delimiter=",")
    assert list(csv_to_records(parts, reading, is_guarded=is_guarded)) == records


def test_values_stand_as_text_or_json() -> None:
    records: list[dict[str, Any]] = [{"a": None, "b": True, "c": [1, {"x": "é"}]}, {"c": -1.5}]
    assert b"".join(records_to_csv(records)).decode() == (
        'a,b,c\r\n,true,"[1,{""x"":""é""}]"\r\n,,-1.5\r\n'
    )


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1", "'=1"])
def test_formulas_get_an_apostrophe_unless_it_is_not_wanted(text: str) -> None:
    guarded = list(csv_to_records(records_to_csv([{"a": text}]), is_guarded=False))
    assert guarded == [{"a": f"'{text}"}]
    plain = records_to_csv([{"a": text}], is_guarded=False)
    assert list(csv_to_records(plain, is_guarded=False)) == [{"a": text}]


def test_columns_are_chosen_and_ordered() -> None:
    parts = list(records_to_csv(({"a": n, "b": n} for n in range(1200)), ["b", "z"]))
    assert len(parts) == 4
    lines = b"".join(parts).split(b"\r\n")
    assert lines[:2] == [b"b,z", b"0,"]
    assert lines[-2:] == [b"1199,", b""]


def test_no_records_are_a_header() -> None:
    assert b"".join(records_to_csv([], ["a", "b"])) == b"a,b\r\n"


def test_what_is_wrong_is_raised() -> None:
    with pytest.raises(InvalidError, match="never closes"):
        list(csv_to_records([b'a\n"x']))
