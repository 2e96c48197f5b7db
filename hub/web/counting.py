"""The status of an answer, seen on its way out: what a server counts of each request."""

from starlette.types import Message, Send


class Seen:
    """Sends on what it is given, and remembers the status."""

    __slots__ = ("_send", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None
        """None as long as no answer has begun."""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)
