"""Secrets: where they stand in what people set. There they are masked, and sealed at rest."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias

from hub.model.destination import Destination
from hub.model.issuer import Issuer
from hub.model.masking import is_secret_header
from hub.model.source import Source

Path: TypeAlias = tuple[str, ...]
Body: TypeAlias = Mapping[str, Any]


def secret_paths(kind: str, body: Body, before: Body | None = None) -> tuple[Path, ...]:
    """Where secrets stand in an object's body, and in the one before it."""
    match kind:
        case "source":
            return Source.SECRETS
        case "destination":
            return (*Destination.SECRETS, *_header_paths(body, before or {}))
        case "issuer":
            return Issuer.SECRETS
        case "variable":
            return (("value",),) if body.get("secret") else ()
        case "signing":
            return (("secrets",),)
    return ()


def with_secrets(
    body: Body, paths: Iterable[Path], change: Callable[[str, Path], str]
) -> dict[str, Any]:
    """A copy in which each text at the paths is what ``change(text, path)`` makes of it."""
    copy = dict(body)
    for path in paths:
        _change(copy, path, partial(_at, path, change))
    return copy


def _at(path: Path, change: Callable[[str, Path], str], text: str) -> str:
    return change(text, path)


def _change(body: dict[str, Any], path: Path, change: Callable[[str], str]) -> None:
    head, *rest = path
    value = body.get(head)
    if rest and isinstance(value, dict):
        inside = body[head] = dict(value)
        _change(inside, tuple(rest), change)
    elif not rest and isinstance(value, str):
        body[head] = change(value)
    elif not rest and isinstance(value, list):
        body[head] = [change(each) if isinstance(each, str) else each for each in value]


def _header_paths(body: Body, before: Body) -> Iterable[Path]:
    """The header fields whose names say that they carry a secret; by their new spelling."""
    given, kept = (_names(each.get("headers")) for each in (body, before))
    lower = {name.lower() for name in given}
    names = given + [name for name in kept if name.lower() not in lower]
    return (("headers", name) for name in names if is_secret_header(name))


def _names(headers: object) -> list[str]:
    return list(headers) if isinstance(headers, dict) else []
