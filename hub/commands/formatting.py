"""``hub fmt``: stack files in their canonical form."""

import sys
from collections.abc import Iterable
from pathlib import Path

from hub.errors import InvalidError
from hub.printing import print_json
from hub.stack.fmt import format_text
from hub.stackfiles import stack_files


def format_files(paths: Iterable[Path], *, check: bool, as_json: bool = False) -> int:
    """Give every stack file its form, or only name those that have another one.

    Says on the standard output what changed or would, on the error output what cannot be read;
    as JSON ``{"changed": [paths]}``.
    The exit code: 0; 1 if ``check`` found a file to change; 2 if a file cannot be read.
    """
    code, changed = 0, list[str]()
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
            changed.append(str(path))
            if not as_json:
                sys.stdout.write(f"{path}\n")
            code = max(code, int(check))
    if as_json:
        print_json({"changed": changed})
    return code


def _reason(error: Exception) -> str:
    if isinstance(error, InvalidError):
        [problem] = error.details["problems"]
        return " ".join(filter(None, (error.message, problem["hint"])))
    if isinstance(error, UnicodeError):
        return "The file is not text in UTF-8: save it as such."
    return f"The file cannot be read or written: {error}."
