"""What arrived at a sink, set against what was accepted."""

import http.client
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import orjson

from hub.bench.arrivals import Arrival

_STALLED_S, _POLL_S = 15.0, 0.1


@dataclass(frozen=True, slots=True)
class Watch:
    """A sink that runs at a port."""

    port: int

    def wait(self, count: int, stalled_s: float = _STALLED_S) -> None:
        """Wait for so many requests, or until no more come."""
        seen, since = -1, time.monotonic()
        while seen < count and time.monotonic() - since < stalled_s:
            now = int(orjson.loads(self._ask("GET", "/_count"))["requests"])
            if now != seen:
                seen, since = now, time.monotonic()
            time.sleep(_POLL_S)

    def arrivals(self) -> list[Arrival]:
        """All that arrived, in order."""
        lines = self._ask("GET", "/_requests?since=0").splitlines()
        return [Arrival(**orjson.loads(line)) for line in lines]

    def set_mode(self, mode: Mapping[str, object]) -> None:
        """Have it answer otherwise: ``status``, ``delay_ms``, ``body``."""
        self._ask("POST", "/_mode", orjson.dumps(mode))

    def reset(self) -> None:
        """Have it forget what arrived, and answer as from the start."""
        self._ask("POST", "/_reset")

    def _ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body)
            return connection.getresponse().read()
        finally:
            connection.close()


def faults_of_arrivals(accepted: Collection[str], arrivals: Sequence[Arrival]) -> tuple[str, ...]:
    """Losses and duplicates: whatever was accepted arrives once, under a key of its own."""
    ids, keys = Counter(each.field for each in arrivals), Counter(each.key for each in arrivals)
    lost = len(set(accepted) - set(ids))
    repeated = ids.total() - len(ids)
    repeated_keys = keys.total() - keys[None] - len(keys.keys() - {None})
    faults = {
        f"{lost} of {len(accepted)} accepted events did not arrive": lost,
        f"{keys[None]} deliveries came without an idempotency key": keys[None],
        f"{repeated} deliveries repeated an event": repeated,
        f"{repeated_keys} deliveries repeated an idempotency key": repeated_keys,
    }
    return tuple(text for text, count in faults.items() if count)
