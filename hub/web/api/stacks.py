"""``/v1/stacks``: documents with tasks, uploaded as they stand."""

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from hub.connector import quoted
from hub.errors import ConflictError, InvalidError
from hub.model.key import Scope
from hub.model.time import to_iso
from hub.stack.check import problems_of
from hub.stack.load import load_stack
from hub.stack.task import Stack
from hub.store.lookup import one, where
from hub.store.schema import stacks
from hub.store.stacks import DROP, PUT, DropStack, PutStack, stack_text
from hub.web.api.call import Call, Operation, answer, missing, nothing, text_answer
from hub.web.api.pauses import set_paused
from hub.web.paging import PAGE
from hub.web.parameters import word
from hub.web.shown.base import Content, listed
from hub.web.shown.stacks import StackChecked, StackInFull, StackPaused, StackShown

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


async def _get_all(call: Call) -> Response:
    page = call.page()
    rows = {row["name"]: row for row in await call.hub.ledger.read(where, stacks)}
    names, last = page.of_names(rows)
    loaded = call.hub.catalog.now.stacks
    items = [
        {**_shown(name, loaded.get(name), loaded), **_facts(call, rows[name])} for name in names
    ]
    return answer(page.answer(items, last))


async def _get(call: Call) -> Response:
    name = call.given("name")
    form = call.query().get("format")
    row = await call.hub.ledger.read(one, stacks, name=name)
    text = await call.hub.ledger.read(stack_text, name, row["version"]) if row else None
    if row is None or text is None:
        raise missing("stack", name)
    if form == "text":
        return text_answer(text)
    stacks_now = call.hub.catalog.now.stacks
    try:
        shown = _shown(name, load_stack(name, text), stacks_now)
    except InvalidError as error:  # accepted by another version of the hub
        shown = {**_shown(name, None, stacks_now), "problems": error.details.get("problems", [])}
    return answer({**shown, **_facts(call, row), "text": text})


async def _put(call: Call) -> Response:
    name = call.given("name")
    if not _NAME.fullmatch(name):
        raise InvalidError(
            f"{quoted(name)!r} is no name for a stack: 1 to 100 letters, digits and the "
            "characters _ . - with none of the last two in front.",
            code="stack_name_invalid",
        )
    text = await call.text()
    stack = load_stack(name, text)
    await call.hub.catalog.refresh()
    _refuse_clashes(stack, call.hub.catalog.now.stacks)
    created = await call.hub.ledger.write(
        PUT, PutStack(name, stack.version, text, tables=tuple(stack.tables.items()))
    )
    await call.hub.catalog.refresh()
    return answer(_shown(name, stack, call.hub.catalog.now.stacks), 201 if created else 200)


async def _check(call: Call) -> Response:
    name = call.given("name")
    text = await call.text()
    stacks = call.hub.catalog.now.stacks
    try:
        stack = load_stack(name, text)
    except InvalidError as error:
        return answer({**_shown(name, None, stacks), "problems": error.details["problems"]})
    return answer(_shown(name, stack, stacks))


def _refuse_clashes(stack: Stack, others: Mapping[str, Stack]) -> None:
    problems = [each for each in problems_of(stack, others) if each.severity == "error"]
    if problems:
        raise ConflictError(
            problems[0].message,
            code=(problems[0].code or "conflict").replace("-", "_"),
            problems=[each.as_json() for each in problems],
        )


async def _pause(call: Call) -> Response:
    return await _held(call, paused=True)


async def _resume(call: Call) -> Response:
    return await _held(call, paused=False)


async def _held(call: Call, *, paused: bool) -> Response:
    name = call.given("name")
    if await call.hub.ledger.read(one, stacks, name=name) is None:
        raise missing("stack", name)
    await set_paused(call, f"stack:{name}", paused=paused)
    return answer({"name": name, "paused": paused})


async def _delete(call: Call) -> Response:
    name = call.given("name")
    if not await call.hub.ledger.write(DROP, DropStack(name)):
        raise missing("stack", name)
    await set_paused(call, f"stack:{name}", paused=False)
    return nothing()


def _shown(name: str, stack: Stack | None, others: Mapping[str, Stack]) -> dict[str, Any]:
    return {
        "name": name,
        "version": stack and stack.version,
        "tasks": [task.full_name for task in stack.tasks.values()] if stack else [],
        "endpoints": [
            {"method": each.method, "path": each.path, "task": each.task}
            for each in (stack.endpoints if stack else ())
        ],
        "schedules": [
            {"name": each.name, "schedule": each.cron, "timezone": each.timezone, "task": each.task}
            for each in (stack.schedules if stack else ())
        ],
        "problems": [each.as_json() for each in problems_of(stack, others)] if stack else [],
    }


def _facts(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "paused": f"stack:{row['name']}" in call.hub.catalog.now.paused,
        "version": row["version"],
        "managed_by": row["managed_by"],
        "updated_at": to_iso(row["updated_at"]),
    }


_TEXT = Content(("text/plain",), "The document, JSON5 or YAML; whatever type it is sent as.")
_UNKNOWN = {404: ("stack_unknown",)}
_ONE = "/v1/stacks/{name}"
OPERATIONS = (
    Operation(
        *("GET", "/v1/stacks", Scope.READ, _get_all, "List the stacks"),
        query=PAGE,
        gives={200: listed(StackShown)},
    ),
    Operation(
        *("GET", _ONE, Scope.READ, _get, "Read a stack"),
        query=(word("format", "`text`: only its text, as it was uploaded.", ("json", "text")),),
        gives={200: Content(("text/plain",), "A stack, or its text alone.", StackInFull)},
        problems=_UNKNOWN,
    ),
    Operation(
        *("PUT", _ONE, Scope.WRITE, _put, "Upload a version of a stack", _TEXT),
        gives={200: StackChecked, 201: StackChecked},
        problems={
            400: ("stack_name_invalid", "text_broken"),
            409: ("endpoint_taken", "declared_elsewhere", "managed_by_file"),
            422: ("document_broken", "stack_invalid"),
        },
    ),
    Operation(
        *("POST", f"{_ONE}/check", Scope.READ, _check, "Check a text, and keep nothing", _TEXT),
        gives={200: StackChecked},
        unaudited="It keeps nothing.",
        problems={400: ("text_broken",)},
    ),
    Operation(
        *("POST", f"{_ONE}/pause", Scope.WRITE, _pause, "Let none of its runs begin"),
        gives={200: StackPaused},
        problems=_UNKNOWN,
    ),
    Operation(
        *("POST", f"{_ONE}/resume", Scope.WRITE, _resume, "Let its runs begin again"),
        gives={200: StackPaused},
        problems=_UNKNOWN,
    ),
    Operation(
        *("DELETE", _ONE, Scope.WRITE, _delete, "Remove a stack"),
        gives={204: None},
        problems={**_UNKNOWN, 409: ("managed_by_file",)},
    ),
)
