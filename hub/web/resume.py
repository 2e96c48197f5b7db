"""``/resume/{run}/{token}``: whoever has the URL answers the run that waits for it.

The token is in the URL alone, so it is compared in constant time and never logged.
"""

import hmac
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from hub.bootstrap import Hub
from hub.errors import ConflictError, HubError, InvalidError, NotFoundError
from hub.model.ids import new_id
from hub.model.json import Json, dumps, dumps_text, loads
from hub.stack.journal import Journal
from hub.stack.start import FACTS
from hub.store.queues import RUNS
from hub.store.resumes import RESUME, Resume
from hub.store.runs import journal_of
from hub.web.api.body import read_bytes
from hub.web.problems import problem

PREFIX = "/resume/"
_MOST_BYTES = 1 << 20
_HEADERS = {"cache-control": "no-store", "content-security-policy": "sandbox"}


class Resumption:
    """Answers calls of resume URLs."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take an answer, or say why not."""
        request = Request(scope, receive)
        try:
            response = await self._taken(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes a problem
            response = problem(error, {**scope, "path": PREFIX})
        await response(scope, receive, send)

    async def _taken(self, request: Request) -> Response:
        if request.method not in ("GET", "POST"):
            raise InvalidError(
                "This takes GET and POST.", code="method_not_allowed", allow="GET, POST"
            )
        run_id, _, token = request.scope["path"].removeprefix(PREFIX).partition("/")
        await self._check(run_id, token)
        payload = await self._payload(request)
        wish = Resume(new_id("att"), run_id, dumps_text(payload))
        fate = await self._hub.ledger.write(RESUME, wish)
        if fate == "ended":
            raise ConflictError("The run has ended already.", code="run_ended")
        if fate == "answered":
            raise ConflictError("Somebody has answered already.", code="already_answered")
        self._hub.bell.ring(RUNS)
        return Response(dumps({"status": "taken"}), 200, _HEADERS, "application/json")

    async def _check(self, run_id: str, token: str) -> None:
        """Raise NotFoundError unless the token is the run's."""
        rows = await self._hub.ledger.read(journal_of, run_id)
        facts = Journal.of(rows).done.get(FACTS) if rows else None
        url = facts.get("resume_url") if isinstance(facts, dict) else None
        known = str(url or "").rpartition("/")[2]
        if not known or not hmac.compare_digest(known.encode(), token.encode("utf-8", "replace")):
            raise NotFoundError("There is nothing to answer at this URL.", code="resume_unknown")

    async def _payload(self, request: Request) -> dict[str, Json]:
        raw = await read_bytes(request, self._hub.settings.body_timeout_s, _MOST_BYTES)
        query = dict(parse_qsl(request.url.query, keep_blank_values=True, max_num_fields=100))
        return {"method": request.method, "query": query, "body": _body(request, raw)}


def _body(request: Request, raw: bytes) -> Json:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not raw:
        return None
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=100))
    try:
        return loads(raw)
    except HubError:
        return raw.decode("utf-8", "replace").replace("\x00", "\ufffd")
