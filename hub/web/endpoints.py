"""Endpoints: paths of stacks' own, which run a task and answer with what it returns.

The server carries the run out itself, under a lease; a worker goes on with it if the server dies.
The answer leaves when all before it is committed; what takes longer than the endpoint waits is
answered with the run's URL.
"""

import base64
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.bootstrap import Hub
from hub.connector import FORM, fields_of
from hub.errors import InvalidError
from hub.model.ids import new_id
from hub.model.json import Json, dumps_text, loads
from hub.model.masking import mask_headers
from hub.model.run import RunStart
from hub.model.trace import HEADER
from hub.observe.tracing import traced_here
from hub.stack.placing import placed
from hub.stack.task import Endpoint, Stack
from hub.store.catalog import Snapshot
from hub.web.access import Access
from hub.web.answers import RunAnswers
from hub.web.api.body import read_bytes
from hub.web.callers import Callers
from hub.web.cors import ASKED, PageOrigins
from hub.web.problems import problem

_VISIBLE = re.compile(r"[!-~]{1,200}")
_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class _Route:
    pattern: re.Pattern[str]
    endpoint: Endpoint


@dataclass(slots=True)
class _Routes:
    """The endpoints of one revision of the catalog."""

    revision: int = -1
    fixed: dict[str, list[Endpoint]] = field(default_factory=dict)
    """By their paths, those without parameters."""
    others: list[_Route] = field(default_factory=list)

    @classmethod
    def of(cls, now: Snapshot) -> "_Routes":
        routes = cls(now.revision)
        for endpoint in _endpoints(now.stacks):
            if "{" in endpoint.path:
                routes.others.append(_Route(_pattern(endpoint.path), endpoint))
            else:
                routes.fixed.setdefault(endpoint.path, []).append(endpoint)
        return routes

    def find(self, path: str) -> list[tuple[Endpoint, dict[str, str]]]:
        """Those that the path means, with their parameters; a fixed path wins."""
        found: list[tuple[Endpoint, dict[str, str]]] = [(e, {}) for e in self.fixed.get(path, ())]
        if found:
            return found
        matches = ((each.endpoint, each.pattern.fullmatch(path)) for each in self.others)
        return [(endpoint, match.groupdict()) for endpoint, match in matches if match]


