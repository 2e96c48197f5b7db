"""``/v1/account``: who is asking, and a password of one's own."""

from pydantic import Field
from starlette.responses import Response

from hub.errors import AccessError, ConflictError
from hub.model.ids import is_id
from hub.model.key import Scope
from hub.store.identities import issuers_of
from hub.store.lookup import one
from hub.store.schema import users
from hub.store.users import CHANGE, NewUser
from hub.web.api.body import Body, refused, wrong
from hub.web.api.call import Call, Operation, answer, nothing
from hub.web.api.users import Password, refuse_elsewhere
from hub.web.passwords import MOST, hashed, is_right
from hub.web.shown.access import AccountShown


class PasswordChange(Body):
    """A new password for whoever asks."""

    present: str = Field(max_length=MOST, description="The one that they have.")
    password: Password = Field(description="The new one. It ends all of their sessions.")


async def _get(call: Call) -> Response:
    key = call.key
    kind = "user" if is_id("usr", key.id) else "key"
    issuer = (await call.hub.ledger.read(issuers_of, [key.id])).get(key.id)
    told = {"kind": kind, "id": key.id, "name": key.name, "scopes": sorted(key.scopes)}
    return answer({**told, "issuer": issuer})


async def _change_password(call: Call) -> Response:
    wish = await call.body(PasswordChange)
    row = None
    if is_id("usr", call.key.id):
        row = await call.hub.ledger.read(one, users, id=call.key.id)
    if row is None:
        raise ConflictError(
            "A key has no password: this is for users, who sign in with one.", code="not_a_user"
        )
    refuse_elsewhere(await call.hub.ledger.read(issuers_of, [row["id"]]))
    address = call.request.client.host if call.request.client else ""
    call.access.guesses.check(address)
    if not await is_right(row["password"], wish.present):
        call.access.guesses.wrong(address)
        raise refused(wrong("/present", "This is not your password."))
    changed = NewUser(row["id"], row["name"], row["role"], await hashed(wish.password))
    if not await call.hub.ledger.write(CHANGE, changed):
        raise AccessError("You have been removed meanwhile.")
    return nothing()


OPERATIONS = (
    Operation(
        *("GET", "/v1/account", Scope.READ, _get, "See who is asking"),
        gives={200: AccountShown},
        name="read_account",
    ),
    Operation(
        *("POST", "/v1/account/password", Scope.READ, _change_password),
        *("Change the password of whoever asks", PasswordChange),
        gives={204: None},
        problems={409: ("not_a_user", "user_elsewhere")},
        name="change_password",
    ),
)
