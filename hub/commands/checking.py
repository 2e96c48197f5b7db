"""``hub check``: every problem of stack files, for people and for programs."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.bootstrap import load_functions
from hub.errors import InvalidError
from hub.model.json import dumps_text
from hub.objectfiles import shape_problems, things_in
from hub.stack.check import problems_of
from hub.stack.load import load_stack
from hub.stack.problem import Problem
from hub.stack.task import Stack
from hub.stackfiles import stack_files


@dataclass(frozen=True, slots=True)
class Found:
    """A problem and the file that has it."""

    path: Path
    problem: Problem

    def line(self) -> str:
        """As compilers write it, so that editors can jump there."""
        problem = self.problem
        place = f"{self.path}:{problem.line or 1}:{problem.column or 1}"
        word = f" [{problem.code}]" if problem.code else ""
        hint = f" {problem.hint}" if problem.hint else ""
        return f"{place}: {problem.severity}: {problem.message}{hint}{word}"


def check(paths: Sequence[Path], *, as_json: bool = False, strict: bool = False) -> int:
    """Check them and say what was found; 1 where there are errors, with ``strict`` any problem.

    Raises:
        InvalidError: ``stacks_missing``.
        SettingsError: functions of an installed package cannot be loaded.
    """
    load_functions()
    files = stack_files(paths)
    if not files:
        named = ", ".join(map(str, paths))
        raise InvalidError(f"There are no stacks in {named}.", code="stacks_missing")
    found = list(problems_in(files))
    if as_json:
        told = [{"file": str(each.path), **each.problem.as_json()} for each in found]
        sys.stdout.write(dumps_text(told) + "\n")
    else:
        for each in found:
            sys.stdout.write(each.line() + "\n")
        sys.stdout.write(_summary(files, found) + "\n")
    bad = found if strict else [each for each in found if each.problem.severity == "error"]
    return 1 if bad else 0


def problems_in(files: Sequence[Path]) -> Iterator[Found]:
    """The problems of each file for itself, then of those that can be loaded among each other."""
    loaded: dict[str, tuple[Path, Stack]] = {}
    for path in files:
        try:
            text = path.read_text("utf-8")
            things = things_in(text)
            if things:
                yield from (Found(path, each) for one in things for each in shape_problems(one))
                continue
            if path.stem in loaded:
                other = loaded[path.stem][0]
                raise InvalidError(f"{other} gives the stack {path.stem!r} too: rename one.")
            loaded[path.stem] = path, load_stack(path.stem, text)
        except InvalidError as error:
            problems = [Problem(**each) for each in error.details.get("problems", [])]
            for problem in problems or [Problem("error", error.message)]:
                yield Found(path, problem)
        except (OSError, UnicodeDecodeError) as error:
            yield Found(path, Problem("error", f"The file cannot be read: {error}."))
    stacks = {name: stack for name, (_, stack) in loaded.items()}
    for path, stack in loaded.values():
        for problem in problems_of(stack, stacks, "error"):
            yield Found(path, problem)


def _summary(files: Sequence[Path], found: Sequence[Found]) -> str:
    errors = sum(each.problem.severity == "error" for each in found)
    warnings = len(found) - errors
    return (
        f"{_counted(len(files), 'file')}: {_counted(errors, 'error')}, "
        f"{_counted(warnings, 'warning')}."
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
