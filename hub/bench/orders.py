"""A data set for measurements: CSV of orders, ten columns, the same bytes each time.

Four columns have more different values than an analysis keeps (``number``, ``email``, ``amount``,
``ordered_at``), the others few; one field in eight of ``note`` has a comma and stands in quotes,
half of them are empty.
"""

from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

HEAD = b"number,email,name,country,status,quantity,amount,ordered_at,is_first,note\n"
_PART = 10_000
_FIRST = ("Ada", "Bo", "Chloe", "Dmitri", "Eva", "Femke", "Goran", "Hana", "Iris", "Jurgen", "Kai")
_LAST = ("Abel", "Berg", "Costa", "Dvorak", "Ek", "Fischer", "Garcia", "Holm", "Ivanov", "Jansen")
_COUNTRIES = ("DE", "FR", "SE", "PL", "ES", "NL", "IT", "PT", "CZ", "DK", "FI", "AT", "BE")
_STATES = ("paid", "paid", "sent", "sent", "sent", "returned", "open")
_NOTES = ("", "leave it at the door", "", "call before", "", '"twice, please"', "", "gift")


def orders(size: int) -> Iterator[bytes]:
    """Parts of a file of so many bytes or a little more: whole rows after the header."""
    yield HEAD
    left, first = size - len(HEAD), 0
    while left > 0:
        part = "".join(_rows(first, _PART)).encode()
        if len(part) > left:
            part = part[: part.index(b"\n", left - 1) + 1]
        yield part
        left, first = left - len(part), first + _PART


def write_orders(path: Path, size: int) -> int:
    """Write such a file; how many rows it has."""
    rows = -1  # the header is none
    with path.open("wb") as file:
        for part in orders(size):
            file.write(part)
            rows += part.count(b"\n")
    return rows


def _rows(first: int, count: int) -> Iterator[str]:
    numbers = range(first, first + count)
    given = islice(cycle(_FIRST), first % len(_FIRST), None)
    family = islice(cycle(_LAST), first % len(_LAST), None)
    country = islice(cycle(_COUNTRIES), first % len(_COUNTRIES), None)
    state = islice(cycle(_STATES), first % len(_STATES), None)
    note = islice(cycle(_NOTES), first % len(_NOTES), None)
    for n, one, other, where, how, what in zip(
        numbers, given, family, country, state, note, strict=False
    ):
        cents, second = n * 7919 % 1_000_003, n * 31
        yield (
            f"{n},customer{n * 17 % 4_000_037}@example.com,{one} {other},{where},{how},{n % 9 + 1},"
            f"{cents // 100}.{cents % 100:02},{_moment(second)},{'yes' if n % 5 else 'no'},{what}\n"
        )


def _moment(second: int) -> str:
    days, rest = divmod(second, 86_400)
    minutes, seconds = divmod(rest, 60)
    day = days % 336
    return (
        f"{2010 + days // 336 % 80}-{day // 28 + 1:02}-{day % 28 + 1:02}T"
        f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}Z"
    )
