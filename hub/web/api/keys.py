"""``/v1/keys``: who may use this API. A key is shown once, when it is made."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field
from starlette.responses import Response

from hub.errors import ConflictError
from hub.model.ids import new_id
from hub.model.json import loads
from hub.model.key import Scope, hash_of, new_key, prefix_of
from hub.model.time import from_iso, now_us
from hub.store.keys import CHANGE, DROP, PUT, ChangedKey, NewKey, shown_key
from hub.store.lookup import LAST, one, page
from hub.store.schema import keys
from hub.web.api.body import Body, Name, refused, wrong
from hub.web.api.call import Call, Operation, answer, missing, nothing
from hub.web.paging import PAGE
from hub.web.shown.access import KeyMade, KeyShown
from hub.web.shown.base import listed

Scopes: TypeAlias = Annotated[
    list[Literal["admin", "write", "read", "ingest", "run", "publish"]], Field(min_length=1)
]


class WantedKey(Body):
    """A key to be made."""

    name: Name = Field(description="Who uses it, or what for.")
    scopes: Scopes = Field(description="What it may do; admin may do all, write may also read.")
    expires_at: str | None = Field(None, description="When it ends; null for never.")


class KeyChange(Body):
    """What becomes of a key; what is left out stays."""

    name: Name = Field("", description="Who uses it, or what for.")
    scopes: Scopes = Field([], description="What it may do.")
    expires_at: str | None = Field(None, description="When it ends; null for never.")


async def _get_all(call: Call) -> Response:
    wanted = call.page()
    before, most = wanted.after(LAST), wanted.limit + 1
    rows = await call.hub.ledger.read(page, keys, before=before, most=most, without=("hash",))
    last = rows[wanted.limit - 1]["id"] if len(rows) > wanted.limit else None
    return answer(wanted.answer([shown_key(row) for row in rows[: wanted.limit]], last))


async def _make(call: Call) -> Response:
    wish = await call.body(WantedKey)
    text = new_key()
    made = NewKey(
        id=new_id("key"),
        name=wish.name,
        prefix=prefix_of(text),
        hash=hash_of(text),
        scopes=tuple(sorted(set(wish.scopes))),
        expires_at=expiry_of(wish.expires_at),
    )
    await call.hub.ledger.write(PUT, made)
    row = await call.hub.ledger.read(one, keys, id=made.id)
    if row is None:
        raise ConflictError("The key was revoked while it was being made.", code="key_gone")
    return answer({**shown_key(row), "key": text}, 201)


async def _get(call: Call) -> Response:
    return answer(shown_key(await _row(call)))


async def _change(call: Call) -> Response:
    row, wish = await _row(call), await call.body(KeyChange)
    given = wish.model_fields_set
    scopes = wish.scopes if "scopes" in given else loads(row["scopes"])
    changed = ChangedKey(
        id=row["id"],
        name=wish.name if "name" in given else row["name"],
        scopes=tuple(sorted(set(scopes))),
        expires_at=expiry_of(wish.expires_at) if "expires_at" in given else row["expires_at"],
    )
    if not await call.hub.ledger.write(CHANGE, changed):
        raise missing("key", row["id"])
    call.access.forget()
    return await _get(call)


async def _row(call: Call) -> dict[str, Any]:
    key_id = call.id("key", "key")
    row = await call.hub.ledger.read(one, keys, id=key_id)
    if row is None:
        raise missing("key", key_id)
    return row


async def _revoke(call: Call) -> Response:
    key_id = call.id("key", "key")
    if not await call.hub.ledger.write(DROP, key_id):
        raise missing("key", key_id)
    call.access.forget()
    return nothing()


def expiry_of(text: str | None) -> int | None:
    """When a key ends, in microseconds since the epoch; None for never.

    Raises:
        InvalidError: ``validation``: it is no time, or has passed.
    """
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


_UNKNOWN = {404: ("key_unknown",)}
_ONE = "/v1/keys/{id}"
OPERATIONS = (
    Operation(
        *("GET", "/v1/keys", Scope.ADMIN, _get_all, "List the keys"),
        query=PAGE,
        gives={200: listed(KeyShown)},
    ),
    Operation(
        *("POST", "/v1/keys", Scope.ADMIN, _make, "Make a key", WantedKey),
        gives={201: KeyMade},
        problems={409: ("key_gone",)},
    ),
    Operation(
        *("GET", _ONE, Scope.ADMIN, _get, "Read what is known of a key"),
        gives={200: KeyShown},
        problems=_UNKNOWN,
    ),
    Operation(
        *("PATCH", _ONE, Scope.ADMIN, _change, "Change a key", KeyChange),
        gives={200: KeyShown},
        problems={**_UNKNOWN, 409: ("last_admin_key",)},
    ),
    Operation(
        *("DELETE", _ONE, Scope.ADMIN, _revoke, "Revoke a key"),
        gives={204: None},
        problems={**_UNKNOWN, 409: ("last_admin_key",)},
    ),
)
