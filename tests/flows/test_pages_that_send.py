"""Pages in a browser send to a source: those that may, from WeWeb and from elsewhere."""

from typing import Any

import pytest

from tests.program import Driven

PREVIEW = "https://3d0a1c9e-52c4-4b6c-9c53-0d2d90a9b1d7-2-staging.weweb-preview.io"
EDITOR = "https://editor.weweb.io"


@pytest.fixture
def database_url() -> None:
    """Which database it is makes no difference here."""


async def source(hub: Driven, **setting: Any) -> None:
    await hub.put("/v1/sources/page", {"connector": "weweb", "verify": {"mode": "none"}, **setting})


async def allowed(hub: Driven, origin: str, slug: str = "page") -> str | None:
    answer = await hub.api.post(f"/in/{slug}", json={"n": 1}, headers={"origin": origin})
    assert answer.headers["vary"] == "Origin"
    found: str | None = answer.headers.get("access-control-allow-origin")
    return found


@pytest.mark.parametrize(
    ("cors", "origin", "expected"),
    [
        (None, EDITOR, EDITOR),
        (None, PREVIEW, PREVIEW),
        (None, "https://shop.example", None),
        (None, "https://editor.weweb.io.evil.example", None),
        (["https://shop.example/"], "https://shop.example", "https://shop.example"),
        (["https://shop.example"], EDITOR, None),
        (["weweb", "https://shop.example"], EDITOR, EDITOR),
        (["*"], "https://any.example", "*"),
        (["*"], "null", "*"),
        ([], EDITOR, None),
    ],
)
async def test_a_source_tells_browsers_which_pages_may_read_its_answers(
    hub: Driven, cors: list[str] | None, origin: str, expected: str | None
) -> None:
    await source(hub, cors=cors)
    assert await allowed(hub, origin) == expected


async def test_refusals_can_be_read_by_the_page_too(hub: Driven) -> None:
    token = {"mode": "header", "header": "X-Api-Key", "secrets": ["the-right-token"]}
    await source(hub, verify=token)
    answer = await hub.api.post("/in/page", json={}, headers={"origin": EDITOR})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
    assert answer.headers["access-control-allow-origin"] == EDITOR


async def test_what_a_browser_asks_before_it_sends_is_answered(hub: Driven) -> None:
    await source(hub)
    asked = {
        "origin": EDITOR,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-api-key",
    }
    answer = await hub.api.options("/in/page", headers=asked)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == EDITOR
    assert answer.headers["access-control-allow-headers"] == "content-type,x-api-key"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert int(answer.headers["access-control-max-age"]) >= 300
    foreign = await hub.api.options("/in/page", headers={**asked, "origin": "https://a.example"})
    assert "access-control-allow-origin" not in foreign.headers
    assert (await hub.get("/v1/events"))["items"] == []  # a question is no event


async def test_other_connectors_let_no_page_send_unless_it_is_set(hub: Driven) -> None:
    await hub.put("/v1/sources/n8n", {"connector": "n8n", "verify": {"mode": "none"}})
    assert await allowed(hub, EDITOR, "n8n") is None
    assert await allowed(hub, EDITOR, "nobody") is None


@pytest.mark.parametrize("cors", [["shop.example"], ["https://a/b"], ["ftp://a"], ["https://*"]])
async def test_what_is_no_origin_is_refused(hub: Driven, cors: list[str]) -> None:
    answer = await hub.api.put("/v1/sources/page", json={"verify": {"mode": "none"}, "cors": cors})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["pointer"] == "/cors/0"
