"""What comes in the body of a management request: read within bounds, parsed, validated."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Annotated, Any, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request

from hub.errors import InvalidError, TooLargeError
from hub.model.json import Json, dumps, loads
from hub.stack.problem import Problem, nearest

MAX_BYTES = 5 * 1024 * 1024
_TAG = "mode"
S = TypeVar("S", bound=BaseModel)
Reason: TypeAlias = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]
"""Why somebody does something, in a few words."""
Name: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""What people call something."""


class Body(BaseModel):
    """What a request says: unknown fields are errors, and text is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


async def read_text(request: Request, timeout_s: float) -> str:
    """The body as text, whatever it says that it is.

    Raises:
        TooLargeError, InvalidError: as :func:`read_bytes`, or ``text_broken``.
    """
    raw = await read_bytes(request, timeout_s)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidError(
            f"The body is not UTF-8 text (byte {error.start}): save it as UTF-8.",
            code="text_broken",
        ) from error


async def read_json(request: Request, timeout_s: float, empty: Json = None) -> Json:
    """The body as JSON; with ``empty`` that is what an empty one stands for.

    Raises:
        TooLargeError, InvalidError: as :func:`read_bytes`, ``content_type_unsupported``,
            ``json_broken``, ``json_too_deep``.
    """
    kind = request.headers.get("content-type", "application/json").partition(";")[0]
    if not is_json(kind):
        raise InvalidError(
            f"This takes JSON, not {kind[:100]!r}: send the body as application/json.",
            code="content_type_unsupported",
        )
    raw = await read_bytes(request, timeout_s)
    if not raw and empty is not None:
        return empty
    if not raw:
        raise InvalidError("The body is empty: send JSON, {} at least.", code="json_broken")
    return loads(raw)


async def read_bytes(request: Request, timeout_s: float, most_bytes: int = MAX_BYTES) -> bytes:
    """The whole body, counted while it comes.

    Raises:
        TooLargeError: ``body_too_large``.
        InvalidError: ``content_encoding_unsupported``, ``body_timeout``.
        ClientDisconnect: nobody is left to be answered.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise InvalidError(
            "Compressed bodies are not taken: send the body as it is.",
            code="content_encoding_unsupported",
        )
    parts, size = [], 0
    try:
        async with asyncio.timeout(timeout_s):
            async for part in request.stream():
                size += len(part)
                if size > most_bytes:
                    raise TooLargeError(
                        f"The body is larger than {most_bytes:,} bytes: send less at once.",
                        code="body_too_large",
                        limit_bytes=most_bytes,
                    )
                parts.append(part)
    except TimeoutError:
        raise InvalidError(
            f"The body did not arrive within {timeout_s:g} s (HUB_BODY_TIMEOUT_S). Send it again.",
            code="body_timeout",
        ) from None
    return b"".join(parts)


async def parts_of(
    request: Request, timeout_s: float, most_bytes: int, noun: str = "body"
) -> AsyncIterator[bytes]:
    """The body part by part, for what is too large for memory; each may take so long to come.

    Raises:
        TooLargeError: ``body_too_large``.
        InvalidError: ``body_timeout``.
        ClientDisconnect: nobody is left to be answered.
    """
    size, parts = 0, aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(timeout_s):
                part = await anext(parts, None)
        except TimeoutError:
            raise InvalidError(
                f"Nothing more of the body came for {timeout_s:g} s. Send it again.",
                code="body_timeout",
            ) from None
        if part is None:
            return
        size += len(part)
        if size > most_bytes:
            raise TooLargeError(
                f"A {noun} has at most {most_bytes:,} bytes: cut it into parts.",
                code="body_too_large",
                limit_bytes=most_bytes,
            )
        yield part


def validated(shape: type[S], value: Json) -> S:
    """The value as a shape. It is read as JSON: text is no number, and 0 is not false.

    Raises:
        InvalidError: ``validation``, with all ``problems`` at once.
    """
    try:
        return shape.model_validate_json(dumps(value), strict=True)
    except ValidationError as error:
        problems = [_problem(shape, value, each) for each in error.errors(include_url=False)]
        raise refused(*problems) from error


