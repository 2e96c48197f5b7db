"""``/v1/channels``: which channels are public, and publishing on any."""

import asyncio
from typing import Any

from pydantic import Field
from starlette.responses import Response

from hub.errors import StoreError
from hub.model.channel import check_channel, check_not_reserved
from hub.model.ids import new_id
from hub.model.json import Json, dumps_text, loads
from hub.model.key import Scope
from hub.model.message import Message, check_message
from hub.model.time import now_us, to_iso
from hub.store.objects import DROP, PUT, DropObject, PutObject, all_objects, one_object
from hub.web.api.body import Body
from hub.web.api.call import Call, Operation, answer, missing, nothing

_PUBLISH_S = 5.0


class NewChannel(Body):
    """A channel's setting."""

    public: bool = Field(False, description="Anybody may subscribe, without a token.")


class NewMessage(Body):
    """A message to be published."""

    event: str = Field(description="What happened.")
    data: Any = Field(description="Any JSON, at most 256 KiB.")
    id: str | None = Field(None, description="Published once, however often it is sent.")


async def _get_all(call: Call) -> Response:
    page = call.page()
    rows = {row["slug"]: row for row in await call.hub.ledger.read(all_objects, kind="channel")}
    names, last = page.of_names(rows)
    return answer(page.answer([_shown(rows[name]) for name in names], last))


async def _get(call: Call) -> Response:
    return answer(_shown(await _row(call)))


async def _put(call: Call) -> Response:
    name = check_channel(call.given("channel"))
    setting = await call.body(NewChannel)
    text = dumps_text({"public": setting.public})
    created = await call.hub.ledger.write(PUT, PutObject("channel", name, text))
    await call.hub.catalog.refresh()
    return answer(_shown(await _row(call)), 201 if created else 200)


async def _delete(call: Call) -> Response:
    name = call.given("channel")
    if not await call.hub.ledger.write(DROP, DropObject("channel", name)):
        raise missing("channel", name)
    await call.hub.catalog.refresh()
    return nothing()


async def _publish(call: Call) -> Response:
    channel = check_channel(call.given("channel"))
    check_not_reserved(channel)
    wish = await call.body(NewMessage)
    message_id = new_id("msg") if wish.id is None else wish.id
    message = check_message(
        Message(message_id, channel, wish.event, dumps_text(wish.data), now_us())
    )
    try:
        async with asyncio.timeout(_PUBLISH_S):
            await call.hub.channels.publish([message])
    except TimeoutError:
        raise StoreError(
            f"Redis did not take the message within {_PUBLISH_S:g} s. Try again with the same id: "
            "it is published once.",
            code="redis_unavailable",
        ) from None
    return answer({"id": message.id}, 202)


async def _row(call: Call) -> dict[str, Any]:
    name = call.given("channel")
    row = await call.hub.ledger.read(one_object, "channel", name)
    if row is None:
        raise missing("channel", name)
    return row


def _shown(row: dict[str, Any]) -> dict[str, Json]:
    return {
        "channel": row["slug"],
        "public": bool(loads(row["body"]).get("public")),
        "managed_by": row["managed_by"],
        "created_at": to_iso(row["created_at"]),
        "updated_at": to_iso(row["updated_at"]),
    }


_ONE = "/v1/channels/{channel:path}"
OPERATIONS = (
    Operation("GET", "/v1/channels", Scope.READ, _get_all, "List the channels that are set"),
    Operation("POST", f"{_ONE}/messages", Scope.PUBLISH, _publish, "Publish", NewMessage),
    Operation("GET", _ONE, Scope.READ, _get, "Read a channel's setting"),
    Operation("PUT", _ONE, Scope.WRITE, _put, "Set a channel", NewChannel),
    Operation("DELETE", _ONE, Scope.WRITE, _delete, "Forget a channel's setting"),
)
