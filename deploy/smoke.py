#!/usr/bin/env python3
"""Sees with a hub that runs, wherever it runs, that an event goes all its way.

It sets up a source, a stack, a destination and a channel named ``hub-smoke``, sends events, and
looks for each of them at every stage: its run, its delivery, the request at the sink, and the
message on the live channel. Then it takes away what it set up. Nothing but Python is needed::

    python deploy/smoke.py --url http://127.0.0.1:8080
    python deploy/smoke.py --url https://hub.example.org --events 1000 --for 60

With ``--for`` it goes on sending through outages: what is refused, or whose answer is lost, is
sent again under the same key, and all of it must have arrived in the end, each event once.

The key is that of an admin: ``--key``, or ``HUB_ADMIN_KEY``, or the file ``HUB_ADMIN_KEY_FILE``.
Without ``--sink`` it answers deliveries itself on this machine; ``--sink`` names a ``hub sink``
that the hub and this script reach. It exits with 0, or with 1 and what is missing.
"""

import argparse
import json
import os
import secrets
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

NAME = "hub-smoke"
_ANSWER_S = 30.0
_AGAIN_S = 0.25
_STACK = f"""{{
  task: "{NAME}",
  source: "{NAME}",
  function_stack: [
    {{ function: "deliver", destination: "{NAME}", payload: {{ n: "{{{{n}}}}" }} }},
    {{
      function: "realtime_publish",
      channel: "{NAME}",
      event: "seen",
      data: {{ n: "{{{{n}}}}" }},
    }},
    {{ function: "return_response", body: {{ n: "{{{{n}}}}" }} }},
  ],
}}
"""


class SmokeError(Exception):
    """Something is not as it has to be; the message says what."""


@dataclass(frozen=True)
class Answer:
    """A status and a JSON body, or what could be read of it."""

    status: int
    body: Any


@dataclass(frozen=True)
class Hub:
    """Where the hub is, and what opens it."""

    url: str
    key: str
    context: ssl.SSLContext

    def connect(self, timeout_s: float = _ANSWER_S) -> HTTPConnection:
        """A connection of its own: any may break."""
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            return HTTPSConnection(host, port, timeout=timeout_s, context=self.context)
        return HTTPConnection(host, port, timeout=timeout_s)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request.

        Raises:
            OSError, HTTPException: no answer came.
        """
        connection = self.connect()
        try:
            told = {"authorization": f"Bearer {self.key}", **(headers or {})}
            text = body if isinstance(body, str) or body is None else json.dumps(body)
            told.setdefault("content-type", "application/json")
            connection.request(method, urlsplit(self.url).path.rstrip("/") + path, text, told)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        with suppress(ValueError):
            return Answer(response.status, json.loads(raw))
        return Answer(response.status, raw.decode(errors="replace"))

    def until(
        self, deadline: float, method: str, path: str, body: Any = None, **headers: str
    ) -> Any:
        """The body of the first good answer; what is busy or gone is asked again until then.

        Raises:
            SmokeError: it refused, or there was no good answer in time.
        """
        said = "nothing was asked"
        while time.monotonic() < deadline:
            try:
                answer = self.ask(method, path, body, headers)
            except (OSError, HTTPException) as error:
                said = str(error) or type(error).__name__
            else:
                if answer.status < 300:
                    return answer.body
                said = f"{answer.status} {answer.body}"
                if answer.status < 500 and answer.status not in (408, 409, 425, 429):
                    break
            time.sleep(_AGAIN_S)
        raise SmokeError(f"{method} {path}: {said}")


class OwnSink:
    """Answers deliveries on this machine."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        keys = self.keys

        class Handler(BaseHTTPRequestHandler):
            """Remembers each request's key."""

            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", "0")))
                keys.append(self.headers.get("idempotency-key", ""))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing is said of each."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/{NAME}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def arrived(self) -> list[str]:
        """The keys of all requests, in their order."""
        return self.keys

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


class HubSink:
    """A ``hub sink`` elsewhere."""

    def __init__(self, url: str, seen_as: str) -> None:
        self.url = f"{url.rstrip('/')}/{NAME}"
        self._hub = Hub(seen_as.rstrip("/"), "", ssl.create_default_context())

    def arrived(self) -> list[str]:
        """The keys of all requests, in their order."""
        connection = self._hub.connect()
        try:
            connection.request("GET", "/_requests")
            lines = connection.getresponse().read().splitlines()
        finally:
            connection.close()
        return [json.loads(line)["key"] or "" for line in lines]

    def close(self) -> None:
        """It goes on by itself."""


