"""What is to be said of a stack among others: doubts, names without a meaning, cycles, twins."""

from collections.abc import Iterable, Iterator, Mapping

from hub.stack.problem import Problem, Severity
from hub.stack.references import unknown
from hub.stack.task import Endpoint, Reference, Stack


def problems_of(
    stack: Stack, others: Mapping[str, Stack], severity: Severity = "warning"
) -> list[Problem]:
    """Every problem of a loaded stack, by its place.

    ``others`` are the stacks that it will stand among; ``severity`` is that of a name that
    nothing has: files come in any order, so on the way in that is no error yet.
    """
    around = {**others, stack.name: stack}
    problems = [
        *stack.doubts,
        *_unresolved(stack, around, severity),
        *_cycles(stack, around),
        *_twins(stack, others),
        *_declared_otherwise(stack, others),
    ]
    return sorted(problems, key=lambda each: (each.line or 0, each.column or 0))


def candidates(name: str, own: str | None, stacks: Mapping[str, Stack]) -> list[str]:
    """The full names that a name may stand for; one of the own stack comes before any other."""
    if "/" in name:
        stack, _, task = name.partition("/")
        return [name] if stack in stacks and task in stacks[stack].tasks else []
    if own is not None and own in stacks and name in stacks[own].tasks:
        return [f"{own}/{name}"]
    return sorted(f"{each.name}/{name}" for each in stacks.values() if name in each.tasks)


def _unresolved(stack: Stack, around: Mapping[str, Stack], severity: Severity) -> Iterator[Problem]:
    known = [
        *stack.tasks,
        *(task.full_name for each in around.values() for task in each.tasks.values()),
    ]
    for reference in stack.references:
        found = candidates(reference.name, stack.name, around)
        if not found:
            yield unknown(reference, known, severity)
        elif len(found) > 1:
            yield _said(
                reference,
                severity,
                "ambiguous-task",
                f"{reference.name!r} may be {' or '.join(found)}.",
                "Write which.",
            )


def _cycles(stack: Stack, around: Mapping[str, Stack]) -> Iterator[Problem]:
    """Tasks that run each other inside one run, until the limit of depth ends it."""
    for reference in stack.references:
        caller = f"{stack.name}/{reference.caller}"
        if reference.inline and caller in _reached(reference, stack, around):
            yield _said(
                reference,
                "warning",
                "cycle",
                f"{caller!r} comes back to itself by {reference.name!r}, inside one run.",
                "Start it again with background_task, or make sure that a condition ends it.",
            )


def _reached(reference: Reference, stack: Stack, around: Mapping[str, Stack]) -> set[str]:
    """Every task that runs inside the one that is called here, itself included."""
    reached: set[str] = set()
    waiting = candidates(reference.name, stack.name, around)[:1]
    while waiting:
        full_name = waiting.pop()
        if full_name in reached:
            continue
        reached.add(full_name)
        name, _, task = full_name.partition("/")
        for each in around[name].references:
            if each.inline and each.caller == task:
                waiting += candidates(each.name, name, around)[:1]
    return reached


def _twins(stack: Stack, others: Mapping[str, Stack]) -> Iterator[Problem]:
    foreign = [e for other in others.values() if other.name != stack.name for e in other.endpoints]
    for endpoint in stack.endpoints:
        for other in twins_of(endpoint, foreign):
            yield Problem(
                "error",
                f"{endpoint.method} {endpoint.path} of {endpoint.task!r} stands for "
                f"{other.task!r} already.",
                "Give one of them another path.",
                code="endpoint-taken",
            )


def _declared_otherwise(stack: Stack, others: Mapping[str, Stack]) -> Iterator[Problem]:
    for other in others.values():
        for table in sorted(stack.tables.keys() & other.tables.keys()):
            if other.name != stack.name and other.tables[table] != stack.tables[table]:
                yield Problem(
                    "error",
                    f"The table {table!r} is declared otherwise by the stack {other.name!r}.",
                    "Declare it in one place, or alike in both.",
                    code="declared-elsewhere",
                )


def twins_of(endpoint: Endpoint, others: Iterable[Endpoint]) -> Iterator[Endpoint]:
    """Those that the same request could mean."""
    return (other for other in others if endpoint.meets(other))


def _said(reference: Reference, severity: Severity, code: str, message: str, hint: str) -> Problem:
    return Problem(
        severity, message, hint, reference.line, reference.column, reference.pointer, code
    )
