"""Requests rendered before the clock starts: 1 KB of JSON each, with its own id and signature."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson

from hub.signature import parse_secret, sign_headers

PATH = "/in/bench"
BODY_BYTES = 1024
_ORDER = {
    "type": "order.paid",
    "created_at": "2026-03-14T09:26:53.589793Z",
    "customer": {"name": "Zoë Ångström", "email": "zoe@example.com", "country": "SE"},
    "currency": "EUR",
    "total": 173.45,
    "items": [
        {"sku": f"SKU-{n:05d}", "title": "Notebook, dotted", "quantity": n, "price": 12.5}
        for n in range(1, 7)
    ],
    "paid": True,
    "coupon": None,
}


class Supply(Protocol):
    """Requests by number, from 0 on."""

    def __len__(self) -> int:
        """How many there are."""

    def id_of(self, n: int) -> str:
        """What a request is known by."""

    def bytes_of(self, n: int) -> bytes:
        """The whole request, asked for once, when it is sent."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Request ``n`` is ``heads[n] + tail``: only what differs is kept for each."""

    ids: Sequence[str]
    heads: Sequence[bytes]
    tail: bytes

    def __len__(self) -> int:
        return len(self.heads)

    def id_of(self, n: int) -> str:
        return self.ids[n]

    def bytes_of(self, n: int) -> bytes:
        return self.heads[n] + self.tail


def render(
    count: int, prefix: str, host: str, secret: str, body_bytes: int = BODY_BYTES
) -> Requests:
    """``count`` signed requests with ids that begin with ``prefix``."""
    key, now_s = parse_secret(secret), int(time.time())
    ids = [f"{prefix}{n:08x}" for n in range(count)]
    tail = _tail(len(_start("0" * len(prefix) + "0" * 8)), body_bytes)
    fixed = (
        f"POST {PATH} HTTP/1.1\r\nhost: {host}\r\nuser-agent: hub-bench\r\n"
        f"content-type: application/json\r\ncontent-length: {body_bytes}\r\n"
    )
    heads = []
    for each in ids:
        start = _start(each)
        signed = sign_headers([key], f"msg_{each}", now_s, start + tail)
        fields = "".join(f"{name}: {value}\r\n" for name, value in signed)
        heads.append(f"{fixed}{fields}\r\n".encode() + start)
    return Requests(ids, heads, tail)


def _start(id_: str) -> bytes:
    return b'{"id":"%s",' % id_.encode()


def _tail(used: int, body_bytes: int) -> bytes:
    """The rest of the object, filled up to the size that is wanted."""
    bare = len(orjson.dumps({**_ORDER, "note": ""})) - 1
    return orjson.dumps({**_ORDER, "note": "n" * max(0, body_bytes - used - bare)})[1:]
