import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

import jwt
import pytest
import uvicorn
from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

from hub.channels import Channels
from hub.channels.presence import Presence
from hub.errors import AccessError, HubError, StoreError
from hub.listener import QUEUE_MESSAGES, Mark, Stopping
from hub.model.channel import ChannelSetting
from hub.model.channel_token import NewToken
from hub.model.ids import new_id
from hub.model.message import Message
from hub.signature.channel_tokens import mint_token
from hub.stack.channels import ChannelRules
from hub.store.catalog import Snapshot
from hub.web import stream as streaming
from hub.web.access import Access
from hub.web.admission import Admission, Grant
from hub.web.cors import Cors
from hub.web.issued import Issued
from hub.web.live import Bounds, Live
from hub.web.protocol import Protocol

EDITOR = "https://editor.weweb.io"
PREVIEW = "https://0b1c2d3e-0000-4000-8000-aabbccddeeff-12-staging.weweb-preview.io"


def said(n: object, channel: str = "orders") -> Message:
    return Message(new_id("msg"), channel, "said", json.dumps(n), 0)


SECRET = "a secret of at least 32 characters"


def snapshot() -> Snapshot:
    """All channels are public but those that are secret."""
    rules = {"*": ChannelSetting(public=True), "secret*": ChannelSetting()}
    return Snapshot(channels=ChannelRules(rules), token_secrets=(SECRET,))


def token(*channels: str, **wanted: Any) -> str:
    return mint_token(SECRET, NewToken(channels=channels, **wanted), int(time.time()))[0]


class NoKeys:
    """Stands where API keys are looked up: these stories know tokens alone."""

    async def find(self, authorization: str | None, address: str = "") -> Any:
        raise AccessError("No.")


class NoIssuers:
    """Nor is anybody else's token taken."""

    async def claims(self, text: str) -> Any:
        raise AccessError("No.")


async def publish(request: Request, channel: str, grant: Grant) -> Response:
    return PlainTextResponse(f"{channel} {grant.sub}")


def problem(error: HubError, scope: Scope) -> Response:
    return PlainTextResponse(error.code, status_code=401 if isinstance(error, AccessError) else 400)


@dataclass
class Stream:
    """An open answer, read as WeWeb's REST plugin does: line by line, data lines only."""

    status: int
    headers: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    rest: str = ""
    ended: bool = False
    lines: list[str] = field(default_factory=list)

    async def more(self) -> None:
        async with asyncio.timeout(5):
            size = int((await self.reader.readline()).strip(), 16)
            chunk = await self.reader.readexactly(size)
            await self.reader.readline()
        self.ended = size == 0
        *lines, self.rest = (self.rest + chunk.decode()).split("\n")
        self.lines += [line.strip() for line in lines]

    async def until(self, text: str) -> str:
        """The first line, of those to come, that begins so."""
        while True:
            for line in self.lines:
                if line.startswith(text):
                    self.lines.remove(line)
                    return line
            assert not self.ended, f"ended without {text!r}"
            await self.more()

    async def data(self, count: int) -> list[Any]:
        return [json.loads((await self.until("data:"))[5:]) for _ in range(count)]

    async def end(self) -> None:
        while not self.ended:
            await self.more()


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # the state is another's, who knows of no event
            await asyncio.sleep(0.005)


