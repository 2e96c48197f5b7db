"""What a migration may do while hubs of the version before go on working: it only adds."""

import ast
from collections.abc import Iterator
from pathlib import Path

LARGE = frozenset(
    ("events", "dedup", "runs", "journal", "deliveries", "attempts", "run_attempts", "records")
)
BEFORE_THE_RULE = frozenset(f"{n:04d}" for n in range(1, 10))
"""Written before anything was in use."""
_ONLINE = "create_index_online"


def faults_of(migration: Path) -> list[str]:
    """What a file does that the version before could stumble over, with its lines."""
    return list(_faults(ast.parse(migration.read_text())))


def _faults(tree: ast.Module) -> Iterator[str]:
    made: set[str] = set()
    for call in sorted(_calls(tree), key=lambda each: each.lineno):
        match _name(call):
            case "create_table":
                made.add(_text(call, 0))
            case "create_index" if _text(call, 1) in made:
                pass  # nobody knows that table yet
            case "create_index" if _is_true(call, "unique"):
                yield f"{call.lineno}: what was allowed would be refused: an unique index"
            case "create_index" if _text(call, 1) in LARGE or not _text(call, 1):
                yield f"{call.lineno}: writers would wait for the index: use {_ONLINE}"
            case "create_index":
                pass
            case "add_column" if not _is_optional(call):
                yield f"{call.lineno}: who knows no such column leaves it out: give a default"
            case "add_column" | "get_bind" | "get_context":
                pass
            case "create_index_online" if made:
                yield f"{call.lineno}: a try that fails here cannot be repeated: make it first"
            case "create_index_online":
                pass
            case name:
                yield f"{call.lineno}: op.{name} does more than to add"


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (_is_op(node.func) or _name(node) == _ONLINE):
            yield node


def _is_op(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "op"
    )


def _name(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _text(call: ast.Call, place: int) -> str:
    given = call.args[place] if len(call.args) > place else None
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else ""


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((each.value for each in call.keywords if each.arg == name), None)


def _is_true(call: ast.Call, name: str) -> bool:
    value = _keyword(call, name)
    return isinstance(value, ast.Constant) and value.value is True


def _is_optional(call: ast.Call) -> bool:
    """Whether the column of ``op.add_column`` may be left out by who inserts rows."""
    column = call.args[1] if len(call.args) > 1 else None
    if not isinstance(column, ast.Call):
        return False
    return _is_true(column, "nullable") or _keyword(column, "server_default") is not None
