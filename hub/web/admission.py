"""Admission: who comes to the live channels, and what they may do there.

Whoever asks shows an API key (in the header only: a URL is written down in many places), a token
of the hub's own or of an issuer that is set, or nothing.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, QueryParams

from hub.errors import AccessError, SignatureError
from hub.model.channel import EVERYTHING, PRESENCE, Can, Pattern, Right, allows
from hub.model.issuer import member_of, rights_of
from hub.model.key import Scope
from hub.signature import token_ends_s
from hub.signature.channel_tokens import ISSUER, issuer_of, read_token
from hub.store.catalog import Snapshot
from hub.web.access import Access
from hub.web.access import allows as key_allows
from hub.web.issued import Issued

_DOTS_OF_A_JWT = 2
_READ = Right(channels=EVERYTHING, can=(Can.SUBSCRIBE, Can.PRESENCE))
_PUBLISH = Right(channels=("*",), can=(Can.PUBLISH,))


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may do."""

    rights: tuple[Right, ...] = ()
    until_s: float | None = None
    """Seconds since the epoch; None: it does not end by itself."""
    sub: str | None = None
    """Who they are, by their token."""
    info: Any = None
    is_known: bool = False
    """Whether they showed anything at all."""


class Admission:
    """Reads what is shown, and lets in or refuses."""

    def __init__(self, access: Access, issued: Issued, now: Callable[[], Snapshot]) -> None:
        self._access = access
        self._issued = issued
        self._now = now

    async def grant(self, headers: Headers, query: QueryParams, address: str = "") -> Grant:
        """What whoever sends these from an address may do.

        Raises:
            AccessError: ``unauthorized``: what they show is not known, or has ended;
                ``too_many_requests``.
            OutboundError: ``keys_unavailable``: nobody can say now whether it is good.
        """
        authorization, token = headers.get("authorization"), query.get("token")
        if authorization is None and token is not None:
            if token.count(".") != _DOTS_OF_A_JWT:
                raise AccessError(
                    "This is no token of a channel. An API key never belongs into a URL: make a "
                    "token with POST /v1/channels/tokens."
                )
            return await self._of_token(token)
        if authorization is None:
            return Grant()
        kind, _, given = authorization.partition(" ")
        if kind.lower() == "bearer" and given.count(".") == _DOTS_OF_A_JWT:
            return await self._of_token(given.strip())
        key = await self._access.find(authorization, address)
        rights = [_READ] if key_allows(key.scopes, Scope.READ) else []
        rights += [_PUBLISH] if key_allows(key.scopes, Scope.PUBLISH) else []
        return Grant(tuple(rights), is_known=True)

    async def _of_token(self, text: str) -> Grant:
        if issuer_of(text) != ISSUER:
            issuer, claims = await self._issued.claims(text)
            rights, member = rights_of(issuer, claims), member_of(issuer, claims)
            return Grant(rights, token_ends_s(claims), member, is_known=True)
        try:
            token = read_token(self._now().token_secrets, text)
        except SignatureError as error:
            raise AccessError(f"{error.message} POST /v1/channels/tokens makes one.") from error
        return Grant(token.rights, token.until_s, token.sub, token.info, is_known=True)

    def check(self, grant: Grant, can: Can, channels: Iterable[str]) -> None:
        """Refuse what a grant is not for.

        Raises:
            AccessError: ``unauthorized`` where nothing was shown or it has ended, ``forbidden``
                where it is for something else; the channel is named.
        """
        if grant.until_s is not None and grant.until_s <= time.time():
            raise AccessError("The token has ended: make a new one.")
        for channel in channels:
            if not self._may(grant, can, channel):
                raise _refusal(grant, can, channel)

    def _may(self, grant: Grant, can: Can, channel: str) -> bool:
        if channel.startswith(PRESENCE) and can is Can.SUBSCRIBE:
            can, channel = Can.PRESENCE, channel.removeprefix(PRESENCE)
        if allows(grant.rights, can, channel):
            return True
        is_open = can is Can.SUBSCRIBE and Pattern(channel).is_one
        return is_open and self._now().channels.is_public(channel)


def _refusal(grant: Grant, can: Can, channel: str) -> AccessError:
    if grant.is_known:
        return AccessError(
            f"This token may not {_DOING[can]} {channel!r}. Make one that may, with POST "
            "/v1/channels/tokens.",
            code="forbidden",
            channel=channel,
        )
    return AccessError(
        f"{channel!r} is not public: send 'Authorization: Bearer TOKEN', or ?token=TOKEN. POST "
        '/v1/channels/tokens makes a token; PUT /v1/channels/… {"public": true} opens a channel '
        "to all.",
        channel=channel,
    )


_DOING = {
    Can.SUBSCRIBE: "subscribe to",
    Can.PUBLISH: "publish on",
    Can.PRESENCE: "be present on",
}
