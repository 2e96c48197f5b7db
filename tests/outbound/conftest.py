"""A server that answers as a test wants, and clients to send to it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import pytest

from hub.outbound.client import Client
from hub.outbound.guard import AddressPolicy
from tests.outbound.servers import LOOPBACK, Handler, RawServer, Serve, polite


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """``await serve(handler)`` starts a server on a free port of 127.0.0.1."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(handler: Handler = polite, tls: ssl.SSLContext | None = None) -> RawServer:
            server = RawServer(handler)
            listening = await asyncio.start_server(server, "127.0.0.1", 0, ssl=tls)
            server.port = listening.sockets[0].getsockname()[1]
            stack.push_async_callback(server.stop)
            stack.callback(listening.close)
            return server

        yield start


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client that may go to loopback, as ``HUB_OUTBOUND_ALLOW=127.0.0.0/8,::1/128`` makes it."""
    async with Client(AddressPolicy(allow=LOOPBACK)) as opened:
        yield opened


@pytest.fixture
async def strict() -> AsyncIterator[Client]:
    """A client as it is in production: nothing but public addresses."""
    async with Client(AddressPolicy()) as opened:
        yield opened
