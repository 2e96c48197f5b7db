"""Sending one attempt of a delivery, with the token that its destination may want."""

from collections.abc import Callable
from dataclasses import replace

from hub.connector import Connector
from hub.deliver.request import request_of
from hub.model.delivery import ClaimedDelivery
from hub.model.destination import AuthOAuth2, Destination
from hub.model.http import OutboundResponse
from hub.model.time import US_PER_S
from hub.model.trace import Trace
from hub.observe.tracing import with_field
from hub.outbound.client import Sender
from hub.outbound.oauth import Reach, Tokens

_UNAUTHORIZED = 401


class Sending:
    """Sends deliveries; keeps the tokens of their destinations meanwhile."""

    def __init__(self, client: Sender, clock: Callable[[], int]) -> None:
        self._client = client
        self._tokens = Tokens(client)
        self._now_us = clock

    async def send(
        self,
        delivery: ClaimedDelivery,
        destination: Destination,
        connector: Connector,
        trace: Trace | None = None,
    ) -> OutboundResponse:
        """Send it, and read the answer; with a ``trace`` the other side is told of it.

        An answer of 401 to a token that was kept may mean that it was called back: it is thrown
        away, and the delivery sent once more with a fresh one.

        Raises:
            OutboundError: as :meth:`hub.outbound.client.Client.send`; ``token_refused`` and
                ``token_failed``, where no token could be had and nothing was sent.
            InvalidError: it cannot be signed.
        """
        auth = destination.auth
        if not isinstance(auth, AuthOAuth2):
            return await self._send(delivery, destination, connector, None, trace)
        reach = Reach(destination.timeout_s, destination.allow_private, destination.tls)
        for _ in range(2):
            token = await self._tokens.token(delivery.destination, auth, reach)
            response = await self._send(delivery, destination, connector, token, trace)
            if response.status != _UNAUTHORIZED:
                break
            self._tokens.forget(delivery.destination, token)
        return response

    async def _send(
        self,
        delivery: ClaimedDelivery,
        destination: Destination,
        connector: Connector,
        token: str | None,
        trace: Trace | None,
    ) -> OutboundResponse:
        now_s = self._now_us() // US_PER_S
        request = request_of(delivery, destination, connector, now_s, token)
        if trace is not None:
            request = replace(request, headers=with_field(request.headers, trace))
        return await self._client.send(
            request,
            timeout_s=destination.timeout_s,
            allow_private=destination.allow_private,
            tls=destination.tls,
        )
