import httpx
import pytest

from hub.bootstrap import Hub
from hub.model.alert import BUILT_IN, Phase, Standing
from hub.store.alerts import CLAIM_LOOK, KEEP_LOOK, Look
from tests.web.answers import good, pointers, refused
from tests.web.conftest import ROOT, KeyOf

PATH = "/v1/alerts/slow-lane"
RULE = {"when": "lane_age", "of": {"lane": "low"}, "threshold": 60, "destinations": ["pager"]}


async def test_an_alert_is_created_read_listed_changed_and_removed(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    made = good(await api.put(PATH, json=RULE), 201)
    assert made["warnings"] == [
        "There is no destination 'pager' yet: nothing goes there until then."
    ]
    assert made["of"]["lane"] == "low"
    assert made["goes_to"] == ["pager"]
    assert made["counts"] == {"threshold": 60, "window_s": None, "for_s": 0}
    changed = good(await api.patch(PATH, json={"for_s": 30}))
    assert changed["counts"]["for_s"] == 30
    assert good(await api.get(PATH))["severity"] == "warning"
    assert hub.catalog.now.alerts["slow-lane"].wait_s == 30
    assert (await api.delete(PATH)).status_code == 204
    assert "slow-lane" not in hub.catalog.now.alerts
    refused(await api.get(PATH), 404, "alert_unknown")
    refused(await api.delete(PATH), 404, "alert_unknown")


async def test_those_that_are_built_in_are_listed_and_can_be_overridden(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    listed = good(await api.get("/v1/alerts"))["items"]
    assert [each["slug"] for each in listed] == sorted(BUILT_IN)
    assert {each["managed_by"] for each in listed} == {"hub"}
    assert listed[0]["created_at"] is None
    path = "/v1/alerts/dead-letters"
    refused(await api.delete(path), 409, "alert_built_in")
    good(await api.patch(path, json={"enabled": False}), 201)
    shown = good(await api.get(path))
    assert (shown["enabled"], shown["when"], shown["managed_by"], shown["built_in"]) == (
        False,
        "dead_letters",
        "api",
        True,
    )
    assert not hub.catalog.now.alerts["dead-letters"].enabled
    assert len(good(await api.get("/v1/alerts"))["items"]) == len(BUILT_IN)
    assert (await api.delete(path)).status_code == 204
    assert good(await api.get(path))["managed_by"] == "hub"


async def test_a_list_of_them_has_pages(api: httpx.AsyncClient) -> None:
    page = good(await api.get("/v1/alerts?limit=10"))
    rest = good(await api.get(page["next"].removeprefix(ROOT)))
    slugs = [each["slug"] for each in (*page["items"], *rest["items"])]
    assert slugs == sorted(BUILT_IN)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/when"),
        ({"when": "lane_age", "severity": "loud"}, "/severity"),
        ({"when": "lane_age", "quiet_s": 0}, "/quiet_s"),
        ({"when": "lane_age", "destinations": "pager"}, "/destinations"),
        ({"when": "lane_age", "thresold": 5}, "/thresold"),
    ],
)
async def test_bad_ones_are_refused_at_their_place(
    api: httpx.AsyncClient, body: object, pointer: str
) -> None:
    problem = refused(await api.put(PATH, json=body), 422, "validation")
    assert pointer in [place for place, _ in pointers(problem)]


async def test_what_does_not_fit_its_condition_is_refused_with_what_to_do(
    api: httpx.AsyncClient,
) -> None:
    wrong = {"when": "lane_age", "of": {"task": "x"}}
    problem = refused(await api.put(PATH, json=wrong), 422, "validation")
    assert "lane_age is about a lane: write of: {lane: …}" in problem["message"]
    refused(await api.put("/v1/alerts/firing", json=RULE), 400, "slug_invalid")
    refused(await api.put("/v1/alerts/No", json=RULE), 400, "slug_invalid")


async def test_a_sample_goes_to_whom_it_would_be_told(api: httpx.AsyncClient) -> None:
    refused(await api.post("/v1/alerts/dead-letters/test"), 409, "alert_unheard")
    refused(await api.post("/v1/alerts/none/test"), 404, "alert_unknown")
    url = "https://n8n.example/webhook/x"
    good(await api.put("/v1/destinations/pager", json={"connector": "n8n", "url": url}), 201)
    good(await api.put(PATH, json=RULE), 201)
    [queued] = good(await api.post(f"{PATH}/test"), 202)["deliveries"]
    assert queued["destination"] == "pager"
    delivery = good(await api.get(queued["url"].removeprefix(ROOT)))
    assert delivery["destination"] == "pager"


async def test_mutes_are_set_and_taken_back(api: httpx.AsyncClient) -> None:
    path = "/v1/alerts/dead-letters"
    assert good(await api.get(path))["muted_until"] is None
    assert good(await api.post(f"{path}/mute"))["muted_until"] > "2026"
    muted = good(await api.post(f"{path}/mute", json={"for_s": 5, "reason": "The till moves."}))
    assert muted["muted_reason"] == "The till moves."
    for shown in (good(await api.get(path)), good(await api.get("/v1/alerts?limit=1"))["items"][0]):
        is_it = shown["slug"] == "dead-letters"
        assert shown["muted_until"] == (muted["muted_until"] if is_it else None)
        assert shown["muted_reason"] == ("The till moves." if is_it else None)
    refused(await api.post(f"{path}/mute", json={"reason": ""}), 422, "validation")
    assert good(await api.post(f"{path}/unmute"))["muted_until"] is None
    assert good(await api.get(path))["muted_reason"] is None
    refused(await api.post(f"{path}/mute", json={"for_s": 0}), 422, "validation")
    refused(await api.post("/v1/alerts/none/mute"), 404, "alert_unknown")
    refused(await api.post("/v1/alerts/none/unmute"), 404, "alert_unknown")


def standing(subject: str, phase: Phase) -> Standing:
    return Standing("slow-lane", subject, "lane_age", "warning", phase, 1, 90.0, fired_at=1)


async def test_what_fires_is_listed_and_other_states_when_asked(
    api: httpx.AsyncClient, hub: Hub
) -> None:
    n = await hub.ledger.write(CLAIM_LOOK, (0, 0))
    assert n is not None
    some = (
        standing("high", Phase.FIRING),
        standing("low", Phase.FIRING),
        standing("normal", Phase.PENDING),
    )
    assert await hub.ledger.write(KEEP_LOOK, Look(n, some))
    page = good(await api.get("/v1/alerts/firing?limit=1"))
    rest = good(await api.get(page["next"].removeprefix(ROOT)))
    assert [each["of"] for each in page["items"] + rest["items"]] == [
        {"lane": "high"},
        {"lane": "low"},
    ]
    assert page["items"][0]["message"] == ("The oldest run in the lane high has waited for 90 s.")
    [pending] = good(await api.get("/v1/alerts/firing?state=pending"))["items"]
    assert (pending["state"], pending["told"]) == ("pending", [])
    refused(await api.get("/v1/alerts/firing?state=loud"), 400, "query_invalid")


async def test_reading_needs_no_more_than_reading(api: httpx.AsyncClient, key_of: KeyOf) -> None:
    reader = await key_of("read")
    good(await api.get("/v1/alerts", headers=reader))
    good(await api.get("/v1/alerts/firing", headers=reader))
    refused(await api.post("/v1/alerts/disk-low/mute", headers=reader), 403, "forbidden")