class Endpoints:
    """Serves the endpoints of all stacks."""

    def __init__(self, hub: Hub, answers: RunAnswers, access: Access) -> None:
        self._hub = hub
        self._answers = answers
        self._callers = Callers(access, hub.catalog)
        self._routes = _Routes()

    def template(self, path: str) -> str | None:
        """The path as it is set of the endpoint that this one means; None if it means none."""
        found = self._find(path)
        return found[0][0].path if found else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to a path that is known."""
        request = Request(scope, receive)
        found = self._find(scope["path"])
        origins = PageOrigins(found[0][0].cors, self._hub.settings.cors_origins)
        origin = request.headers.get("origin")
        if scope["method"] == "OPTIONS" and "access-control-request-method" in request.headers:
            methods = ", ".join(endpoint.method for endpoint, _ in found)
            asked = request.headers.get(ASKED)
            response = Response(None, 204, origins.preflight(origin, methods, asked))
        else:
            response = await self._traced(request, found)
            for name, value in origins.headers(origin).items():
                response.headers[name] = value
        await response(scope, receive, send)

    async def _traced(
        self, request: Request, found: list[tuple[Endpoint, dict[str, str]]]
    ) -> Response:
        tracing, started, place = self._hub.tracing, time.perf_counter(), None
        route = found[0][0].path
        if tracing is not None:
            place = tracing.enter(request.headers.get(HEADER), route)
        try:
            response = await self._answer(request, found)
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes a problem
            response = problem(error, request.scope)
        if tracing is not None and place is not None:
            asked, took_s = (request.method, route), time.perf_counter() - started
            tracing.answered(place, asked, response.status_code, took_s)
        return response

    def _find(self, path: str) -> list[tuple[Endpoint, dict[str, str]]]:
        now = self._hub.catalog.now
        if self._routes.revision != now.revision:
            self._routes = _Routes.of(now)
        return self._routes.find(path)

    async def _answer(
        self, request: Request, found: list[tuple[Endpoint, dict[str, str]]]
    ) -> Response:
        endpoint, params = _with_method(request.method, found)
        auth = await self._callers.identify(request, endpoint)
        task = await self._hub.catalog.task(endpoint.task)
        raw = await read_bytes(
            request, self._hub.settings.body_timeout_s, self._hub.settings.max_body_bytes
        )
        query = fields_of(request.url.query)
        body = _body(raw, request.headers.get("content-type"), any_type=endpoint.raw is not None)
        given = {**query, **body, **params}  # the parameters of the path over all
        if task.input is not None:
            task.input.check(given)
        start = RunStart(
            id=new_id("run"),
            task=task.full_name,
            input=dumps_text(given),
            idempotency_key=_key(request.headers),
            context=dumps_text(
                {"auth": auth, "request": _shown(request, query, params)}
                | ({} if endpoint.raw is None else {"raw": _as_it_came(request, raw, endpoint.raw)})
            ),
        )
        return await self._answers.of_new(traced_here(placed(start, task, given)), endpoint.wait_s)


def _endpoints(stacks: Mapping[str, Stack]) -> list[Endpoint]:
    return [endpoint for stack in stacks.values() for endpoint in stack.endpoints]


def _pattern(path: str) -> re.Pattern[str]:
    parts = _PARAMETER.split(path)  # text and names in turn
    built = "".join(
        re.escape(part) if n % 2 == 0 else f"(?P<{part}>[^/]+)" for n, part in enumerate(parts)
    )
    return re.compile(built)


def _with_method(
    method: str, found: list[tuple[Endpoint, dict[str, str]]]
) -> tuple[Endpoint, dict[str, str]]:
    for endpoint, params in found:
        if endpoint.method == method or (method == "HEAD" and endpoint.method == "GET"):
            return endpoint, params
    allow = ", ".join(sorted({endpoint.method for endpoint, _ in found}))
    raise InvalidError(
        f"This path takes {allow}, not {method[:20]}.", code="method_not_allowed", allow=allow
    )


def _body(raw: bytes, content_type: str | None, *, any_type: bool) -> dict[str, Any]:
    """The fields of a body; with ``any_type`` of one that steps read for themselves, too."""
    kind = (content_type or "application/json").partition(";")[0].strip().lower()
    if not raw:
        return {}
    if kind == FORM:
        return fields_of(raw.decode("latin-1"))
    if kind != "application/json" and not kind.endswith("+json"):
        if any_type:
            return {}
        raise InvalidError(
            f"This takes JSON or a form, not {kind[:100]!r}: send application/json.",
            code="content_type_unsupported",
        )
    value = loads(raw)
    return value if isinstance(value, dict) else {"body": value}


def _key(headers: Headers) -> str | None:
    key = headers.get("idempotency-key")
    if key is None or _VISIBLE.fullmatch(key):
        return key
    raise InvalidError(
        "Idempotency-Key must be 1 to 200 visible ASCII characters.", code="key_invalid"
    )


def _shown(request: Request, query: dict[str, Any], params: dict[str, str]) -> Json:
    """What a stack sees of the request; what proves the caller is masked."""
    return {
        "method": request.method,
        "headers": dict(mask_headers(request.headers.items())),
        "query": query,
        "params": params,
        "ip": request.client.host if request.client else None,
    }


def _as_it_came(request: Request, raw: bytes, fields: frozenset[str]) -> Json:
    """The request for steps that read it byte by byte, with the signatures that they check."""
    signatures = {name: request.headers[name] for name in sorted(fields) if name in request.headers}
    return {"body": base64.b64encode(raw).decode(), "fields": signatures}