@dataclass
class Ear:
    """Listens to the channel, and comes back with the last id where it was cut off."""

    hub: Hub
    heard: list[int] = field(default_factory=list)
    listening: threading.Event = field(default_factory=threading.Event)
    connections: int = 0
    last_id: str = ""
    ended: bool = False

    def listen(self) -> None:
        """Until ``ended``."""
        while not self.ended:
            try:
                self._once()
            except (OSError, HTTPException, ValueError):
                time.sleep(_AGAIN_S)

    def _once(self) -> None:
        connection = self.hub.connect(timeout_s=20.0)  # a comment comes every 15 s
        try:
            told = {"authorization": f"Bearer {self.hub.key}", "accept": "text/event-stream"}
            if self.last_id:
                told["last-event-id"] = self.last_id
            path = urlsplit(self.hub.url).path.rstrip("/")
            connection.request("GET", f"{path}/realtime/{NAME}", headers=told)
            response = connection.getresponse()
            if response.status != 200:
                raise OSError(f"the stream answered {response.status}")
            self.connections += 1
            self.listening.set()
            while not self.ended and (line := response.readline()):
                self._take(line.decode().rstrip("\r\n"))
        finally:
            connection.close()
        time.sleep(_AGAIN_S)

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        if name == "id":
            self.last_id = value.strip()
        elif name == "data":
            self.heard.append(int(json.loads(value)["data"]["n"]))


@dataclass
class Look:
    """Sees that every event is through; each time only at what was not there yet."""

    hub: Hub
    sink: OwnSink | HubSink
    ear: Ear
    skipped: int
    """So many requests were at the sink before."""
    unseen: dict[int, dict[str, Any]] = field(default_factory=dict)
    """The hub's answers, by the number of the event."""
    runs: dict[int, str] = field(default_factory=dict)

    def until_all(self, patience_s: float) -> str:
        """What there is to say when all is there.

        Raises:
            SmokeError: what is missing.
        """
        deadline = time.monotonic() + patience_s
        while missing := self._missing_or_down():
            if time.monotonic() > deadline:
                raise SmokeError(missing)
            time.sleep(_AGAIN_S)
        if len(set(self.runs.values())) != len(self.runs):
            raise SmokeError(f"{len(self.runs)} events had {len(set(self.runs.values()))} runs")
        arrived = self.sink.arrived()[self.skipped :]
        return (
            "Each ran once, was delivered, arrived and was heard; "
            f"{len(arrived) - len(set(arrived))} deliveries came again under their key, "
            f"and the stream was opened {self.ear.connections} times."
        )

    def _missing_or_down(self) -> str:
        try:
            return self._missing()
        except (OSError, HTTPException, SmokeError) as error:
            return str(error) or type(error).__name__

    def _missing(self) -> str:
        """What is not there yet, in words; empty where all is."""
        for n, answer in list(self.unseen.items()):
            place = f"/v1/events/{answer['event_id']}"
            event = self.hub.until(time.monotonic() + 5, "GET", place)
            if event["fate"] != "delivered" or not event["deliveries"]:
                return f"event {n} ({event['id']}) is {event['fate']!r}, not 'delivered'"
            if len(event["runs"]) != 1:
                return f"event {n} ({event['id']}) has {len(event['runs'])} runs, not one"
            self.runs[n] = event["runs"][0]
            del self.unseen[n]
        begun = {key.partition(":")[0] for key in self.sink.arrived()[self.skipped :]}
        lost = [run for run in self.runs.values() if not any(key.startswith(run) for key in begun)]
        if lost:
            return f"the requests of {lost[:3]} are not at the sink"
        unheard = sorted(set(self.runs) - set(self.ear.heard))
        return f"no message of the events {unheard[:10]} was heard" if unheard else ""


@dataclass(frozen=True)
class Wish:
    """What is to be done."""

    events: int
    for_s: float
    patience_s: float
    keeps: bool


def smoke(hub: Hub, sink: OwnSink | HubSink, wish: Wish, say: Callable[[str], None]) -> None:
    """Everything.

    Raises:
        SmokeError: what is missing.
    """
    deadline = time.monotonic() + wish.patience_s
    hub.until(deadline, "GET", "/readyz")
    token = secrets.token_urlsafe(24)
    with _set_up(hub, sink, token, wish):
        ear = Ear(hub)
        threading.Thread(target=ear.listen, daemon=True).start()
        if not ear.listening.wait(wish.patience_s):
            raise SmokeError(f"GET /realtime/{NAME}: no stream was opened")
        look = Look(hub, sink, ear, skipped=_already_at(sink, deadline))
        try:
            look.unseen = _sent(hub, token, wish)
            say(f"{len(look.unseen)} events were accepted.")
            say(look.until_all(wish.patience_s))
        finally:
            ear.ended = True


