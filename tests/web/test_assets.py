import dataclasses

import httpx
import pytest

from hub.bootstrap import Hub
from hub.errors import StoreError
from hub.web.assets import Mint
from hub.web.routes import build_routes
from tests.web.conftest import ROOT


async def token() -> str:
    return "a-token"


def client_of(hub: Hub, *, embedded: bool = True, mint: Mint = token) -> httpx.AsyncClient:
    app = build_routes(dataclasses.replace(hub, embedded=embedded), mint=mint)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ROOT)


async def test_the_script_is_small_and_any_page_may_load_it(
    api: httpx.AsyncClient,
) -> None:
    answer = await api.get("/hub.js", headers={"authorization": "", "origin": "https://a.example"})
    assert answer.status_code == 200
    assert len(answer.content) < 3_000
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["cache-control"] == "public, max-age=300"

    known = {"if-none-match": f'W/{answer.headers["etag"]}, "other"'}
    again = await api.get("/hub.js", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]
    other = await api.get("/hub.js", headers={"if-none-match": '"other"'})
    assert other.content == answer.content
    head = await api.head("/hub.js")
    assert (head.status_code, head.content) == (200, b"")


async def test_the_page_to_try_channels_on_asks_nobody_else_for_anything(hub: Hub) -> None:
    async with client_of(hub) as client:
        page = await client.get("/demo")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "access-control-allow-origin" not in page.headers
        for path in ("/demo.js", "/demo.css"):
            asset = await client.get(path)
            assert asset.status_code == 200
            assert path in page.text
            for text in (page.text, asset.text):
                assert "innerHTML" not in text
                assert "https://" not in text


async def test_the_page_gets_its_token_from_the_hub(hub: Hub) -> None:
    async with client_of(hub) as client:
        answer = await client.post("/demo/token", headers={"origin": "https://evil.example"})
        assert answer.json() == {"token": "a-token", "channel": "demo"}
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers
        assert (await client.get("/demo/token")).status_code == 405

    async def failing() -> str:
        raise StoreError("Not now.", code="store_unavailable")

    async with client_of(hub, mint=failing) as client:
        refused = await client.post("/demo/token")
        assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")


@pytest.mark.parametrize("path", ["/demo", "/demo.js", "/demo.css", "/demo/token"])
async def test_only_hub_up_has_that_page(hub: Hub, path: str) -> None:
    async with client_of(hub, embedded=False) as client:
        for method in ("GET", "POST"):
            answer = await client.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (404, "path_unknown")
