"""How often Python looks for cycles of objects that nobody uses: seldom, and never all at once.

What is made at the start is much and stays. By Python's own thresholds a start looks through it
again and again, and the end of a process once more.
"""

import atexit
import gc


def collect_seldom() -> None:
    """Set it for this process; to be called before all that a program needs is imported."""
    gc.set_threshold(50_000, 20, 20)
    atexit.register(gc.freeze)  # the end need not look for what nobody uses


def settle_memory() -> None:
    """What start-up made stays, and hardly any of it is garbage: nobody need walk it."""
    gc.freeze()
