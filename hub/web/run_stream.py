"""``/v1/runs/{id}/stream``: a run as it stands, then what changes of it, until it has ended."""

from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.bootstrap import Hub
from hub.listener import Item, Mark
from hub.model.channel import RUNS
from hub.model.json import dumps_text, loads
from hub.model.message import Message, sse_event
from hub.model.time import now_us
from hub.web.stream import start_of, stream
from hub.web.wish import Wish


class RunStream(Response):
    """Server-sent events: ``run`` with the whole run first, then the messages of its channel.

    ``run`` is in the API's shape; it ends with the message that says that the run has ended.
    """

    def __init__(self, hub: Hub, run: dict[str, Any], *, ended: frozenset[str]) -> None:
        super().__init__()
        self._hub = hub
        self._run = run
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the run has ended, the client goes, or the hub stops."""
        channel = f"{RUNS}{self._run['id']}"
        listener = await self._hub.channels.subscribe((channel,))
        with self._hub.watch.watching((channel,)):
            if self._run["status"] in self._ended:
                listener.close()
            first = sse_event(self._as_message(channel))
            wish = Wish((channel,), first=first, is_last=self._is_last)
            await stream(listener, wish, self._hub.stopping, start_of({}), (receive, send))

    def _as_message(self, channel: str) -> Message:
        run_id = self._run["id"]
        return Message(f"{run_id}:now", channel, "run", dumps_text(self._run), now_us())

    def _is_last(self, item: Item) -> bool:
        if isinstance(item, Mark) or item.event != "status":
            return False
        told = loads(item.data)
        return isinstance(told, dict) and told.get("status") in self._ended
