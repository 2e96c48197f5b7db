"""What a case is measured with, and what comes of it."""

import io
import pstats
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hub.bench.ledgers import Ledger

_PROFILED_LINES = 30


@dataclass(frozen=True, slots=True)
class Scene:
    """One ledger, how long to measure, a fresh folder, and whether to profile the hub."""

    ledger: Ledger
    seconds: float
    folder: Path
    profile: bool = False

    def profiled(self, name: str, command: Sequence[str]) -> list[str]:
        """The command, under cProfile if that is asked for."""
        if not self.profile:
            return list(command)
        program = command[1:] if command[0] == sys.executable else command
        out = str(self.folder / f"{name}.profile")
        return [sys.executable, "-m", "cProfile", "-o", out, *program]

    def profiles(self) -> Iterator[str]:
        """Where the main threads of the hub's processes spent their time, after their end."""
        for path in sorted(self.folder.glob("*.profile")):
            out = io.StringIO()
            pstats.Stats(str(path), stream=out).sort_stats("tottime").print_stats(_PROFILED_LINES)
            yield f"{path.stem}\n{out.getvalue().strip()}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of a case, and what makes them invalid."""

    figures: tuple[Figure, ...]
    faults: tuple[str, ...] = ()
    picture: str = ""
    """Text that shows how it went."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a case came to on a ledger."""

    case: str
    ledger: Ledger
    figures: tuple[Figure, ...] = ()
    faults: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    picture: str = ""


class Case(Protocol):
    """Something that is measured. It raises HubError where it cannot be."""

    @property
    def name(self) -> str:
        """As in ``hub bench NAME``."""

    @property
    def ledgers(self) -> tuple[Ledger, ...]:
        """On which ledgers; ``(Ledger.NONE,)`` for once and without a hub."""

    def run(self, scene: Scene) -> Measured:
        """Measure."""
