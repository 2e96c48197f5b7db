"""What connectors are told of, and that their samples are taken."""

import httpx

from hub.bootstrap import Hub
from hub.clicks import clicks_in
from tests.web.answers import good, refused
from tests.web.conftest import KeyOf

README = """# Tool

## Tool sends to the hub
It is simple.

1. Open **Settings**
   and paste:
   `{"a": 1}`.
2. <script>alert(1)</script>

Mind `this`.
See [that](that.md).

```
## no heading
1. no step
```

| a | b |

### More
1. Not this.

## The hub sends to Tool
1. Copy it.

## What answers mean
Nothing.
"""


async def test_every_connector_says_what_has_to_be_done_in_its_tool(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    found = good(await api.get("/v1/connectors"))["items"]
    assert [each["name"] for each in found] == sorted(hub.connectors)
    for each in found:
        assert any(click["way"] == "in" for click in each["clicks"]), each["name"]
        assert each["samples"], each["name"]
        assert good(await api.get(f"/v1/connectors/{each['name']}")) == each
    stripe = next(each for each in found if each["name"] == "stripe")
    assert stripe["verifies"] is True
    assert any("https://YOUR-HUB/in/YOUR-SOURCE" in one for one in stripe["clicks"][0]["steps"])
    refused(await api.get("/v1/connectors/none"), 404, "connector_unknown")


def test_the_clicks_are_the_numbered_steps_of_a_section() -> None:
    into, out = clicks_in(README)
    assert (into.title, into.way) == ("Tool sends to the hub", "in")
    assert into.steps == (
        'Open **Settings** and paste: `{"a": 1}`.',
        "<script>alert(1)</script>",
    )
    assert into.notes == ("It is simple.", "Mind `this`.")
    assert (out.way, out.steps) == ("out", ("Copy it.",))
    assert clicks_in("no heading\n1. no step") == []


async def test_a_source_is_sent_its_connectors_sample(api: httpx.AsyncClient) -> None:
    verify = {"mode": "header", "header": "x-hub-token", "secrets": ["the-right-token"]}
    good(await api.put("/v1/sources/shop", json={"connector": "make", "verify": verify}), 201)
    found = good(await api.post("/v1/sources/shop/test", json={}))
    assert found["answer"]["status"] == 202
    assert found["request"]["url"] == "http://hub.test/in/shop"
    assert found["request"]["headers"]["x-hub-token"] == "…"
    assert "the-right-token" not in str(found)
    named = good(await api.post("/v1/sources/shop/test", json={"case": "query-only"}))
    assert named["request"]["method"] == "GET"
    assert "?" in named["request"]["url"]
    items = good(await api.get("/v1/events?source=shop"))["items"]
    assert [each["fate"] for each in items] == ["unmatched", "unmatched"]
    assert items[0]["id"] in named["answer"]["body"]


async def test_a_sample_that_is_refused_is_kept_and_shown_as_its_sender_sees_it(
    api: httpx.AsyncClient,
) -> None:
    good(await api.put("/v1/sources/shop", json={"verify": {"mode": "none"}}), 201)
    found = good(await api.post("/v1/sources/shop/test", json={"body": "{broken"}))
    assert found["answer"]["status"] == 400
    assert "json_broken" in found["answer"]["body"]
    (event,) = good(await api.get("/v1/events?source=shop"))["items"]
    assert event["fate"] == "rejected"


async def test_a_source_whose_answer_is_a_run_s_does_not_wait_for_it(
    api: httpx.AsyncClient,
) -> None:
    stack = "{ task: 'echo', function_stack: [{ function: 'return_response', body: 'x' }] }"
    await api.put("/v1/stacks/desk", content=stack)
    wish = {"verify": {"mode": "none"}, "respond": "result", "task": "echo"}
    good(await api.put("/v1/sources/shop", json=wish), 201)
    found = good(await api.post("/v1/sources/shop/test", json={}))
    assert found["answer"]["status"] == 202
    assert '"run_id":"run_' in found["answer"]["body"]


async def test_what_cannot_be_tried_is_said(api: httpx.AsyncClient, key_of: KeyOf) -> None:
    refused(await api.post("/v1/sources/none/test", json={}), 404, "source_unknown")
    good(await api.put("/v1/sources/shop", json={"verify": {"mode": "none"}}), 201)
    refused(await api.post("/v1/sources/shop/test", json={"case": "x"}), 400, "sample_unknown")
    refused(await api.post("/v1/sources/shop/test", json={"n": 1}), 422, "validation")
    reader = await key_of("read")
    refused(await api.post("/v1/sources/shop/test", json={}, headers=reader), 403, "forbidden")
