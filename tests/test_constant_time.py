"""How long a comparison takes tells nothing of a secret."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.program import STACKS

ROOT = STACKS.parent
SECRET = re.compile(r"(?:^|_)(?:secrets?|tokens?|passwords?|signatures?|digests?|h?mac|proof)$")
HARMLESS = {
    ("hub/model/masking.py", "name.lower() in secret"),  # names of fields
    ("hub/receive/trial.py", "name.lower() in secret"),
    ("hub/dashboard/forms/filling.py", "name not in secret"),
    ("hub/dashboard/forms/shape.py", "place.path in self.secrets"),
    ("hub/outbound/oauth.py", "kept.token == token"),  # the hub's own, from itself
    ("hub/outbound/oauth.py", "' ' not in token"),
    ("hub/settings.py", "password == parts.username"),  # at the start, and nobody waits for it
    ("hub/store/errand.py", "idempotency.c.token == bindparam('of_token')"),  # SQL, its own
    ("hub/store/users.py", "users.c.password != ''"),  # SQL: whether there is one
    ("hub/store/users.py", "before['password'] != user.password"),  # two that argon2 has made
    ("hub/testing.py", "secret not in caught.value.message"),  # a test
}


def name_of(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=func):
            return name_of(func)
    return ""


def comparisons() -> Iterator[tuple[str, str]]:
    """Where something named like a secret is compared letter by letter."""
    letters = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
    for file in sorted([*(ROOT / "hub").rglob("*.py"), *(ROOT / "connectors").rglob("*.py")]):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], letters):
                continue
            if any(SECRET.search(name_of(each)) for each in (node.left, *node.comparators)):
                yield str(file.relative_to(ROOT)), ast.unparse(node)


def test_secrets_are_compared_in_constant_time() -> None:
    assert set(comparisons()) == HARMLESS


def test_the_comparison_stands_in_few_places() -> None:
    places = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "hub").rglob("*.py")
        if "compare_digest" in Path(file).read_text("utf-8")
    }
    assert places == {"hub/expr/jws.py", "hub/signature/compare.py", "hub/web/resume.py"}
