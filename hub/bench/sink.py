"""A fast HTTP sink in a process of its own; it answers like a Make webhook.

::

    python -m hub.bench.sink                      prints {"port": …} and answers 200 "Accepted"
    GET  /_count                                  {"requests", "keys", "repeated"}
    GET  /_requests?since=0                       one JSON line for each request
    POST /_mode {"status": 503, "delay_ms": 10}   how the next ones are answered; also "body"
    POST /_reset                                  forgets the requests and the mode

``?status=503&delay_ms=10`` in a request's own address holds for that request. With ``--print``
it shows each request to a person: an address to point a destination at while trying things out.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import parse_qsl

import httptools
import orjson
import uvloop

from hub.bench.arrivals import Arrivals, Mode, field_of
from hub.bench.shown import shown
from hub.errors import InvalidError

MAX_KEPT_BODY_BYTES = 1_048_576
_KEYS = (b"idempotency-key", b"webhook-id")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass
class Sink:
    """What all connections of a sink share."""

    path: str | None = None
    """Dotted path of the body field to remember."""
    shows: bool = False
    arrivals: Arrivals = field(default_factory=Arrivals)
    mode: Mode = field(default_factory=Mode)
    answer: bytes = field(default_factory=lambda: Mode().response())

    def control(self, path: str, query: dict[str, str], body: bytes) -> bytes:
        """Answer a request to the sink itself."""
        try:
            return _json(200, self._controlled(path, query, body))
        except (InvalidError, ValueError) as error:
            return _json(400, orjson.dumps({"message": str(error)}))

    def _controlled(self, path: str, query: dict[str, str], body: bytes) -> bytes:
        if path == "/_requests":
            return b"".join(self.arrivals.since(int(query.get("since", "0"))))
        if path == "/_mode":
            self._set_mode(self.mode.changed(**orjson.loads(body)))
        elif path == "/_reset":
            self.arrivals.reset()
            self._set_mode(Mode())
        elif path != "/_count":
            raise InvalidError("There are /_count, /_requests, /_mode and /_reset.")
        return orjson.dumps(self.arrivals.count())

    def _set_mode(self, mode: Mode) -> None:
        self.mode, self.answer = mode, mode.response()


class Connection(asyncio.Protocol):
    """One keep-alive connection: parses, remembers, answers."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._keeps_body = sink.shows or sink.path is not None
        self.on_message_begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return
        except httptools.HttpParserError:
            self._write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", close=True)

    def on_message_begin(self) -> None:
        self._at_ns = time.time_ns()
        self._url = b""
        self._key: str | None = None
        self._type = ""
        self._parts: list[bytes] = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in _KEYS and (self._key is None or name == _KEYS[0]):
            self._key = value.decode("latin-1")
        elif name == b"content-type":
            self._type = value.decode("latin-1")
        elif name == b"expect":
            self._write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        control = self._url.startswith(b"/_")
        if (self._keeps_body or control) and self._size < MAX_KEPT_BODY_BYTES:
            self._parts.append(body)
        self._size += len(body)

    def on_message_complete(self) -> None:
        close = not self._parser.should_keep_alive()
        sink, body = self._sink, b"".join(self._parts)
        path, query = self._address()
        if path.startswith("/_"):
            self._write(sink.control(path, query, body), close=close)
            return
        kept = field_of(body, sink.path) if sink.path is not None else None
        sink.arrivals.add(self._at_ns, self._key, kept)
        if sink.shows:
            method = self._parser.get_method().decode()
            sys.stdout.write(shown(method, path, self._type, body, self._size))
            sys.stdout.flush()
        self._answer(query, close)

    def _address(self) -> tuple[str, dict[str, str]]:
        path, _, query = self._url.decode("latin-1").partition("?")
        return path, dict(parse_qsl(query)) if query else {}

    def _answer(self, query: dict[str, str], close: bool) -> None:
        sink, mode, answer = self._sink, self._sink.mode, self._sink.answer
        own = {name: query[name] for name in ("status", "delay_ms") if name in query}
        if own:
            try:
                mode = sink.mode.changed(**own)
                answer = mode.response()
            except InvalidError as error:
                answer = _json(400, orjson.dumps({"message": error.message}))
        if mode.delay_ms > 0:
            loop = asyncio.get_running_loop()
            loop.call_later(mode.delay_ms / 1000, lambda: self._write(answer, close=close))
        else:
            self._write(answer, close=close)

    def _write(self, data: bytes, *, close: bool = False) -> None:
        if self._transport is not None:
            self._transport.write(data)
            if close:
                self._transport.close()


def _json(status: int, body: bytes) -> bytes:
    reason = "OK" if status == 200 else "Bad Request"
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _serve(host: str, port: int, sink: Sink) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    server = await loop.create_server(lambda: Connection(sink), host, port, backlog=2048)
    port = server.sockets[0].getsockname()[1]
    if sink.shows:
        sys.stdout.write(f"Answering at http://{host}:{port}/ and showing what comes.\n")
    else:
        sys.stdout.write(orjson.dumps({"port": port}).decode() + "\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command; runs until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="sink", description="Answers like a Make webhook.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--field", help="dotted path of the JSON field to remember of each body")
    parser.add_argument("--print", action="store_true", help="show each request")
    given = parser.parse_args(arguments)
    try:
        uvloop.run(_serve(given.host, given.port, Sink(given.field, given.print)))
    except OSError as error:
        sys.stderr.write(f"Cannot listen on {given.host}:{given.port}: {error}\n")
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
