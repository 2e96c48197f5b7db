"""What a sink remembers: when which request arrived, and how the next ones are answered."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http import HTTPStatus
from itertools import islice
from typing import Any

import orjson

from hub.errors import InvalidError


@dataclass(frozen=True, slots=True)
class Mode:
    """How a request is answered; from the start as a Make webhook does it."""

    status: int = 200
    delay_ms: float = 0.0
    body: str = "Accepted"

    def changed(self, **changes: Any) -> "Mode":
        """The same but for ``changes``.

        Raises:
            InvalidError: ``mode_invalid``: a name or a value that there is not.
        """
        try:
            mode = Mode(**{**asdict(self), **changes})
            status, delay_ms = HTTPStatus(int(mode.status)), float(mode.delay_ms)
        except (TypeError, ValueError) as error:
            raise InvalidError(
                'A mode has a "status" that HTTP knows, "delay_ms" and "body".', code="mode_invalid"
            ) from error
        return Mode(status.value, delay_ms, str(mode.body))

    def response(self) -> bytes:
        """The bytes of the answer."""
        body = self.body.encode()
        return (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request: its number, its wall-clock time, its idempotency key, one field of its body."""

    n: int
    at_ns: int
    key: str | None
    field: str | None


class Arrivals:
    """The last ``keep`` requests in order, and how many there were of each key."""

    def __init__(self, keep: int = 1_000_000) -> None:
        self._last: deque[Arrival] = deque(maxlen=keep)
        self._keys: Counter[str] = Counter()
        self._count = 0

    def add(self, at_ns: int, key: str | None, field: str | None) -> None:
        """Remember a request."""
        self._last.append(Arrival(self._count, at_ns, key, field))
        self._count += 1
        if key is not None:
            self._keys[key] += 1

    def count(self) -> dict[str, int]:
        """How many requests, how many different keys, how many requests repeated a key."""
        repeated = self._keys.total() - len(self._keys)
        return {"requests": self._count, "keys": len(self._keys), "repeated": repeated}

    def since(self, n: int) -> Iterator[bytes]:
        """The requests from number ``n`` on, as JSON lines."""
        gone = self._count - len(self._last)
        for arrival in islice(self._last, max(0, n - gone), None):
            yield orjson.dumps(arrival, option=orjson.OPT_APPEND_NEWLINE)

    def reset(self) -> None:
        """Forget all."""
        self._last.clear()
        self._keys.clear()
        self._count = 0


def field_of(body: bytes, path: str) -> str | None:
    """The value at a dotted path of a JSON body, as text; None where there is none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return None if value is None else str(value)