def _already_at(sink: OwnSink | HubSink, deadline: float) -> int:
    """How many requests were at the sink before; it may just be starting."""
    while True:
        try:
            return len(sink.arrived())
        except (OSError, HTTPException) as error:
            if time.monotonic() > deadline:
                raise SmokeError(f"the sink does not answer: {error}") from error
            time.sleep(_AGAIN_S)


@contextmanager
def _set_up(hub: Hub, sink: OwnSink | HubSink, token: str, wish: Wish) -> Iterator[None]:
    verify = {"mode": "header", "header": "X-Smoke", "secrets": [token]}
    target = {"connector": "make", "url": sink.url, "allow_private": True}
    deadline = time.monotonic() + wish.patience_s
    made = [
        (f"/v1/destinations/{NAME}", target),
        (f"/v1/sources/{NAME}", {"connector": "standard", "verify": verify}),
        (f"/v1/stacks/{NAME}", _STACK),
    ]
    try:
        for path, body in made:
            kind = "text/plain" if isinstance(body, str) else "application/json"
            hub.until(deadline, "PUT", path, body, **{"content-type": kind})
        yield
    finally:
        if not wish.keeps:
            for path, _ in reversed(made):
                with suppress(SmokeError):
                    hub.until(time.monotonic() + wish.patience_s, "DELETE", path)


def _sent(hub: Hub, token: str, wish: Wish) -> dict[int, dict[str, Any]]:
    """What the hub answered to each event."""
    tag = secrets.token_hex(6)
    pause_s = wish.for_s / wish.events
    accepted = {}
    for n in range(wish.events):
        began = time.monotonic()
        accepted[n] = hub.until(
            began + wish.patience_s,
            "POST",
            f"/in/{NAME}",
            {"n": n},
            **{"X-Smoke": token, "idempotency-key": f"{tag}-{n}"},
        )
        time.sleep(max(0.0, pause_s - (time.monotonic() - began)))
    return accepted


def _key_of(given: argparse.Namespace) -> str:
    file = os.environ.get("HUB_ADMIN_KEY_FILE")
    key = given.key or os.environ.get("HUB_ADMIN_KEY")
    if not key and file:
        key = Path(file).read_text("utf-8").strip()
    if not key:
        raise SystemExit("smoke: give the key of an admin: --key, or HUB_ADMIN_KEY")
    return str(key)


def _asked(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Sees that an event goes all its way.")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="where the hub is")
    parser.add_argument("--key", help="an admin's key; else HUB_ADMIN_KEY or HUB_ADMIN_KEY_FILE")
    parser.add_argument("--ca", help="a file with the authority of the hub's certificate")
    parser.add_argument("--sink", help="a `hub sink`, as the hub reaches it")
    parser.add_argument("--sink-here", help="the same as this script reaches it, if that differs")
    parser.add_argument("--events", type=int, default=5, help="how many")
    parser.add_argument("--for", type=float, default=0.0, dest="for_s", help="spread over seconds")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds until it gives up")
    parser.add_argument("--keep", action="store_true", help="leave what was set up")
    given = parser.parse_args(arguments)
    if given.events < 1 or given.for_s < 0 or given.patience <= 0:
        parser.error("--events, --for and --patience are positive")
    if urlsplit(given.url).scheme not in ("http", "https"):
        parser.error("--url begins with http:// or https://")
    return given


def main(arguments: list[str]) -> int:
    """The command."""
    given = _asked(arguments)
    hub = Hub(given.url.rstrip("/"), _key_of(given), ssl.create_default_context(cafile=given.ca))
    wish = Wish(given.events, given.for_s, given.patience, given.keep)
    sink = HubSink(given.sink, given.sink_here or given.sink) if given.sink else OwnSink()

    def say(text: str) -> None:
        sys.stdout.write(f"smoke: {text}\n")
        sys.stdout.flush()

    try:
        smoke(hub, sink, wish, say)
    except SmokeError as failed:
        sys.stderr.write(f"smoke: FAILED: {failed}\n")
        return 1
    finally:
        sink.close()
    say("The hub is well.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
