"""``/v1/variables``: values for ``env.X``."""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, StringConstraints
from starlette.responses import Response

from hub.connector import quoted
from hub.errors import ConflictError, InvalidError
from hub.model.json import Json, dumps_text, loads
from hub.model.key import Scope
from hub.model.masking import MASK, keep_secrets
from hub.model.time import to_iso
from hub.store.objects import DROP, PUT, DropObject, PutObject, all_objects, one_object
from hub.web.api.body import Body, object_of, validated
from hub.web.api.call import Call, Operation, answer, missing, nothing
from hub.web.api.named import Around, Doc, Named
from hub.web.paging import PAGE
from hub.web.shown.base import listed
from hub.web.shown.named import VariableShown

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


class NewVariable(Body):
    """A variable to be set."""

    value: Annotated[str, StringConstraints(max_length=65_536, pattern=r"^[^\x00]*$")] = Field(
        description="What env.NAME gives. Left out, a secret keeps the one that it has."
    )
    secret: bool = Field(False, description="Never shown, and only used where it leaves the hub.")


def _check_name(name: str) -> str:
    if _NAME.fullmatch(name):
        return name
    raise InvalidError(
        f"{quoted(name)!r} is no name for a variable: letters, digits and underscores, "
        "at most 100, and no digit in front.",
        code="variable_name_invalid",
    )


@dataclass(frozen=True)
class _Variables(Named[NewVariable]):
    """Variables, of which each has a value and says whether it is secret."""

    def ready(self, around: Around, body: Doc) -> tuple[str, list[str]]:
        """As it is kept: with both."""
        return dumps_text(validated(NewVariable, body).model_dump()), []


VARIABLES = _Variables(
    kind="variable",
    shape=NewVariable,
    shown_as=VariableShown,
    made=lambda body: None,
    check=lambda around, variable: [],
    beside=lambda call, slug: {},
    name=_check_name,
    part="{name}",
)
"""As files set them."""


async def _get_all(call: Call) -> Response:
    page = call.page()
    rows = {row["slug"]: row for row in await call.hub.ledger.read(all_objects, kind="variable")}
    names, last = page.of_names({*rows, *call.hub.catalog.now.variables})
    shown = [_shown(rows[name]) if name in rows else _from_outside(call, name) for name in names]
    return answer(page.answer([each for each in shown if each], last))


async def _get(call: Call) -> Response:
    name = call.given("name")
    row = await _row(call, name)
    shown = _shown(row) if row else _from_outside(call, name)
    if shown is None:
        raise missing("variable", name)
    return answer(shown)


async def _put(call: Call) -> Response:
    name = _check_name(call.given("name"))
    given = object_of(await call.json())
    row = await _row(call, name)
    before = loads(row["body"]) if row else {}
    if not (before.get("secret") and given.get("secret")):
        before = {}  # a secret stays one, or is given anew
    kept = keep_secrets(given, before, (("value",),))
    text = dumps_text(validated(NewVariable, kept).model_dump())
    created = await call.hub.ledger.write(PUT, PutObject("variable", name, text))
    await call.hub.catalog.refresh()
    written = await _row(call, name)
    if written is None:
        raise missing("variable", name)
    return answer(_shown(written), 201 if created else 200)


async def _delete(call: Call) -> Response:
    name = call.given("name")
    if not await call.hub.ledger.write(DROP, DropObject("variable", name)):
        if _from_outside(call, name):
            raise ConflictError(
                f"{name!r} is set by the process environment: remove HUB_VAR_{name} there.",
                code="managed_by_environment",
            )
        raise missing("variable", name)
    await call.hub.catalog.refresh()
    return nothing()


async def _row(call: Call, name: str) -> dict[str, Any] | None:
    return await call.hub.ledger.read(one_object, "variable", name)


def _shown(row: dict[str, Any]) -> dict[str, Json]:
    body = loads(row["body"])
    return {
        "name": row["slug"],
        "value": MASK if body["secret"] else body["value"],
        "secret": body["secret"],
        "managed_by": row["managed_by"],
        "created_at": to_iso(row["created_at"]),
        "updated_at": to_iso(row["updated_at"]),
    }


def _from_outside(call: Call, name: str) -> dict[str, Json] | None:
    """A variable that the process environment gives."""
    found = call.hub.catalog.now.variables.get(name)
    if found is None:
        return None
    value = MASK if found.secret else found.value
    return {
        "name": name,
        "value": value,
        "secret": found.secret,
        "managed_by": "environment",
        "created_at": None,
        "updated_at": None,
    }


_UNKNOWN = {404: ("variable_unknown",)}
_ONE = "/v1/variables/{name}"
OPERATIONS = (
    Operation(
        *("GET", "/v1/variables", Scope.READ, _get_all, "List the variables"),
        query=PAGE,
        gives={200: listed(VariableShown)},
    ),
    Operation(
        *("GET", _ONE, Scope.READ, _get, "Read a variable"),
        gives={200: VariableShown},
        problems=_UNKNOWN,
    ),
    Operation(
        *("PUT", _ONE, Scope.WRITE, _put, "Create or replace a variable", NewVariable),
        gives={200: VariableShown, 201: VariableShown},
        problems={
            400: ("variable_name_invalid", "mask_given"),
            **_UNKNOWN,
            409: ("managed_by_file",),
        },
    ),
    Operation(
        *("DELETE", _ONE, Scope.WRITE, _delete, "Remove a variable"),
        gives={204: None},
        problems={**_UNKNOWN, 409: ("managed_by_file", "managed_by_environment")},
    ),
)
