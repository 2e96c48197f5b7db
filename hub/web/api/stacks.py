"""``/v1/stacks``: documents with tasks, uploaded as they stand."""

import re
from typing import Any

from starlette.responses import Response

from hub.connector import quoted
from hub.errors import InvalidError
from hub.model.key import Scope
from hub.model.time import to_iso
from hub.stack.load import Stack, load_stack
from hub.store.lookup import one, where
from hub.store.schema import stacks
from hub.store.stacks import DROP, PUT, PutStack, stack_text
from hub.web.api.call import Call, Operation, answer, known_word, missing, nothing, text_answer

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


async def _get_all(call: Call) -> Response:
    page = call.page()
    rows = {row["name"]: row for row in await call.hub.ledger.read(where, stacks)}
    names, last = page.of_names(rows)
    loaded = call.hub.catalog.now.stacks
    items = [{**_shown(name, loaded.get(name)), **_facts(rows[name])} for name in names]
    return answer(page.answer(items, last))


async def _get(call: Call) -> Response:
    name = call.given("name")
    form = known_word("format", call.query("format").get("format"), ("json", "text"))
    row = await call.hub.ledger.read(one, stacks, name=name)
    text = await call.hub.ledger.read(stack_text, name, row["version"]) if row else None
    if row is None or text is None:
        raise missing("stack", name)
    if form == "text":
        return text_answer(text)
    try:
        shown = _shown(name, load_stack(name, text))
    except InvalidError as error:  # accepted by another version of the hub
        shown = {**_shown(name, None), "problems": error.details.get("problems", [])}
    return answer({**shown, **_facts(row), "text": text})


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
    created = await call.hub.ledger.write(PUT, PutStack(name, stack.version, text))
    await call.hub.catalog.refresh()
    return answer(_shown(name, stack), 201 if created else 200)


async def _delete(call: Call) -> Response:
    name = call.given("name")
    if not await call.hub.ledger.write(DROP, name):
        raise missing("stack", name)
    await call.hub.catalog.refresh()
    return nothing()


def _shown(name: str, stack: Stack | None) -> dict[str, Any]:
    return {
        "name": name,
        "version": stack and stack.version,
        "tasks": [task.full_name for task in stack.tasks.values()] if stack else [],
        "endpoints": [],
        "schedules": [],
        "problems": [],
    }


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": row["version"],
        "managed_by": row["managed_by"],
        "updated_at": to_iso(row["updated_at"]),
    }


OPERATIONS = (
    Operation("GET", "/v1/stacks", Scope.READ, _get_all, "List the stacks"),
    Operation("GET", "/v1/stacks/{name}", Scope.READ, _get, "Read a stack"),
    Operation("PUT", "/v1/stacks/{name}", Scope.WRITE, _put, "Upload a version of a stack"),
    Operation("DELETE", "/v1/stacks/{name}", Scope.WRITE, _delete, "Remove a stack"),
)
