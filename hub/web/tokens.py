"""Tokens of channels, made now."""

import time
from collections.abc import Awaitable, Callable

from hub.bootstrap import Hub
from hub.model.channel import Can
from hub.model.channel_token import NewToken
from hub.signature.channel_tokens import mint_token

_DEMO_S = 600


def mint(hub: Hub, wanted: NewToken) -> tuple[str, int]:
    """A token, and when it ends in seconds since the epoch."""
    return mint_token(hub.catalog.now.token_secrets[0], wanted, int(time.time()))


def demo_mint(hub: Hub, channel: str) -> Callable[[], Awaitable[str]]:
    """Makes tokens by which the page to try things on listens and speaks there."""
    can = (Can.SUBSCRIBE, Can.PUBLISH, Can.PRESENCE)
    wanted = NewToken(channels=(channel,), can=can, ttl_s=_DEMO_S)

    async def token() -> str:
        return mint(hub, wanted)[0]

    return token
