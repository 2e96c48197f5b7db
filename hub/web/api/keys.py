"""``/v1/keys``: who may use this API. A key is shown once, when it is made."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from starlette.responses import Response

from hub.errors import ConflictError
from hub.model.ids import new_id
from hub.model.json import Json, loads
from hub.model.key import Scope, hash_of, new_key, prefix_of
from hub.model.time import from_iso, now_us, to_iso
from hub.store.keys import DROP, PUT, NewKey
from hub.store.lookup import LAST, one, page
from hub.store.schema import keys
from hub.web.api.body import Body, refused, wrong
from hub.web.api.call import Call, Operation, answer, missing, nothing

_NAME = r"^[^\x00-\x1f\x7f]+$"


class WantedKey(Body):
    """A key to be made."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_NAME)] = Field(
        description="Who uses it, or what for."
    )
    scopes: list[Literal["admin", "write", "read", "ingest", "run", "publish"]] = Field(
        min_length=1, description="What it may do; admin may do all, write may also read."
    )
    expires_at: str | None = Field(None, description="When it ends; null for never.")


async def _get_all(call: Call) -> Response:
    wanted = call.page()
    before, most = wanted.after(LAST), wanted.limit + 1
    rows = await call.hub.ledger.read(page, keys, before=before, most=most, without=("hash",))
    last = rows[wanted.limit - 1]["id"] if len(rows) > wanted.limit else None
    return answer(wanted.answer([_shown(row) for row in rows[: wanted.limit]], last))


async def _make(call: Call) -> Response:
    wish = await call.body(WantedKey)
    text = new_key()
    made = NewKey(
        id=new_id("key"),
        name=wish.name,
        prefix=prefix_of(text),
        hash=hash_of(text),
        scopes=tuple(sorted(set(wish.scopes))),
        expires_at=_expiry(wish.expires_at),
    )
    await call.hub.ledger.write(PUT, made)
    row = await call.hub.ledger.read(one, keys, id=made.id)
    if row is None:
        raise ConflictError("The key was revoked while it was being made.", code="key_gone")
    return answer({**_shown(row), "key": text}, 201)


async def _revoke(call: Call) -> Response:
    key_id = call.id("key", "key")
    if not await call.hub.ledger.write(DROP, key_id):
        raise missing("key", key_id)
    call.access.forget()
    return nothing()


def _expiry(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        at = from_iso(text)
    except (ValueError, OverflowError) as error:
        raise refused(wrong("/expires_at", "Not an ISO 8601 date and time.")) from error
    if at <= now_us():
        raise refused(
            wrong("/expires_at", "A key that has expired is of no use: name a later time.")
        )
    return at


def _shown(row: dict[str, Any]) -> dict[str, Json]:
    return {
        "id": row["id"],
        "name": row["name"],
        "prefix": row["prefix"],
        "scopes": loads(row["scopes"]),
        "created_at": to_iso(row["created_at"]),
        "expires_at": row["expires_at"] and to_iso(row["expires_at"]),
    }


OPERATIONS = (
    Operation("GET", "/v1/keys", Scope.ADMIN, _get_all, "List the keys"),
    Operation("POST", "/v1/keys", Scope.ADMIN, _make, "Make a key", WantedKey),
    Operation("DELETE", "/v1/keys/{id}", Scope.ADMIN, _revoke, "Revoke a key"),
)
