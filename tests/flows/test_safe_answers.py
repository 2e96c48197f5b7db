"""Every answer of a server says what browsers may do with it, whoever made it, and says it once."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.program import ADMIN_KEY, Driven, embedded_hub

PATHS = {
    "/healthz": 200,
    "/readyz": 200,
    "/hub.js": 200,
    "/demo": 200,
    "/demo.css": 200,
    "/v1/sources": 200,
    "/v1/sources/nobody": 404,
    "/v1/tables/nothing/export": 200,
    "/nowhere": 404,
    "/in/nobody": 404,
    "/files/file_1/a.txt": 404,
    "/resume/run_1/token": 404,
    "/realtime/private?max_seconds=0.1": 200,
    "/in": 404,
}
ALWAYS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
HSTS = "strict-transport-security"


async def answers(hub: Driven) -> list[httpx.Response]:
    """Of all kinds of paths, of a request that is refused, and of one that cannot be read."""
    key = {"authorization": f"Bearer {ADMIN_KEY}"}
    found = [await hub.api.get(path, headers=key) for path in PATHS]
    found.append(await hub.api.get("/v1/sources", headers={"authorization": "Bearer wrong"}))
    found.append(await hub.api.delete("/healthz"))
    return found


def check(answer: httpx.Response) -> None:
    for name, value in ALWAYS.items():
        assert answer.headers.get_list(name) == [value], (answer.url, name)
    assert len(answer.headers.get_list("content-security-policy")) <= 1
    if answer.headers["content-type"] in ("application/problem+json", "text/html; charset=utf-8"):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


async def test_every_answer_carries_them_once(hub: Driven) -> None:
    found = await answers(hub)
    for answer in found:
        check(answer)
        assert HSTS not in answer.headers  # it is reached by http
    statuses = dict(zip(PATHS, (each.status_code for each in found), strict=False))
    assert {path: status for path, status in statuses.items() if status != PATHS[path]} == {}


async def test_a_request_that_cannot_be_read_is_refused_with_them(hub: Driven) -> None:
    parts = urlsplit(hub.base)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(b"GARBAGE\r\n\r\n")
    head = (await asyncio.wait_for(reader.read(), 10)).decode().lower()
    writer.close()
    assert head.startswith("http/1.1 400")
    for name, value in ALWAYS.items():
        assert head.count(f"{name}: {value}\r\n") == 1


@pytest.mark.parametrize(
    ("url", "is_said"), [("https://a.example", True), ("http://a.example", False)]
)
async def test_a_hub_that_is_reached_by_https_asks_for_nothing_else(
    tmp_path: Path, url: str, is_said: bool
) -> None:
    async with embedded_hub(tmp_path, public_url=url) as hub:
        for path in ("/healthz", "/v1/sources", "/in/nobody"):
            said = (await hub.api.get(path)).headers.get_list(HSTS)
            assert said == (["max-age=31536000"] if is_said else [])
