"""The publisher, in a process of its own: small messages on one channel, by the hub's API.

The data of each message are 200 bytes and tell its number and, by the wall clock, when it was
sent. As :mod:`hub.bench.load` does: as fast as it is answered, or at a ``--rate``.
Prints one :class:`~hub.bench.tally.Report` as a JSON line.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from hub.bench.load import Plan, carry_out

DATA_BYTES = 200
_MOST = 10_000_000
_HOST = "127.0.0.1"
_ORDER = {
    "order": "ord_0190f3a8c1b27c5e",
    "status": "paid",
    "total": 173.45,
    "currency": "EUR",
    "customer": {"name": "Zoë Ångström", "country": "SE"},
}


@dataclass(frozen=True, slots=True)
class Publishing:
    """Messages by number, each made when it is sent, so that it can tell when."""

    port: int
    channel: str
    key: str

    def __len__(self) -> int:
        return _MOST

    def id_of(self, n: int) -> str:
        return str(n)

    def bytes_of(self, n: int) -> bytes:
        body = orjson.dumps({"event": "order.changed", "data": data_of(n, time.time_ns())})
        head = (
            f"POST /v1/channels/{self.channel}/messages HTTP/1.1\r\nhost: {_HOST}:{self.port}\r\n"
            f"user-agent: hub-bench\r\nauthorization: Bearer {self.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def data_of(n: int, at_ns: int) -> dict[str, object]:
    """The data of message ``n``, sent at a time of the wall clock."""
    bare = {"n": n, "at": at_ns, **_ORDER, "note": ""}
    return {**bare, "note": "n" * max(0, DATA_BYTES - len(orjson.dumps(bare)))}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="publish", description="Publishes small messages.")
    parser.add_argument("--port", type=int, required=True, help="the hub's")
    parser.add_argument("--key", required=True, help="an API key that may publish")
    parser.add_argument("--channel", required=True, help="where to")
    parser.add_argument("--connections", type=int, default=8, help="how many")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long")
    parser.add_argument("--rate", type=float, help="messages per second; else closed loop")
    given = parser.parse_args(arguments)
    plan = Plan(_HOST, given.port, given.connections, given.seconds, 0.0, given.rate)
    tally = carry_out(plan, Publishing(given.port, given.channel, given.key))
    sys.stdout.write(orjson.dumps(tally.report()).decode() + "\n")


if __name__ == "__main__":
    main()
