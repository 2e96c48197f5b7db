"""The hub's management API, as far as the bench drives it."""

import http.client
from dataclasses import dataclass
from typing import Any

import orjson

from hub.bench.processes import failed

_UNDER_WAY = (
    *("/v1/runs?limit=1&status=queued", "/v1/runs?limit=1&status=running"),
    *("/v1/deliveries?limit=1&status=pending", "/v1/deliveries?limit=1&status=delivering"),
    "/v1/deliveries?limit=1&status=retrying",
)


@dataclass(frozen=True, slots=True)
class Api:
    """A hub's port and a key to it."""

    port: int
    key: str

    def put(self, path: str, body: object) -> None:
        """Create or replace a named thing; text goes as it stands.

        Raises:
            HubError: ``bench_failed``: the hub refused it.
        """
        raw = isinstance(body, str)
        data = body.encode() if isinstance(body, str) else orjson.dumps(body)
        status, answer = self._ask("PUT", path, data, "text/plain" if raw else "application/json")
        if status not in (200, 201):
            raise failed(f"PUT {path} was answered with {status}: {answer[:500].decode()}")

    def get(self, path: str) -> Any:
        """Read JSON.

        Raises:
            HubError: ``bench_failed``: the hub refused it.
        """
        status, answer = self._ask("GET", path)
        if status != 200:
            raise failed(f"GET {path} was answered with {status}: {answer[:500].decode()}")
        return orjson.loads(answer)

    def post(self, path: str, body: object, content_type: str = "application/json") -> Any:
        """Send something, bytes as they stand, and read the JSON that comes of it.

        Raises:
            HubError: ``bench_failed``: the hub refused it.
        """
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        status, answer = self._ask("POST", path, data, content_type)
        if status not in (200, 201, 202):
            raise failed(f"POST {path} was answered with {status}: {answer[:500].decode()}")
        return orjson.loads(answer)

    def is_ready(self) -> bool:
        """Whether ``/readyz`` says so; false also while nobody listens."""
        try:
            return self._ask("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def is_empty(self) -> bool:
        """Whether no run and no delivery waits or is under way."""
        return not any(self.get(path)["items"] for path in _UNDER_WAY)

    def _ask(
        self, method: str, path: str, body: bytes | None = None, content_type: str | None = None
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.key}"}
        if content_type is not None:
            headers["Content-Type"] = content_type
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()
