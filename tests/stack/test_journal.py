"""The journal: what goes in comes out, whatever its size, and people see the last of it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.stack.journal import MAX_TRACE, Entry, Journal, decode, encode

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(10**60), 10**60) | texts
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)  # fmt: skip
entries = st.builds(
    lambda path, output, journaled: Entry(
        path, "add_record", 5, 3, output if journaled else None, journaled
    ),
    texts,
    values,
    st.booleans(),
)


def done(path: str, output: Any = None) -> Entry:
    return Entry(path, "add_record", 5, 3, output)


def computed(path: str) -> Entry:
    return Entry(path, "create_variable", 5, 0, journaled=False)


@given(st.lists(entries, max_size=30))
def test_what_is_encoded_is_decoded_the_same(several: list[Entry]) -> None:
    assert decode(encode(several)) == several


@given(values)
def test_an_output_of_null_is_an_output(value: Any) -> None:
    journal = Journal.of([encode([done("0", None), computed("1"), done("2", value)])])
    assert journal.done == {"0": None, "2": value}
    assert [type(each) for each in journal.done.values()] == [type(None), type(value)]


def test_a_row_is_compressed_when_that_pays() -> None:
    short, long = encode([done("0", "x" * 900)]), encode([done("0", "x" * 1100)])
    assert len(short) > 900
    assert len(long) < 100
    assert decode(short)[0].output == "x" * 900
    assert decode(long)[0].output == "x" * 1100


def test_outputs_may_be_as_deep_as_records_are() -> None:
    value: Any = {"n": 10**30}
    for _ in range(205):
        value = [value]
    assert decode(encode([done("0", value)]))[0].output == value


def test_each_row_is_a_segment_and_later_rows_add_to_earlier_ones() -> None:
    journal = Journal()
    journal.add(done("0", 1))
    first = journal.take_fresh()
    assert (journal.segments, journal.done, journal.fresh) == (1, {"0": 1}, {})
    journal.trace(computed("1"))
    journal.add(done("2", 3))
    second = journal.take_fresh()
    again = Journal.of([first, second])
    assert (again.segments, again.done) == (journal.segments, journal.done) == (2, {"0": 1, "2": 3})


def test_a_segment_without_entries_has_no_row_and_no_number() -> None:
    journal = Journal()
    assert journal.take_fresh() == b""
    assert journal.segments == 0


def test_the_last_computed_steps_of_a_segment_are_kept_and_all_journaled_ones() -> None:
    journal = Journal()
    for n in range(10 * MAX_TRACE):
        journal.trace(computed(str(n)))
        assert len(journal.fresh) < 2 * MAX_TRACE + n // MAX_TRACE + 2
        if n % MAX_TRACE == 0:
            journal.add(done(f"{n}/0", n))
    kept = decode(journal.take_fresh())
    traced = [entry.path for entry in kept if not entry.journaled]
    assert traced == [str(n) for n in range(9 * MAX_TRACE, 10 * MAX_TRACE)]
    assert [entry.output for entry in kept if entry.journaled] == [n * MAX_TRACE for n in range(10)]
    order = [int(entry.path.split("/")[0]) for entry in kept]
    assert order == sorted(order)


def test_the_next_segment_counts_anew() -> None:
    journal = Journal()
    for _ in range(2):
        for n in range(MAX_TRACE + 5):
            journal.trace(computed(str(n)))
        assert len(decode(journal.take_fresh())) == MAX_TRACE


def test_a_step_that_is_computed_again_is_not_shown_twice() -> None:
    journal = Journal.of([encode([computed("0"), done("1")])])
    journal.trace(computed("0"))
    journal.trace(computed("2"))
    assert list(journal.fresh) == ["2"]
