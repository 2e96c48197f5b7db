"""How a worker's places are shared out among destinations. Pure."""

from collections.abc import Mapping


def fair_shares(wanted: Mapping[str, int], most: int) -> dict[str, int]:
    """At most ``most`` in all, so that nobody gets more who takes from one that wants as much.

    Those who want little get it, and leave the rest to the others (max-min fairness).
    """
    shares: dict[str, int] = {}
    left = most
    in_order = sorted((count, name) for name, count in wanted.items() if count > 0)
    for place, (count, name) in enumerate(in_order):
        share = min(count, -(-left // (len(in_order) - place)))
        if share <= 0:
            break
        shares[name] = share
        left -= share
    return shares


def limit_of(under_way: int, free: int, most: int) -> int:
    """How many one destination may have under way, while the worker has ``free`` places.

    Never more than ``most``, and never more than half of what the others leave it: so that
    however many destinations are slow, there are places for the next one.
    """
    return min(most, max(1, (free + under_way) // 2))
