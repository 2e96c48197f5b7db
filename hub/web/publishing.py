"""Publishing a message for somebody else: checked, then said, within bounds of time."""

import asyncio
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from hub.bootstrap import Hub
from hub.errors import StoreError
from hub.model.channel import Can, check_channel, check_not_reserved
from hub.model.ids import new_id
from hub.model.json import dumps_text
from hub.model.message import Message, check_message
from hub.model.source import Limit
from hub.model.time import now_us
from hub.receive.pace import Pace
from hub.web.admission import Admission, Grant
from hub.web.api.body import Body, read_json, validated
from hub.web.api.call import answer

_PUBLISH_S = 5.0
_CLIENT = Limit(requests=100, per_s=10)
"""So much one address may say: a token is in the hands of whoever has the page."""


class NewMessage(Body):
    """A message to be published."""

    event: str = Field(description="What happened.")
    data: Any = Field(description="Any JSON, at most 256 KiB.")
    id: str | None = Field(None, description="Published once, however often it is sent.")


async def publish(hub: Hub, channel: str, wish: NewMessage, sender: str | None = None) -> str:
    """Say something on a channel; gives the message's id.

    Raises:
        InvalidError: ``channel_invalid``, ``channel_reserved``, ``message_invalid``.
        TooLargeError: the data are longer than 256 KiB.
        StoreError: ``redis_unavailable``.
    """
    check_not_reserved(check_channel(channel))
    hub.catalog.now.channels.check(channel, wish.data)
    message_id = new_id("msg") if wish.id is None else wish.id
    data = dumps_text(wish.data)
    message = check_message(Message(message_id, channel, wish.event, data, now_us(), sender=sender))
    try:
        async with asyncio.timeout(_PUBLISH_S):
            await hub.channels.publish([message])
    except TimeoutError:
        raise StoreError(
            f"Redis did not take the message within {_PUBLISH_S:g} s. Try again with the same id: "
            "it is published once.",
            code="redis_unavailable",
        ) from None
    return message.id


class Clients:
    """Answers pages and programs that publish with a token."""

    def __init__(self, hub: Hub, admission: Admission) -> None:
        self._hub = hub
        self._admission = admission
        self._pace = Pace()

    async def publish(self, request: Request, channel: str, grant: Grant) -> Response:
        """``POST /realtime/{channel}``.

        Raises:
            AccessError: ``unauthorized``, ``forbidden``, ``too_many_requests``.
            HubError: as :func:`publish`.
        """
        check_channel(channel)
        self._admission.check(grant, Can.PUBLISH, [channel])
        if grant.until_s is not None:  # a page's: who has a key is trusted further
            self._pace.take(request.client.host if request.client else "", _CLIENT)
        body = await read_json(request, self._hub.settings.body_timeout_s)
        wish = validated(NewMessage, body)
        return answer({"id": await publish(self._hub, channel, wish, grant.sub)}, 202)
