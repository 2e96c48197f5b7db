"""``/v1/users``: people who sign in to the dashboard."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, StringConstraints
from starlette.responses import Response

from hub.errors import ConflictError
from hub.model.ids import new_id
from hub.model.key import Scope
from hub.store.identities import issuers_of
from hub.store.lookup import LAST, one, page
from hub.store.schema import users
from hub.store.users import CHANGE, DROP, PUT, NewUser, shown_user
from hub.web.api.body import Body, Name
from hub.web.api.call import Call, Operation, answer, missing, nothing
from hub.web.paging import PAGE
from hub.web.passwords import LEAST, MOST, hashed
from hub.web.shown.access import UserShown
from hub.web.shown.base import listed

RoleName: TypeAlias = Literal["viewer", "operator", "admin"]
Password: TypeAlias = Annotated[
    str, StringConstraints(min_length=LEAST, max_length=MOST, pattern=r"^[^\x00]*$")
]


class WantedUser(Body):
    """Somebody who may sign in."""

    name: Name = Field(description="What is signed in with.")
    role: RoleName = Field(description="A viewer looks, an operator changes, an admin does all.")
    password: Password = Field(description="It is not kept, and cannot be shown.")


class UserChange(Body):
    """What becomes of a user; what is left out stays."""

    name: Name = Field("", description="What is signed in with.")
    role: RoleName = Field("viewer", description="What they may do.")
    password: Password = Field("", description="A new one ends all sessions of the user.")


async def _get_all(call: Call) -> Response:
    wanted = call.page()
    before, most = wanted.after(LAST), wanted.limit + 1
    rows = await call.hub.ledger.read(page, users, before=before, most=most, without=("password",))
    last = rows[wanted.limit - 1]["id"] if len(rows) > wanted.limit else None
    shown = rows[: wanted.limit]
    issuers = await call.hub.ledger.read(issuers_of, [row["id"] for row in shown])
    return answer(wanted.answer([shown_user(row, issuers.get(row["id"])) for row in shown], last))


async def _make(call: Call) -> Response:
    wish = await call.body(WantedUser)
    made = NewUser(new_id("usr"), wish.name, wish.role, await hashed(wish.password))
    await call.hub.ledger.write(PUT, made)
    row = await call.hub.ledger.read(one, users, id=made.id)
    if row is None:
        raise ConflictError("The user was removed while it was being made.", code="user_gone")
    return answer(shown_user(row, None), 201)


async def _get(call: Call) -> Response:
    row = await _row(call)
    return answer(shown_user(row, await _issuer(call, row["id"])))


async def _change(call: Call) -> Response:
    row, wish = await _row(call), await call.body(UserChange)
    given = wish.model_fields_set
    if "password" in given:
        refuse_elsewhere(await _issuer(call, row["id"]))
    changed = NewUser(
        id=row["id"],
        name=wish.name if "name" in given else row["name"],
        role=wish.role if "role" in given else row["role"],
        password=await hashed(wish.password) if "password" in given else row["password"],
    )
    if not await call.hub.ledger.write(CHANGE, changed):
        raise missing("user", row["id"])
    call.access.forget()
    return await _get(call)


def refuse_elsewhere(issuer: object) -> None:
    """See that no identity provider signs a user in.

    Raises:
        ConflictError: ``user_elsewhere``.
    """
    if issuer:
        raise ConflictError(
            "An identity provider signs this user in: their password is that provider's.",
            code="user_elsewhere",
        )


async def _issuer(call: Call, user_id: str) -> str | None:
    return (await call.hub.ledger.read(issuers_of, [user_id])).get(user_id)


async def _row(call: Call) -> dict[str, Any]:
    user_id = call.id("usr", "user")
    row = await call.hub.ledger.read(one, users, id=user_id)
    if row is None:
        raise missing("user", user_id)
    return row


async def _remove(call: Call) -> Response:
    user_id = call.id("usr", "user")
    if not await call.hub.ledger.write(DROP, user_id):
        raise missing("user", user_id)
    call.access.forget()
    return nothing()


_UNKNOWN = {404: ("user_unknown",)}
_ONE = "/v1/users/{id}"
OPERATIONS = (
    Operation(
        *("GET", "/v1/users", Scope.ADMIN, _get_all, "List the users"),
        query=PAGE,
        gives={200: listed(UserShown)},
    ),
    Operation(
        *("POST", "/v1/users", Scope.ADMIN, _make, "Let somebody sign in", WantedUser),
        gives={201: UserShown},
        problems={409: ("user_name_taken", "user_gone")},
    ),
    Operation(
        *("GET", _ONE, Scope.ADMIN, _get, "Read what is known of a user"),
        gives={200: UserShown},
        problems=_UNKNOWN,
    ),
    Operation(
        *("PATCH", _ONE, Scope.ADMIN, _change, "Change a user", UserChange),
        gives={200: UserShown},
        problems={**_UNKNOWN, 409: ("user_name_taken", "user_elsewhere")},
    ),
    Operation(
        *("DELETE", _ONE, Scope.ADMIN, _remove, "Remove a user, and end its sessions"),
        gives={204: None},
        problems=_UNKNOWN,
    ),
)
