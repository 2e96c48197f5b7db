"""Whatever is sent, to a source or to the management API: a clear answer, and never a 500."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.model.http import InboundRequest
from hub.receive import record
from hub.testing import REQUESTS
from hub.web.api import OPERATIONS
from hub.web.api.call import Operation
from hub.web.shown.base import Content, Given
from tests.program import ADMIN_KEY, Driven, embedded_hub

SOURCES: dict[str, Any] = {
    "standard": {"verify": {"mode": "none"}},
    "each": {"connector": "n8n", "verify": {"mode": "none"}, "batch": "each"},
    "set": {
        "connector": "make",
        "verify": {"mode": "none"},
        "event_type": "{{type}}.{{body.event}}",
        "filter": "{{headers['content-type'] && length(query) > 1}}",
        "dedup": {"by": "body:event"},
    },
    "own": {"connector": "weweb", "verify": {"mode": "none"}, "respond": {"body": "OK"}},
    "slack": {"connector": "slack", "verify": {"mode": "none"}},
    "twilio": {"connector": "twilio", "verify": {"mode": "preset", "secrets": ["secret"]}},
    "jwt": {"verify": {"mode": "jwt", "secrets": ["a-secret-that-is-long-enough-for-it"]}},
}
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["a", "none", "{{", "{{ a.b }}", "*", "whsec_", "https://a.example", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_PIECE = st.sampled_from(["a", "default", "..", "%00", "a b", "%2f", "é", "x" * 300]) | st.text(
    st.characters(codec="utf-8"), min_size=1, max_size=12
)
_many = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest_asyncio.fixture
async def hub(tmp_path: Any) -> AsyncIterator[Driven]:
    """A hub with sources of every kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "_REJECTIONS_PER_S", 5)
        async with embedded_hub(tmp_path) as driven:
            for slug, source in SOURCES.items():
                await driven.put(f"/v1/sources/{slug}", source)
            await driven.put(
                "/v1/subscriptions/all", {"filter": "{{n > 1}}", "destination": "nowhere"}
            )
            yield driven


def _is_fine(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        told = answer.json()
        assert told["status"] == answer.status_code
        assert told["code"]
        assert told["message"].strip()


def _fields(request: InboundRequest) -> list[tuple[bytes, bytes]]:
    """Those that HTTP can carry at all; the wire itself is another test's."""
    return [
        (name.encode(), value.strip().encode("latin-1"))
        for name, value in request.headers
        if name.isascii() and name.replace("-", "").isalnum() and value.isprintable()
        if name not in ("host", "content-length", "transfer-encoding", "connection")
        and all(ord(c) < 256 for c in value)
    ]


async def test_any_request_to_a_source_is_answered(hub: Driven) -> None:
    def fuzz() -> None:
        with httpx.Client(base_url=hub.base, trust_env=False, timeout=20) as client:

            @_many
            @given(request=REQUESTS, slug=st.sampled_from(sorted(SOURCES)))
            def send(request: InboundRequest, slug: str) -> None:
                query = request.query.encode("utf-8", "replace")[:4000]
                url = client.base_url.copy_with(raw_path=f"/in/{slug}".encode())
                method = request.method.upper()
                answer = client.request(
                    "POST" if method == "WEIRD" else method,
                    url.copy_with(query=bytes(b for b in query if 32 < b < 127 and b != 35)),
                    headers=_fields(request),
                    content=request.body,
                )
                _is_fine(answer)

            send()

    await asyncio.to_thread(fuzz)
    assert (await hub.api.post("/in/standard", json={})).status_code == 202


def _bodies(given: Given) -> st.SearchStrategy[Any]:
    shape = given.shape if isinstance(given, Content) else given
    if shape is None:
        return _JSON
    names = st.sampled_from(sorted(shape.model_fields)) | st.text(max_size=5)
    return st.dictionaries(names, _JSON, max_size=5) | _JSON


_CALLS = st.sampled_from(
    [each for each in OPERATIONS if "stream" not in each.path and each.path != "/v1/keys/{id}"]
).flatmap(
    lambda each: st.tuples(
        st.just(each),
        st.lists(_PIECE, min_size=4, max_size=4),
        _bodies(each.body),
        st.dictionaries(
            st.sampled_from(["limit", "cursor", "filter", "sort", "since", "url", "status", "x"]),
            st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(["1", "{}", "-1"]),
            max_size=3,
        ),
    )
)


async def test_any_call_of_the_management_api_is_answered(hub: Driven) -> None:
    def fuzz() -> None:
        key = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "application/json"}
        with httpx.Client(base_url=hub.base, trust_env=False, timeout=20, headers=key) as client:

            @_many
            @given(call=_CALLS)
            def send(call: tuple[Operation, list[str], Any, dict[str, str]]) -> None:
                operation, pieces, body, query = call
                given = iter(pieces)
                path = "/".join(
                    next(given) if part.startswith("{") else part
                    for part in operation.path.split("/")
                )
                content = None if operation.method == "GET" else _encoded(body)
                url = httpx.URL(hub.base + "/").copy_with(
                    raw_path=httpx.URL("http://h" + _quoted(path), params=query).raw_path
                )
                _is_fine(client.request(operation.method, url, content=content))

            send()

    await asyncio.to_thread(fuzz)
    assert (await hub.api.get("/v1/sources")).status_code == 200


def _quoted(path: str) -> str:
    return "".join(c if 32 < ord(c) < 127 and c not in "#?\\" else "%C3%A9" for c in path)


def _encoded(body: Any) -> bytes:
    return json.dumps(body).encode("utf-8", "surrogatepass")
