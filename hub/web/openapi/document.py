"""The document: every path, what it takes and all that it may answer (OpenAPI 3.1)."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel, RootModel

from hub.model.json import Json
from hub.model.key import Scope
from hub.web.api import NOUNS
from hub.web.api.body import Body
from hub.web.api.call import Operation
from hub.web.once import MAX_CHARS
from hub.web.openapi.outside import GROUPS, Outside
from hub.web.openapi.parts import parts_of, path_of, singular
from hub.web.openapi.schemas import Schemas
from hub.web.paging import CURSOR, LIMIT
from hub.web.parameters import Parameter, text
from hub.web.problems import MEDIA_TYPE
from hub.web.shown.base import Content, Given
from hub.web.shown.problem import ProblemAnswer
from hub.web.stream import EVENT_STREAM

_JSON = "application/json"
_ABOUT = """Everything that the hub can be asked for.

Send `Authorization: Bearer KEY`; each operation says which scope the key needs.
`admin` may do all, `write` may also read.
Times are ISO 8601 in UTC, and a name ends in its unit where there is one.
Lists come in pages: follow `next`.
What goes wrong is a problem (RFC 9457) with a `code` for programs and a `message` that says what
to do next.
Fields may be added to answers, and codes to problems."""
_FEW = 3
"""Problems of so few codes stand once, under names made of these."""
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_VERBS = {"GET": "get", "PUT": "put", "PATCH": "change", "DELETE": "delete"}


@cache
def document() -> dict[str, Any]:
    """The whole of it; nobody may change it."""
    described = [(each, noun) for noun in NOUNS for each in noun.OPERATIONS]
    outside = [each for group in GROUPS for each in group.operations]
    every: list[Operation | Outside] = [*(each for each, _ in described), *outside]
    schemas = Schemas(_shapes(each.body for each in every), _shapes(_given(every)))
    paths: dict[str, dict[str, Json]] = {}
    for each, noun in described:
        told = _operation(each, schemas) | {
            "tags": [_tag(noun)],
            "security": [{"key": []}],
            "description": _scope(each.scope),
        }
        paths.setdefault(path_of(each.path), {})[each.method.lower()] = told
    for group in GROUPS:
        for each in group.operations:
            told = _operation(each, schemas) | {
                "tags": [group.name],
                "security": [{name: []} if name else {} for name in each.security],
                "description": each.about,
            }
            paths.setdefault(each.path, {})[each.method.lower()] = told
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "The hub",
            "version": version("webhook-hub"),
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The hub that serves this."}],
        "tags": [
            *({"name": _tag(noun), "description": _first_line(noun)} for noun in NOUNS),
            *({"name": group.name, "description": group.about} for group in GROUPS),
        ],
        "paths": paths,
        "components": {
            "securitySchemes": _SECURITY,
            "parameters": {"IdempotencyKey": _parameter(_ONCE, "header")},
            "schemas": dict(sorted(schemas.named.items())),
            "responses": _shared(every),
        },
    }


_COMMON: Mapping[int, tuple[str, ...]] = {
    401: ("unauthorized",),
    403: ("forbidden",),
    429: ("too_many_requests",),
    500: ("internal",),
    503: ("store_unavailable", "redis_unavailable"),
}
_ONCE = text(
    "Idempotency-Key",
    "Of the requests of a key with the same one, one is carried out; the others get its answer.",
    pattern=f"^[!-~]{{1,{MAX_CHARS}}}$",
)
_SECURITY = {
    "key": {"type": "http", "scheme": "bearer", "description": "One of the hub's API keys."},
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token for channels: the hub's own, or of an issuer that is set.",
    },
    "token_in_query": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "The same, for those who can send no header.",
    },
}


def codes_of(operation: Operation) -> dict[int, list[str]]:
    """The codes of the problems that it may answer, by status."""
    found = {status: [*codes] for status, codes in _COMMON.items()}

    def add(status: int, *codes: str) -> None:
        found.setdefault(status, []).extend(codes)

    if "{" in operation.path:
        add(400, "path_invalid")
        add(404, "path_unknown")
    if operation.query:
        add(400, "query_unknown", "query_invalid")
    if LIMIT in operation.query:
        add(400, "limit_invalid")
    if CURSOR in operation.query:
        add(400, "cursor_invalid")
    if operation.body is not None:
        add(408, "body_timeout")
        add(413, "body_too_large")
        add(415, "content_encoding_unsupported")
    if isinstance(operation.body, type):
        add(400, "json_broken", "json_too_deep")
        add(415, "content_type_unsupported")
        add(422, "validation")
    if operation.method != "GET":
        add(400, "idempotency_key_invalid")
        add(409, "idempotency_key_in_use", "idempotency_outcome_lost")
        add(422, "idempotency_key_reused")
    for status, codes in operation.problems.items():
        add(status, *(code for code in codes if code not in found.get(status, ())))
    return dict(sorted(found.items()))


def name_of(operation: Operation | Outside) -> str:
    """What clients call an operation: ``list_events``, ``rotate_source``."""
    if operation.name:
        return operation.name
    pieces = path_of(operation.path).split("/")[2:]
    nouns = [
        singular(piece) if after.startswith("{") else piece
        for piece, after in zip(pieces, [*pieces[1:], ""], strict=True)
        if not piece.startswith("{")
    ]
    last = pieces[-1]
    if last.startswith("{"):
        return "_".join((_VERBS[operation.method], *nouns))
    if operation.method == "GET":
        return "_".join(("list" if last.endswith("s") else "get", *nouns))
    if last.endswith("s"):
        return "_".join(("create", *nouns[:-1], singular(last)))
    return "_".join((last, *nouns[:-1]))


def _operation(each: Operation | Outside, schemas: Schemas) -> dict[str, Json]:
    told: dict[str, Json] = {"operationId": name_of(each), "summary": each.summary}
    parameters = [
        *(_parameter(part, "path") for part in parts_of(each.path)),
        *(_parameter(one, "query") for one in each.query),
    ]
    if isinstance(each, Outside):
        parameters += [_parameter(one, "header") for one in each.headers]
    elif each.method != "GET":
        parameters.append({"$ref": "#/components/parameters/IdempotencyKey"})
    if parameters:
        told["parameters"] = parameters
    if each.body is not None:
        told["requestBody"] = {
            "required": not each.optional,
            "content": _sent(each, each.body, schemas),
        }
    answers = {status: _answer(status, given, schemas) for status, given in each.gives.items()}
    refusals = {status: _refusal(status, codes) for status, codes in _codes(each).items()}
    told["responses"] = {
        str(status): answer for status, answer in sorted({**refusals, **answers}.items())
    }
    if isinstance(each, Outside) and each.otherwise:
        told["responses"]["default"] = {"description": each.otherwise}
    return told


def _parameter(each: Parameter, where: str) -> dict[str, Json]:
    is_needed = each.required or where == "path"
    return {
        "name": each.name,
        "in": where,
        "description": each.about,
        **({"required": True} if is_needed else {}),
        "schema": dict(each.schema),
    }


def _sent(each: Operation | Outside, body: Given, schemas: Schemas) -> dict[str, Json]:
    if isinstance(body, Content):
        return {kind: {"schema": _schema_of(kind)} for kind in body.types}
    if body is None:
        return {}
    is_change = each.method == "PATCH" and not issubclass(body, (RootModel, Body))
    return {_JSON: {"schema": schemas.patch(body) if is_change else schemas.sent(body)}}


def _answer(status: int, given: Given, schemas: Schemas) -> dict[str, Json]:
    if given is None:
        return {"description": f"{HTTPStatus(status).phrase}."}
    if isinstance(given, Content):
        content = {kind: {"schema": _schema_of(kind)} for kind in given.types}
        if given.shape is not None:
            content = {_JSON: {"schema": schemas.shown(given.shape)}, **content}
        return {"description": given.about, "content": content}
    about = " ".join((given.__doc__ or "").split())
    return {"description": about, "content": {_JSON: {"schema": schemas.shown(given)}}}


def _schema_of(kind: str) -> dict[str, Json]:
    """What is known of a body of which only the type is."""
    if kind in (_JSON, EVENT_STREAM):
        return {}
    return {"type": "object" if kind in _FORMS else "string"}


def _refusal(status: int, codes: Sequence[str]) -> dict[str, Json]:
    if len(codes) <= _FEW:
        return {"$ref": f"#/components/responses/{_camel(codes)}"}
    return _problem(status, codes)


def _problem(status: int, codes: Iterable[str]) -> dict[str, Json]:
    named = ", ".join(f"`{code}`" for code in codes)
    schema = {"$ref": f"#/components/schemas/{ProblemAnswer.__name__}"}
    return {
        "description": f"{HTTPStatus(status).phrase}: {named}",
        "content": {MEDIA_TYPE: {"schema": schema}},
    }


def _shared(every: Iterable[Operation | Outside]) -> dict[str, Json]:
    """The problems that operations refer to."""
    found = {}
    for each in every:
        for status, codes in _codes(each).items():
            if len(codes) <= _FEW:
                found[_camel(codes)] = _problem(status, codes)
    return dict(sorted(found.items()))


def _codes(each: Operation | Outside) -> Mapping[int, Sequence[str]]:
    return each.problems if isinstance(each, Outside) else codes_of(each)


def _camel(codes: Iterable[str]) -> str:
    return "".join(code.title().replace("_", "") for code in codes)


def _given(every: Iterable[Operation | Outside]) -> Iterable[Given]:
    yield ProblemAnswer
    for each in every:
        yield from each.gives.values()


def _shapes(given: Iterable[Given]) -> list[type[BaseModel]]:
    shapes = (each.shape if isinstance(each, Content) else each for each in given)
    return [each for each in shapes if each is not None]


def _scope(scope: Scope) -> str:
    return f"Needs a key with the scope `{scope.value}`."


def _tag(noun: Any) -> str:
    return str(noun.__name__).rpartition(".")[2]


def _first_line(noun: Any) -> str:
    """What a module says of itself behind its path."""
    text = " ".join((noun.__doc__ or "").split("\n\n", 1)[0].split())
    about = text.partition(": ")[2] or text
    return (about[0].upper() + about[1:]).replace("``", "`")
