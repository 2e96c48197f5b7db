"""The stack files in folders: finding them, and giving them their canonical form."""

import sys
from collections.abc import Iterable
from pathlib import Path

from hub.errors import InvalidError
from hub.stack.fmt import format_text

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


def format_files(paths: Iterable[Path], *, check: bool) -> int:
    """Give every stack file its form, or only name those that have another one.

    Says on the standard output what changed or would, on the error output what cannot be read.
    The exit code: 0; 1 if ``check`` found a file to change; 2 if a file cannot be read.
    """
    code = 0
    for path in stack_files(paths):
        try:
            text = path.read_bytes().decode("utf-8")
            formed = format_text(text)
            if formed == text:
                continue
            if not check:
                path.write_bytes(formed.encode("utf-8"))
        except (InvalidError, UnicodeError, OSError) as error:
            sys.stderr.write(f"{path}: {_reason(error)}\n")
            code = 2
        else:
            sys.stdout.write(f"{path}\n")
            code = max(code, int(check))
    return code


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _reason(error: Exception) -> str:
    if isinstance(error, InvalidError):
        [problem] = error.details["problems"]
        return " ".join(filter(None, (error.message, problem["hint"])))
    if isinstance(error, UnicodeError):
        return "The file is not text in UTF-8: save it as such."
    return f"The file cannot be read or written: {error}."
