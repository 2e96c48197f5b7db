"""Places are shared out so that nobody is left out who wants one."""

from hypothesis import given
from hypothesis import strategies as st

from hub.deliver.share import fair_shares, limit_of

WANTED = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=2), st.integers(0, 100), max_size=20
)


@given(WANTED, st.integers(0, 100))
def test_shares_are_max_min_fair(wanted: dict[str, int], most: int) -> None:
    shares = fair_shares(wanted, most)
    assert sum(shares.values()) == min(most, sum(wanted.values()))
    assert all(0 < shares[name] <= wanted[name] for name in shares)
    for name, count in wanted.items():
        got = shares.get(name, 0)
        if got < count:  # whoever gets less than it wants gets as much as anybody, but for one
            assert got >= max(shares.values(), default=0) - 1


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.integers(1, 300))
def test_there_is_always_a_place_for_one_more(orders: list[int], capacity: int) -> None:
    """However many destinations are slow, the next one gets half of what is left."""
    under_way: list[int] = []
    for most in orders:
        free = capacity - sum(under_way)
        if free <= 0:
            assert len(under_way) >= capacity.bit_length()
            break
        limit = limit_of(0, free, most)
        assert 1 <= limit <= max(1, free // 2 + 1)
        under_way.append(limit)
    assert sum(under_way) <= capacity


def test_one_alone_has_half_of_the_places() -> None:
    assert limit_of(0, 200, 100) == 100
    assert limit_of(60, 140, 100) == 100
    assert limit_of(0, 1, 100) == 1
