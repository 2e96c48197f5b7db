"""Stack files: which files of a folder hold stacks."""

from collections.abc import Iterable
from pathlib import Path

ENDINGS = (".json", ".json5", ".yaml", ".yml")


def stack_files(paths: Iterable[Path]) -> list[Path]:
    """The files that are named, and those with a stack's ending in the folders that are named."""
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found.update(each for each in path.rglob("*") if _is_stack(each))
        else:
            found.add(path)
    return sorted(found)


def _is_stack(path: Path) -> bool:
    return path.suffix in ENDINGS and not path.name.endswith(".schema.json") and path.is_file()
