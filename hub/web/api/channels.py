"""``/v1/channels``: how channels are set, what was said on them, tokens, and saying something."""

from urllib.parse import urlencode

from starlette.responses import Response

from hub.errors import AccessError
from hub.model.channel import ChannelSetting, Pattern, check_channel, check_pattern
from hub.model.channel_token import NewToken
from hub.model.json import Json, dumps_text, loads
from hub.model.key import Scope
from hub.model.message import EARLIEST, Message
from hub.model.time import US_PER_S, to_iso
from hub.signature import new_secret
from hub.stack.channels import check_setting
from hub.store.objects import PUT, TOKENS, PutObject
from hub.web.access import allows
from hub.web.api.body import refused, wrong
from hub.web.api.call import Call, Operation, answer
from hub.web.api.named import Around, Named
from hub.web.paging import LIMIT, PAGE, cursor_invalid, limit_of
from hub.web.parameters import text, word
from hub.web.publishing import NewMessage, publish
from hub.web.shown.access import HistoryShown, Members, Messages, Published, TokenMade
from hub.web.shown.base import Revoked, listed
from hub.web.shown.named import ChannelShown
from hub.web.tokens import mint


def _check(around: Around, setting: ChannelSetting) -> list[str]:
    try:
        check_setting(setting)
    except ValueError as error:
        raise refused(wrong("/data", str(error))) from None
    return ["Anybody who knows the address may listen."] if setting.public else []


_US_PER_MS = 1_000

CHANNELS = Named(
    kind="channel",
    shape=ChannelSetting,
    shown_as=ChannelShown,
    made=lambda body: None,
    check=_check,
    beside=lambda call, slug: {"channel": slug},
    name=check_pattern,
    misnamed="channel_invalid",
    part="{slug:path}",
)


async def _publish(call: Call) -> Response:
    wish = await call.body(NewMessage)
    return answer({"id": await publish(call.hub, call.given("channel"), wish)}, 202)


async def _messages(call: Call) -> Response:
    """What a channel remembers, the oldest first."""
    channel = check_channel(call.given("channel"))
    query = call.query()
    most = limit_of(query.get("limit"))
    history = await call.hub.channels.history(channel, query.get("after", EARLIEST))
    newest = "only" in query
    some = history.messages[-most:] if newest else history.messages[:most]
    last = some[-1].position if some else str(history.position)
    more = not newest and len(history.messages) > len(some)
    told = urlencode({"after": last, "limit": most})
    return answer(
        {
            "items": [_shown(each) for each in some],
            "next": f"{call.root}/v1/channels/{channel}/messages?{told}" if more else None,
            "position": last,
            "gap": history.gap,
        }
    )


async def _histories(call: Call) -> Response:
    page = call.page()
    wanted = page.filters.get("channel")
    meant = None if wanted is None else Pattern(check_pattern(wanted))
    before = _place(page.decoded())
    found = [
        (ms, name)
        for ms, name in await call.hub.channels.latest()
        if (before is None or (ms, name) < before) and (meant is None or meant.covers(name))
    ]
    some = found[: page.limit]
    last = [*some[-1]] if len(found) > len(some) else None
    rules = call.hub.catalog.now.channels
    shown = [
        {"channel": name, "last_at": to_iso(ms * _US_PER_MS), "public": rules.is_public(name)}
        for ms, name in some
    ]
    return answer(page.answer(shown, last))


def _place(cursor: Json) -> tuple[int, str] | None:
    """Where a list of histories goes on."""
    match cursor:
        case None:
            return None
        case [int(ms), str(name)]:
            return ms, name
    raise cursor_invalid()


async def _members(call: Call) -> Response:
    members = await call.hub.presence.members(check_channel(call.given("channel")))
    return answer({"items": members.items, "next": None, "count": members.count})


def _shown(message: Message) -> Json:
    return loads(message.envelope)


async def _mint(call: Call) -> Response:
    wanted = await call.body(NewToken)
    if wanted.is_reserved and not allows(call.key.scopes, Scope.READ):
        raise AccessError(
            "What the hub itself tells is for keys that may read: this one needs the scope "
            "'read', too.",
            code="forbidden",
            scope=Scope.READ.value,
        )
    token, until_s = mint(call.hub, wanted)
    return answer({"token": token, "expires_at": to_iso(until_s * US_PER_S)}, 201)


async def _revoke(call: Call) -> Response:
    """A new secret in place of the one before: no token of before counts any more."""
    body = dumps_text({"secrets": [new_secret()]})
    await call.hub.ledger.write(PUT, PutObject(*TOKENS, body))
    await call.hub.catalog.refresh()
    return answer({"revoked": True})


_ONLY = word("only", "`newest`: the last ones, and not the first.", ("newest",))
_AFTER = text("after", "Only what was said after this position; without it all.")
_TOKENS = "/v1/channels/tokens"
_ONE = "/v1/channels/{channel:path}"
OPERATIONS = (
    Operation(
        *("POST", _TOKENS, Scope.PUBLISH, _mint, "Make a token for a browser", NewToken),
        gives={201: TokenMade},
        unaudited="A token is made for each page that is opened; it changes nothing.",
        name="create_channel_token",
    ),
    Operation(
        *("POST", f"{_TOKENS}/revoke", Scope.ADMIN, _revoke, "Revoke all tokens of channels"),
        gives={200: Revoked},
        name="revoke_channel_tokens",
    ),
    Operation(
        *("POST", f"{_ONE}/messages", Scope.PUBLISH, _publish, "Publish", NewMessage),
        gives={202: Published},
        unaudited="A message is traffic, and changes nothing that is set.",
        problems={
            400: ("channel_invalid", "channel_reserved", "message_invalid"),
            413: ("too_large",),
        },
        name="publish_message",
    ),
    Operation(
        *("GET", f"{_ONE}/messages", Scope.READ, _messages, "Read what a channel remembers"),
        query=(_AFTER, _ONLY, LIMIT),
        gives={200: Messages},
        problems={400: ("channel_invalid", "limit_invalid")},
    ),
    Operation(
        *("GET", f"{_ONE}/members", Scope.READ, _members, "See who is on a channel now"),
        gives={200: Members},
        problems={400: ("channel_invalid",)},
    ),
    Operation(
        *("GET", "/v1/histories", Scope.READ, _histories),
        "List the channels that something was said on, the last one first",
        query=(text("channel", "Only those that this name or pattern means."), *PAGE),
        gives={200: listed(HistoryShown)},
        problems={400: ("channel_invalid",)},
    ),
    *CHANNELS.operations(),
)