def refused(*problems: Problem) -> InvalidError:
    """The error that says what is wrong with a body, and where."""
    first, more = problems[0], len(problems) - 1
    return InvalidError(
        (f"{first.pointer}: " if first.pointer else "")
        + first.message
        + (f" {first.hint}" if first.hint else "")
        + (f" (and {more} more problems)" if more else ""),
        code="validation",
        problems=[each.as_json() for each in problems],
    )


def wrong(pointer: str, message: str, near: str | None = None) -> Problem:
    """A problem at a JSON pointer; ``near`` is what was probably meant."""
    return Problem("error", message, near and f"Did you mean {near!r}?", pointer=pointer)


def object_of(value: Json) -> dict[str, Any]:
    """The value, if it is an object.

    Raises:
        InvalidError: ``validation``.
    """
    if not isinstance(value, dict):
        raise refused(wrong("", "The body must be an object."))
    return value


def _problem(shape: type[BaseModel], value: Json, error: ErrorDetails) -> Problem:
    path = list(_path(value, error["loc"]))
    pointer, last = _pointer(path), str(path[-1]) if path else ""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        holders = list(_holders(shape, error["loc"][:-1]))
        known = [name for each in holders for name in each.model_fields]
        return wrong(pointer, f"{last!r} is not known here.", nearest(last, known))
    if kind == "missing":
        return wrong(pointer, f"{last!r} is missing.")
    if kind == "union_tag_not_found":
        return wrong(f"{pointer}/{_TAG}", f"{_TAG!r} is missing.")
    if kind == "union_tag_invalid":
        tag, known = str(context.get("tag")), str(context.get("expected_tags")).split(", ")
        near = nearest(tag, [each.strip("'") for each in known])
        return wrong(f"{pointer}/{_TAG}", f"{tag!r} is none of {', '.join(known)}.", near)
    return wrong(pointer, error["msg"].removeprefix("Value error, ") + ".")


def _path(value: Json, loc: Iterable[int | str]) -> Iterator[int | str]:
    """An error's place in the value: parts that only name the kind of a union are passed over."""
    tag, parts = None, list(loc)
    for place, part in enumerate(parts):
        if tag is not None and part == tag:
            tag = None
            continue
        if not isinstance(value, (dict, list)) and place:
            return  # nothing stands below
        if isinstance(value, dict) and part not in value and place + 1 < len(parts):
            continue  # which of several shapes it was read as
        if isinstance(value, list) and not isinstance(part, int):
            continue
        yield part
        if isinstance(value, dict):
            value = value.get(str(part))
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        tag = value.get(_TAG) if isinstance(value, dict) else None


def _pointer(path: Iterable[int | str]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _holders(shape: type[BaseModel], loc: Iterable[int | str]) -> Iterable[type[BaseModel]]:
    """The models that may stand at a place."""
    holders: list[type[BaseModel]] = [shape]
    for part in loc:
        of_kind = [each for each in holders if part in _tags(each)]
        if len(holders) > 1 and of_kind:  # a union: the part names a kind of it
            holders = of_kind
            continue
        inside = [each.model_fields[str(part)] for each in holders if part in each.model_fields]
        if inside:
            holders = [model for each in inside for model in _models(each.annotation)]
    return holders


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models(each)


def _tags(model: type[BaseModel]) -> tuple[Any, ...]:
    field = model.model_fields.get(_TAG)
    return get_args(field.annotation) if field else ()


def is_json(content_type: str) -> bool:
    """Whether bodies of this type are JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def shown_body(raw: bytes, content_type: str) -> tuple[Json, str | None]:
    """The body as people read it, and how it is to be read: json, text or base64."""
    if not raw:
        return None, None
    if is_json(content_type):
        try:
            return loads(raw), "json"
        except InvalidError:
            pass
    try:
        return raw.decode(), "text"
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode(), "base64"