class Site:
    """The endpoint behind a real server on loopback."""

    def __init__(self, redis: Redis) -> None:
        self.channels = channels = Channels(redis)
        self.stopping = Stopping()
        self.now = snapshot()
        self.app = Live(
            channels=channels,
            admission=Admission(
                cast(Access, NoKeys()), cast(Issued, NoIssuers()), lambda: self.now
            ),
            cors=Cors(["https://app.example.com/"], lambda channel: channel == "public"),
            stopping=self.stopping,
            problem=problem,
            publish=publish,
            bounds=Bounds(stream_s=600, streams=50),
            presence=Presence(redis, lambda _: ChannelSetting(), "server", grace_s=0.1),
        )
        config = uvicorn.Config(
            self.app, http=Protocol, log_config=None, lifespan="off", access_log=False
        )
        self.server = uvicorn.Server(config)
        self.socket = socket.create_server(("127.0.0.1", 0))

    async def send(self, method: str, path: str, **headers: str) -> Stream:
        reader, writer = await asyncio.open_connection(*self.socket.getsockname())
        fields = "".join(
            f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()
        )
        writer.write(f"{method} {path} HTTP/1.1\r\nhost: hub\r\n{fields}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        told = dict(line.split(": ", 1) for line in head[1:] if line)
        return Stream(int(head[0].split()[1]), told, reader, writer)

    @asynccontextmanager
    async def open(self, path: str, **headers: str) -> AsyncIterator[Stream]:
        stream = await self.send("GET", f"/realtime/{path}", **headers)
        try:
            assert stream.status == 200
            await stream.until("retry:")
            await stream.until("id:")
            yield stream
        finally:
            stream.writer.close()

    def bound(self, stream_s: float = 600, streams: int = 50) -> None:
        """Let streams last so long, and be so many."""
        object.__setattr__(self.app, "bounds", Bounds(stream_s, streams))

    async def listeners(self, count: int) -> None:
        """Until so many listen."""
        await eventually(lambda: self.channels.listeners == count)


@pytest.fixture
async def site(redis: Redis) -> AsyncIterator[Site]:
    site = Site(redis)
    following = asyncio.create_task(site.channels.follow())
    serving = asyncio.create_task(site.server.serve(sockets=[site.socket]))
    yield site
    site.stopping.set()
    site.server.should_exit = True
    await serving
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


async def test_a_page_sees_each_message_as_one_line_of_json(site: Site) -> None:
    async with site.open("orders") as stream:
        message = said({"text": "one\ntwo", "n": 1})
        (position,) = await site.channels.publish([message])
        assert await stream.until("id:") == f"id: {position}"
        assert await stream.data(1) == [
            {
                "id": message.id,
                "event": "said",
                "channel": "orders",
                "data": {"text": "one\ntwo", "n": 1},
                "ts": "1970-01-01T00:00:00.000000Z",
                "position": position,
            }
        ]
        assert not any(line.startswith("event:") for line in stream.lines)


async def test_the_answer_is_a_stream_that_nothing_keeps_or_gathers(site: Site) -> None:
    async with site.open("orders") as stream:
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["cache-control"] == "no-store"
        assert stream.headers["x-accel-buffering"] == "no"


async def test_it_begins_with_a_position_and_a_time_to_come_back_after(site: Site) -> None:
    (first,) = await site.channels.publish([said(1)])
    stream = await site.send("GET", f"/realtime/orders?last_event_id={first}")
    assert await stream.until(":") == f": hello {first}"
    assert 1000 <= int((await stream.until("retry:"))[6:]) <= 3000
    stream.writer.close()


async def test_a_name_may_hold_slashes(site: Site) -> None:
    async with site.open("orders/new") as stream:
        await site.channels.publish([said("x", "orders/new")])
        assert (await stream.data(1))[0]["channel"] == "orders/new"


async def test_the_header_wins_over_the_parameter_when_resuming(site: Site) -> None:
    first, second, _ = await site.channels.publish([said(1), said(2), said(3)])
    cases: list[tuple[str, dict[str, str], list[int]]] = [
        (f"orders?last_event_id={first}", {}, [2, 3]),
        ("orders?last_event_id=earliest", {}, [1, 2, 3]),
        (f"orders?last_event_id={first}", {"Last_Event_ID": second}, [3]),
    ]
    for path, headers, expected in cases:
        async with site.open(path, **headers) as stream:
            assert [each["data"] for each in await stream.data(len(expected))] == expected


async def test_weweb_resumes_by_the_position_in_the_envelope(site: Site) -> None:
    await site.channels.publish([said(n) for n in range(5)])
    heard, position = [], "earliest"
    for _ in range(2):
        async with site.open(f"orders?limit=2&last_event_id={position}") as stream:
            for each in await stream.data(2):
                heard.append(each["data"])
                position = each["position"]
            await stream.end()
    assert heard == [0, 1, 2, 3]


async def test_a_gap_is_told_as_a_comment(site: Site) -> None:
    await site.channels.publish([said(1)])
    async with site.open("orders?last_event_id=0ld-1-1") as stream:
        assert await stream.until(":") == ": hello earliest"
        assert await stream.until(":") == ": gap"
        assert len(await stream.data(1)) == 1


async def test_a_stream_ends_after_the_messages_that_were_asked_for(site: Site) -> None:
    async with site.open("orders?limit=2") as stream:
        await site.channels.publish([said(1), said(2), said(3)])
        await stream.end()
        assert [each["data"] for each in await stream.data(2)] == [1, 2]
        assert not any(line.startswith("data:") for line in stream.lines)


async def test_a_stream_ends_after_the_time_that_was_asked_for(site: Site) -> None:
    async with site.open("orders?max_seconds=0.05") as stream:
        await stream.end()
    await site.listeners(0)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=-1", "max_seconds=0", "max_seconds=nan", "limit=²"]
)
async def test_a_wish_that_makes_no_sense_is_refused(site: Site, query: str) -> None:
    answer = await site.send("GET", f"/realtime/orders?{query.replace('²', '%C2%B2')}")
    assert answer.status == 400
    assert await answer.reader.readexactly(17) == b"parameter_invalid"
    answer.writer.close()


