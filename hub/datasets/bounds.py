"""How large a data set and its parts may be."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """Sizes in bytes, unless they say otherwise."""

    row_bytes: int = 16 * MIB
    """The longest row. A quote that never closes is found by this."""
    columns: int = 10_000
    """So many columns at most."""
    chunk_bytes: int = 32 * MIB
    """A chunk ends with the row that fills it, though fewer rows than wanted are in it."""
    unpacked_bytes: int = 64 << 30
    """What a packed data set may become."""
    ratio: int = 250
    """How many times its packed size an unpacked data set may have, past ``ratio_from``."""
    ratio_from: int = 64 * MIB


BOUNDS = Bounds()
