"""Secrets in files: where one stands as ``${NAME}``, whoever applies the file gives it.

A name that nobody gives stands for what is left out: what the hub has already stays as it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.model.secrets import Path, secret_paths, with_secrets

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_UNFIT = re.compile(r"[^A-Z0-9]+")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A body whose references are what they stand for; ``left`` names those that are not given.

    They are left out of the body; ``left`` has them by JSON pointers.
    """

    body: dict[str, Any]
    left: Mapping[str, str]


def resolved(kind: str, body: Mapping[str, Any], given: Mapping[str, str]) -> Resolved:
    """What a body of a file means, where these names are given."""
    left: dict[Path, str] = {}

    def value_of(text: str, path: Path) -> str:
        reference = _REFERENCE.fullmatch(text)
        if reference is None:
            return text
        name = reference[1]
        if name not in given:
            left[path] = name
        return given.get(name, text)

    meant = with_secrets(body, secret_paths(kind, body), value_of)
    for path in left:
        meant = _without(meant, path)
    return Resolved(meant, {"".join(f"/{part}" for part in path): left[path] for path in left})


def _without(body: dict[str, Any], path: Path) -> dict[str, Any]:
    head, *rest = path
    if rest:
        return {**body, head: _without(body[head], tuple(rest))}
    return {name: value for name, value in body.items() if name != head}


def referring(kind: str, slug: str, body: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A body with a reference in place of each secret, and the names of all of them."""
    names: list[str] = []

    def reference(text: str, path: Path) -> str:
        whole = _UNFIT.sub("_", "_".join((kind, slug, *path)).upper()).strip("_")
        name, number = whole, 1
        while name in names:
            number += 1
            name = f"{whole}_{number}"
        names.append(name)
        return f"${{{name}}}"

    return with_secrets(body, secret_paths(kind, body), reference), names