async def test_silence_is_broken_by_a_comment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_HEARTBEAT_S", 0.02)
    async with site.open("orders") as stream:
        await stream.until(": hello")
        assert await stream.until(":") == ":"
        assert await stream.until(":") == ":"
        await site.channels.publish([said(1)])
        assert len(await stream.data(1)) == 1


async def test_a_stop_ends_every_stream_in_good_form(site: Site) -> None:
    async with site.open("orders") as one, site.open("bills") as other:
        site.stopping.set()
        await one.end()
        await other.end()
    await site.listeners(0)


async def test_a_client_that_has_gone_is_forgotten(site: Site) -> None:
    async with site.open("orders"):
        await site.listeners(1)
    await site.listeners(0)


async def test_a_client_that_reads_nothing_is_cut_off(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_FLUSH_S", 0.05)
    async with site.open("orders"):
        await site.listeners(1)
        for _ in range(0, QUEUE_MESSAGES * 20, 100):
            await site.channels.publish([said("x" * 10_000) for _ in range(100)])
            if not site.channels.listeners:
                break
        await site.listeners(0)
        await eventually(lambda: not site.server.server_state.tasks)


async def test_a_slow_client_that_reads_again_in_time_is_told_why_it_ends(site: Site) -> None:
    async with site.open("orders") as stream:
        await site.listeners(1)
        (listener,) = site.channels._feed.readers.of("orders")
        for _ in range(QUEUE_MESSAGES + 1):
            listener.put(said(1))
        await stream.until(f": {Mark.SLOW}")
        await stream.end()


async def test_without_access_there_is_a_problem_that_the_page_can_read(site: Site) -> None:
    refused = await site.send("GET", "/realtime/secret", origin=EDITOR)
    assert refused.status == 401
    assert refused.headers["access-control-allow-origin"] == EDITOR
    refused.writer.close()
    async with site.open("secret", authorization=f"Bearer {token('secret')}"):
        pass
    async with site.open(f"secret?token={token('secret')}"):
        pass


async def test_a_name_that_no_channel_can_have_is_refused(site: Site) -> None:
    refused = await site.send("GET", "/realtime/a%20b")
    assert refused.status == 400
    assert await refused.reader.readexactly(15) == b"channel_invalid"
    refused.writer.close()


async def test_while_redis_is_down_an_event_source_is_told_to_come_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(*_: object) -> None:
        raise StoreError("Down.", code="redis_unavailable")

    monkeypatch.setattr(site.channels, "subscribe", down)
    shed = await site.send("GET", "/realtime/orders", accept="text/event-stream")
    assert shed.status == 200
    body = (await shed.reader.readexactly(int(shed.headers["content-length"]))).decode()
    assert body.startswith(": redis_unavailable\nretry: ")
    shed.writer.close()
    refused = await site.send("GET", "/realtime/orders", accept="*/*")
    assert refused.status == 400
    refused.writer.close()


async def test_a_preflight_is_answered_without_access(site: Site) -> None:
    answer = await site.send("OPTIONS", "/realtime/secret", origin=EDITOR)
    answer.writer.close()
    assert answer.status == 204
    told = {name: value for name, value in answer.headers.items() if name.startswith("access")}
    assert told == {
        "access-control-allow-origin": EDITOR,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, POST, OPTIONS",
        "access-control-allow-headers": "authorization, content-type, last-event-id",
        "access-control-max-age": "600",
    }
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", [EDITOR, PREVIEW, "https://app.example.com", None])
async def test_a_stream_names_the_origin_that_it_answers(site: Site, origin: str | None) -> None:
    async with site.open("orders", **({"origin": origin} if origin else {})) as stream:
        assert stream.headers.get("access-control-allow-origin") == origin
        assert stream.headers["vary"] == "Origin"


async def test_other_methods_are_not_allowed(site: Site) -> None:
    answer = await site.send("PUT", "/realtime/orders")
    answer.writer.close()
    assert answer.status == 400
    assert await answer.reader.readexactly(18) == b"method_not_allowed"


@pytest.mark.parametrize(
    "origin",
    [
        EDITOR,
        PREVIEW,
        "https://editor-dev.weweb.io",
        "https://acme-editor.weweb.io",
        "https://0b1c2d3e-0000-4000-8000-aabbccddeeff.weweb-preview.io",
        "https://app.example.com",
    ],
)
def test_these_pages_may_call(origin: str) -> None:
    headers = Cors(["https://app.example.com"]).headers(origin, ["orders"])
    assert headers["access-control-allow-origin"] == origin


@pytest.mark.parametrize(
    "origin",
    [
        "http://editor.weweb.io",
        "https://editor.weweb.io.evil.example",
        "https://evil.example/editor.weweb.io",
        "https://evileditor.weweb.io",
        "https://editor.weweb.io\n",
        "https://x.weweb-preview.io",
        "https://sub.app.example.com",
        "null",
    ],
)
def test_other_pages_may_call_public_channels_only_and_without_credentials(origin: str) -> None:
    cors = Cors(["https://app.example.com"], lambda channel: channel == "public")
    assert cors.headers(origin, ["orders"]) == {"vary": "Origin"}
    assert cors.preflight(origin, "GET") == {"vary": "Origin"}
    told = cors.headers(origin, ["public"])
    assert told == {"vary": "Origin", "access-control-allow-origin": "*"}
    assert cors.headers(origin, ["public", "orders"]) == {"vary": "Origin"}


def test_a_star_lets_every_page_in_without_credentials() -> None:
    headers = Cors(["*"]).headers("https://any.example")
    assert headers == {"vary": "Origin", "access-control-allow-origin": "*"}


async def test_one_stream_hears_many_channels(site: Site) -> None:
    both = token("secret_a", "secret_b")
    stream = await site.send("GET", f"/realtime?channel=secret_a&channel=secret_b&token={both}")
    await stream.until("retry:")
    await site.channels.publish([said(1, "secret_a"), said(2, "secret_b"), said(3, "secret_c")])
    heard = await stream.data(2)
    assert [(each["channel"], each["data"]) for each in heard] == [("secret_a", 1), ("secret_b", 2)]
    stream.writer.close()


async def test_a_pattern_needs_a_token_that_allows_all_that_it_means(site: Site) -> None:
    allowed = {"authorization": f"Bearer {token('secret.team.*')}"}
    stream = await site.send("GET", "/realtime?channel=secret.team.a*", **allowed)
    assert stream.status == 200
    await site.channels.publish([said(1, "secret.team.ab"), said(2, "secret.team.b")])
    assert [each["data"] for each in await stream.data(1)] == [1]
    stream.writer.close()
    for path, headers in (("secret.*", allowed), ("*", allowed), ("or*", {}), ("runs.*", allowed)):
        refused = await site.send("GET", f"/realtime?channel={path}", **headers)
        assert refused.status == 401
        refused.writer.close()


SECRETS: dict[str, Any] = {"iss": "hub", "may": [{"channels": ["secret"], "can": ["subscribe"]}]}
LATER = {"exp": 99_999_999_999}


def signed(claims: dict[str, Any], secret: str = SECRET) -> str:
    return jwt.encode(claims, secret, "HS256")


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        (lambda: token("secret_other"), b"forbidden"),
        (lambda: token("secret", can=["publish"]), b"forbidden"),
        (lambda: token("sec*et_"), b"forbidden"),
        (lambda: token("secret")[:-3], b"unauthorized"),
        (lambda: token("secret") + "a", b"unauthorized"),
        (lambda: "a.b.c", b"unauthorized"),
        (lambda: "hub_key", b"unauthorized"),
        (lambda: "", b"unauthorized"),
        (lambda: signed({"iss": "hub"}), b"unauthorized"),
        (lambda: signed({"iss": "hub", **LATER}), b"unauthorized"),
        (lambda: signed({"iss": "hub", **LATER, "may": [1]}), b"unauthorized"),
        (lambda: signed({**SECRETS, "exp": 1}), b"unauthorized"),
        (lambda: signed({**SECRETS, **LATER, "iss": "else"}), b"unauthorized"),
        (lambda: signed({**SECRETS, **LATER}, "another secret, which is as long"), b"unauthorized"),
        (lambda: jwt.encode({**SECRETS, **LATER}, None, "none"), b"unauthorized"),
    ],
)
async def test_a_token_that_is_not_for_this_is_refused(
    site: Site, shown: Callable[[], str], code: bytes
) -> None:
    text = shown()
    in_header = {"authorization": f"Bearer {text}"}
    for path, headers in ((f"secret?token={text}", {}), ("secret", in_header)):
        refused = await site.send("GET", f"/realtime/{path}", **headers)
        assert refused.status == 401
        assert await refused.reader.readexactly(len(code)) == code
        refused.writer.close()


