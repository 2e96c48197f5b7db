"""Stack files: which files of a folder hold stacks."""

from collections.abc import Iterable
from pathlib import Path

_ENDINGS = (".json", ".json5", ".yaml", ".yml")
_SCHEMA = ".schema.json"


def stack_files(paths: Iterable[Path]) -> list[Path]:
    """The stack files among the paths and in the folders among them, each once, in order.

    A path that is no folder is taken as it is, even if nothing is there. Schemas, and what is
    hidden in a folder, are passed over.
    """
    found: set[Path] = set()
    for path in paths:
        if not path.is_dir():
            found.add(path)
            continue
        for inner in path.rglob("*"):
            if inner.suffix in _ENDINGS and not _is_hidden(inner.relative_to(path)):
                found.add(inner)
    return sorted(each for each in found if not each.name.endswith(_SCHEMA) and not each.is_dir())


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