async def test_a_stream_ends_with_its_token(site: Site) -> None:
    text = signed({**SECRETS, "exp": int(time.time()) + 1})
    async with site.open(f"secret?token={text}") as stream:
        await stream.end()
    refused = await site.send("GET", f"/realtime/secret?token={text}")
    assert refused.status == 401
    refused.writer.close()


async def test_a_stream_ends_soon_after_its_token_was_revoked(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_HEARTBEAT_S", 0.05)
    async with site.open(f"secret?token={token('secret')}") as one, site.open("orders") as other:
        await one.until("id:")
        site.now = replace(site.now, token_secrets=("a new secret of 32 characters and more",))
        await one.until(": expired")
        await one.end()
        await other.until("id:")
    async with site.open("orders") as one:
        site.now = replace(site.now, channels=ChannelRules())
        await one.until(": expired")


async def test_a_stream_is_ended_after_its_time_so_that_its_client_may_go_elsewhere(
    site: Site,
) -> None:
    site.bound(stream_s=0.1)
    async with site.open("orders?max_seconds=60") as stream:
        await stream.end()


async def test_a_full_server_tells_an_event_source_to_come_back_and_others_that_it_is_full(
    site: Site,
) -> None:
    site.bound(streams=1)
    async with site.open("orders"):
        shed = await site.send("GET", "/realtime/orders", accept="text/event-stream")
        body = (await shed.reader.readexactly(int(shed.headers["content-length"]))).decode()
        assert (shed.status, body.split("\n")[0]) == (200, ": streams_full")
        assert 5_000 <= int(body.split("retry: ")[1]) <= 30_000
        refused = await site.send("GET", "/realtime/orders")
        assert await refused.reader.readexactly(12) == b"streams_full"
        shed.writer.close()
        refused.writer.close()
    await site.listeners(0)
    async with site.open("orders"):
        pass


async def test_what_the_hub_says_of_the_stream_comes_as_messages_where_that_is_asked(
    site: Site,
) -> None:
    await site.channels.publish([said(1)])
    async with site.open("orders?hello=1&last_event_id=0ld-1-1") as stream:
        hello, gap, message = await stream.data(3)
    assert (hello["event"], hello["channel"], hello["position"]) == ("hello", None, "earliest")
    assert hello["data"] == {"channels": ["orders"]}
    assert (gap["event"], gap["channel"]) == ("gap", None)
    assert message["data"] == 1


async def test_a_named_stream_names_its_events(site: Site) -> None:
    async with site.open("orders?named=1&hello=1") as stream:
        assert await stream.until("event:") == "event: hello"
        await stream.data(1)
        await site.channels.publish([said(1)])
        assert await stream.until("event:") == "event: said"
        assert (await stream.data(1))[0]["event"] == "said"


async def test_a_client_that_was_cut_off_before_any_message_misses_none(site: Site) -> None:
    stream = await site.send("GET", "/realtime/orders")
    last = (await stream.until("id:")).removeprefix("id: ")
    stream.writer.close()
    await site.listeners(0)
    await site.channels.publish([said(1)])
    async with site.open("orders", Last_Event_ID=last) as stream:
        assert [each["data"] for each in await stream.data(1)] == [1]


async def test_a_silent_stream_tells_how_far_it_has_come(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_HEARTBEAT_S", 0.02)
    async with site.open("orders") as stream:
        (elsewhere,) = await site.channels.publish([said(1, "elsewhere")])
        await stream.until(f"id: {elsewhere}")


@pytest.mark.parametrize(
    ("count", "status", "code"), [(101, 400, "parameter_invalid"), (10_000, 431, None)]
)
async def test_thousands_of_channels_in_one_request_are_refused(
    site: Site, count: int, status: int, code: str | None
) -> None:
    query = "&".join(f"channel=c{n}" for n in range(count))
    refused = await site.send("GET", f"/realtime?{query}")
    assert refused.status == status
    if code is not None:
        assert await refused.reader.readexactly(len(code)) == code.encode()
    refused.writer.close()


@pytest.mark.parametrize("path", ["/realtime", "/realtime/", "/realtime?channel="])
async def test_a_stream_of_nothing_is_refused(site: Site, path: str) -> None:
    refused = await site.send("GET", path)
    assert refused.status == 400
    assert await refused.reader.readexactly(15) == b"channel_invalid"
    refused.writer.close()


@pytest.mark.parametrize("after", ["a%0D%0Aid:%20x", "%0A%0Adata:%20x", "x" * 500, "%00"])
async def test_a_position_that_is_none_is_a_gap_and_nothing_of_it_comes_back(
    site: Site, after: str
) -> None:
    async with site.open(f"orders?last_event_id={after}") as stream:
        assert await stream.until(": hello") == ": hello earliest"
        await site.channels.publish([said(1)])
        assert [each["data"] for each in await stream.data(1)] == [1]


async def test_whoever_may_publish_does_so_by_post(site: Site) -> None:
    speaker = token("chat", can=["publish"], sub="ada")
    answer = await site.send("POST", f"/realtime/chat?token={speaker}", content_length="0")
    assert answer.status == 200
    assert await answer.reader.readexactly(8) == b"chat ada"
    answer.writer.close()


async def test_who_is_present_is_told_first_and_then_who_comes_and_goes(site: Site) -> None:
    def asked(name: str) -> str:
        return f"room?presence=1&token={token('room', can=['subscribe', 'presence'], sub=name)}"

    async with site.open(asked("ada")) as ada:
        (first,) = await ada.data(1)
        assert (first["event"], first["channel"], first["position"]) == (
            "members",
            "presence.room",
            None,
        )
        assert first["data"]["count"] == 1
        async with site.open(asked("bob")) as bob:
            (second,) = await bob.data(1)
            assert [each["member"] for each in second["data"]["members"]] == ["ada", "bob"]
            heard = await ada.data(2)
            assert [(each["event"], each["data"]["member"]) for each in heard] == [
                ("join", "ada"),
                ("join", "bob"),
            ]
        (left,) = await ada.data(1)
        assert (left["event"], left["data"]["member"], left["data"]["count"]) == ("leave", "bob", 1)


async def test_presence_needs_a_right_of_its_own_and_names(site: Site) -> None:
    for path, code in (
        ("room?presence=1", b"unauthorized"),
        (f"room?presence=1&token={token('room')}", b"forbidden"),
        (f"presence.room?token={token('room')}", b"forbidden"),
        (f"room*?presence=1&token={token('*', can=['presence'])}", b"parameter_invalid"),
        (f"deliveries?presence=1&token={token('*', can=['presence'])}", b"parameter_invalid"),
    ):
        refused = await site.send("GET", f"/realtime/{path}")
        assert await refused.reader.readexactly(len(code)) == code
        refused.writer.close()
    seen = token("room", can=["presence"])
    async with site.open(f"presence.room?token={seen}"):
        pass
