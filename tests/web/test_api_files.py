"""Files by API: streamed in, read in parts, given out by addresses that end."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import httpx
import pytest

from hub.bootstrap import Hub
from hub.model.file import StoredFile
from hub.model.ids import new_id
from hub.signature import signed_url
from tests.files.content import content
from tests.web.answers import good, refused
from tests.web.conftest import ROOT, KeyOf

BODY = bytes(range(256)) * 4
CSV = {"content-type": "text/csv; charset=utf-8"}


async def upload(api: httpx.AsyncClient, body: bytes = BODY, **query: str) -> Any:
    """What is told of a file that was just kept."""
    return good(await api.post("/v1/files", params=query, content=body, headers=CSV), 201)


def is_safe(response: httpx.Response) -> None:
    """Nothing that a browser would run, guess or share."""
    assert response.headers["content-security-policy"] == "sandbox"
    assert response.headers["content-disposition"].startswith("attachment; ")
    assert response.headers["cache-control"] == "private"
    assert "set-cookie" not in response.headers


async def test_a_file_is_kept_read_and_deleted(api: httpx.AsyncClient) -> None:
    made = await upload(api, name="report.csv", keep_s="60")
    assert made["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert (made["name"], made["size"], made["content_type"]) == (
        "report.csv",
        len(BODY),
        CSV["content-type"],
    )
    assert good(await api.get(f"/v1/files/{made['id']}")) == made
    whole = await api.get(f"/v1/files/{made['id']}/content")
    assert (whole.status_code, whole.content) == (200, BODY)
    assert whole.headers["content-type"] == CSV["content-type"]
    assert whole.headers["content-length"] == str(len(BODY))
    is_safe(whole)
    head = await api.head(f"/v1/files/{made['id']}/content")
    assert head.content == b""
    assert head.headers["content-length"] == str(len(BODY))
    assert (await api.delete(f"/v1/files/{made['id']}")).status_code == 204
    for answer in (
        await api.get(f"/v1/files/{made['id']}"),
        await api.get(f"/v1/files/{made['id']}/content"),
        await api.delete(f"/v1/files/{made['id']}"),
        await api.post(f"/v1/files/{made['id']}/url"),
        await api.get("/v1/files/no-id"),
    ):
        refused(answer, 404, "file_unknown")


async def test_an_empty_file_is_a_file(api: httpx.AsyncClient) -> None:
    made = good(await api.post("/v1/files"), 201)
    assert (made["size"], made["name"]) == (0, "file")
    assert made["content_type"] == "application/octet-stream"
    path = f"/v1/files/{made['id']}/content"
    assert (await api.get(path)).content == b""
    answer = await api.get(path, headers={"range": "bytes=0-"})
    refused(answer, 416, "range_unsatisfiable")


async def test_a_forms_one_file_is_kept(api: httpx.AsyncClient) -> None:
    form = {"any": ("Übersicht.csv", BODY, "text/csv")}
    made = good(await api.post("/v1/files", files=form), 201)
    assert (made["name"], made["content_type"]) == ("Übersicht.csv", "text/csv")
    assert made["sha256"] == hashlib.sha256(BODY).hexdigest()
    named = good(await api.post("/v1/files?name=other", files=form), 201)
    assert named["name"] == "other"


async def test_a_large_form_is_taken_as_it_is(api: httpx.AsyncClient) -> None:
    body = (b"\r\n--b\r\n--b-\r\n" + os.urandom(1000)) * 5000
    made = good(await api.post("/v1/files", files={"f": ("f", body)}), 201)
    assert made["sha256"] == hashlib.sha256(body).hexdigest()
    assert (await api.get(f"/v1/files/{made['id']}/content")).content == body


FORM = {"content-type": "multipart/form-data; boundary=b"}
HEAD = b'--b\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\n'
FIELD = b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\nx\r\n'


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (HEAD + b"x\r\n", FORM),  # it has no end
        (HEAD + b"x\r\n" + HEAD + b"y\r\n--b--\r\n", FORM),
        (FIELD + HEAD + b"x\r\n--b--\r\n", FORM),
        (FIELD + b"--b--\r\n", FORM),
        (b"--b--\r\n", FORM),
        (b"", FORM),
        (b"nothing of the kind", FORM),
        (HEAD + b"x\r\n--b--\r\n", {"content-type": "multipart/form-data"}),
        (b"--b\r\n" + b"X: " + b"y" * 100_000, FORM),
    ],
)
async def test_a_form_that_is_none_is_refused_and_nothing_is_kept(
    api: httpx.AsyncClient, hub: Hub, body: bytes, headers: dict[str, str]
) -> None:
    answer = await api.post("/v1/files", content=body, headers=headers)
    refused(answer, 400, "form_broken")
    assert good(await api.get("/v1/files"))["items"] == []
    assert not [each for each in (hub.settings.data / "files").rglob("*") if each.is_file()]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000-", 1000, 1024),
        ("bytes=1000-999999", 1000, 1024),
        ("bytes=-24", 1000, 1024),
        ("bytes=-99999", 0, 1024),
    ],
)
async def test_a_part_is_read(api: httpx.AsyncClient, asked: str, start: int, end: int) -> None:
    made = await upload(api)
    part = await api.get(f"/v1/files/{made['id']}/content", headers={"range": asked})
    assert (part.status_code, part.content) == (206, BODY[start:end])
    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/1024"
    assert part.headers["content-length"] == str(end - start)
    is_safe(part)


@pytest.mark.parametrize(
    "asked",
    ["bytes=5-4", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "bytes=" + "9" * 5000, "-"],
)
async def test_a_range_that_cannot_be_read_means_the_whole(
    api: httpx.AsyncClient, asked: str
) -> None:
    made = await upload(api)
    whole = await api.get(f"/v1/files/{made['id']}/content", headers={"range": asked})
    assert (whole.status_code, whole.content) == (200, BODY)


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=999999999999999999-", "bytes=-0"])
async def test_a_range_outside_is_refused(api: httpx.AsyncClient, asked: str) -> None:
    made = await upload(api)
    answer = await api.get(f"/v1/files/{made['id']}/content", headers={"range": asked})
    refused(answer, 416, "range_unsatisfiable")
    assert answer.headers["content-range"] == "bytes */1024"


async def test_a_part_counts_only_of_the_same_content(api: httpx.AsyncClient) -> None:
    made = await upload(api)
    path, etag = f"/v1/files/{made['id']}/content", f'"{made["sha256"]}"'
    for other, status in ((etag, 206), ('"other"', 200)):
        headers = {"range": "bytes=0-0", "if-range": other}
        assert (await api.get(path, headers=headers)).status_code == status
    assert (await api.get(path, headers={"if-none-match": etag})).status_code == 304


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ('a"b\\c.txt', "c.txt"),
        ('q"uote.txt', "q_uote.txt"),
        ("a\r\nset-cookie: x=1", "aset-cookie_ x=1"),
        ("../../etc/passwd", "passwd"),
        ("100%41.txt", "100_41.txt"),
        ("日本.pdf", "__.pdf"),
        ("ä" * 500 + ".csv", "_" * 98 + ".csv"),
    ],
)
async def test_any_name_is_told_safely(api: httpx.AsyncClient, name: str, plain: str) -> None:
    made = await upload(api, name=name)
    answer = await api.get(f"/v1/files/{made['id']}/content")
    exact = quote(made["name"], "")
    expected = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}"
    assert answer.headers["content-disposition"] == expected
    is_safe(answer)
    async with httpx.AsyncClient(transport=api._transport, base_url=ROOT) as anybody:
        url = good(await api.post(f"/v1/files/{made['id']}/url"), 201)["url"]
        assert (await anybody.get(url)).content == BODY


async def test_files_are_listed_by_page_and_by_run(api: httpx.AsyncClient, hub: Hub) -> None:
    run_id, event_id = new_id("run"), new_id("evt")
    of_run = [await upload(api, run_id=run_id) for _ in range(3)]
    of_event = await upload(api, event_id=event_id)
    await hub.filing.put(content(b"x"), "brief", None, keep_s=0.001)
    await asyncio.sleep(0.01)
    seen, url = [], "/v1/files?limit=2"
    while url:
        page = good(await api.get(url))
        seen += page["items"]
        url = page["next"]
    assert seen == [of_event, *reversed(of_run)]
    assert good(await api.get(f"/v1/files?run_id={run_id}"))["items"] == of_run[::-1]
    assert good(await api.get(f"/v1/files?event_id={event_id}"))["items"] == [of_event]
    refused(await api.get("/v1/files?run_id=x"), 400, "query_invalid")
    refused(await api.get("/v1/files?run=x"), 400, "query_unknown")


@pytest.mark.parametrize(
    "query", ["keep_s=0", "keep_s=-1", "keep_s=x", "keep_s=99999999999", "run_id=evt_1", "x=1"]
)
async def test_a_query_that_makes_no_sense_is_refused(api: httpx.AsyncClient, query: str) -> None:
    answer = await api.post(f"/v1/files?{query}", content=b"x")
    refused(answer, 400, "query_unknown" if query == "x=1" else "query_invalid")


async def test_reading_and_writing_need_their_scopes(api: httpx.AsyncClient, key_of: KeyOf) -> None:
    made = await upload(api)
    one = f"/v1/files/{made['id']}"
    reader, sender = await key_of("read"), await key_of("ingest")
    for method, path in (("POST", "/v1/files"), ("DELETE", one)):
        refused(await api.request(method, path, headers=reader), 403, "forbidden")
    for method, path in (("GET", "/v1/files"), ("GET", f"{one}/content"), ("POST", f"{one}/url")):
        refused(await api.request(method, path, headers=sender), 403, "forbidden")
    writer = await key_of("write")
    refused(await api.post("/v1/files/urls/revoke", headers=writer), 403, "forbidden")


async def test_what_is_too_large_is_refused(
    api: httpx.AsyncClient, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = hub.filing.room.bounds
    monkeypatch.setattr(hub.filing.room, "bounds", type(bounds)(1000, bounds.all_bytes, 60))

    async def chunked() -> AsyncIterator[bytes]:
        yield b"x" * 600
        yield b"x" * 600

    told = refused(await api.post("/v1/files", content=chunked()), 413, "file_too_large")
    assert "HUB_FILE_MAX_BYTES" in told["message"]
    told = {"content-length": str(hub.settings.file_max_bytes + 1)}
    answer = await api.post("/v1/files", content=b"x", headers=told)
    refused(answer, 413, "file_too_large")
    packed = {"content-encoding": "gzip"}
    answer = await api.post("/v1/files", content=b"x", headers=packed)
    refused(answer, 415, "content_encoding_unsupported")


def parts_of(url: str) -> tuple[str, dict[str, str]]:
    """An address without its query, and that."""
    split = urlsplit(url)
    return split.path, {name: value[0] for name, value in parse_qs(split.query).items()}


@pytest.fixture
async def anybody(api: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    async with httpx.AsyncClient(transport=api._transport, base_url=ROOT) as client:
        yield client


async def test_who_has_an_address_needs_no_key(
    api: httpx.AsyncClient, anybody: httpx.AsyncClient
) -> None:
    made = await upload(api, name="a b.csv")
    signed = good(await api.post(f"/v1/files/{made['id']}/url", json={"ttl_s": 60}), 201)
    assert signed["url"].startswith(f"{ROOT}/files/{made['id']}/a%20b.csv?expires=")
    whole = await anybody.get(signed["url"])
    assert whole.content == BODY
    is_safe(whole)
    part = await anybody.get(signed["url"], headers={"range": "bytes=-4"})
    assert (part.status_code, part.content) == (206, BODY[-4:])
    assert (await anybody.head(signed["url"])).headers["content-length"] == "1024"
    await api.delete(f"/v1/files/{made['id']}")
    refused(await anybody.get(signed["url"]), 404, "file_url_invalid")


async def test_what_does_not_count_is_refused_alike(
    api: httpx.AsyncClient, anybody: httpx.AsyncClient, hub: Hub
) -> None:
    made, other = await upload(api, name="a"), await upload(api, name="a")
    url = good(await api.post(f"/v1/files/{made['id']}/url"), 201)["url"]
    path, query = parts_of(url)
    later = str(int(query["expires"]) + 1)
    file = await hub.filing.get(made["id"])
    secret = hub.catalog.now.file_secrets[0]
    over = signed_url(ROOT, secret, file.id, file.name, int(time.time()))
    foreign = signed_url(ROOT, "another secret", file.id, file.name, int(time.time()) + 60)
    tries = [
        (path.replace(made["id"], other["id"]), query),
        (path.replace(made["id"], new_id("fil")), query),
        (path + "b", query),
        (path, {**query, "expires": later}),
        (path, {**query, "expires": query["expires"] + "0"}),
        (path, {**query, "expires": "9" * 5000}),
        (path, {**query, "expires": "²"}),
        (path, {**query, "signature": query["signature"][:-1]}),
        (path, {**query, "signature": "ü" * 43}),
        (path, {**query, "signature": ""}),
        (path, {"expires": query["expires"]}),
        (path, {}),
        parts_of(over),
        parts_of(foreign),
    ]
    bodies = []
    for at, given in tries:
        told = refused(await anybody.get(f"{at}?{urlencode(given)}"), 404, "file_url_invalid")
        bodies.append({**told, "instance": ""})
    assert all(each == bodies[0] for each in bodies)
    assert (await anybody.get(f"{path}?{urlencode(query)}")).status_code == 200


async def test_no_address_outlives_its_file_or_a_week(api: httpx.AsyncClient) -> None:
    made = await upload(api, keep_s="30")
    signed = good(await api.post(f"/v1/files/{made['id']}/url", json={"ttl_s": 600}), 201)
    assert signed["expires_at"][:19] <= made["expires_at"][:19]
    for wrong in ({"ttl_s": 0}, {"ttl_s": 604_801}, {"ttl_s": "60"}, {"for": 60}):
        answer = await api.post(f"/v1/files/{made['id']}/url", json=wrong)
        refused(answer, 422, "validation")


async def test_all_addresses_can_be_ended(
    api: httpx.AsyncClient, anybody: httpx.AsyncClient
) -> None:
    made = await upload(api)
    url = good(await api.post(f"/v1/files/{made['id']}/url"), 201)["url"]
    good(await api.post("/v1/files/urls/revoke"))
    refused(await anybody.get(url), 404, "file_url_invalid")
    url = good(await api.post(f"/v1/files/{made['id']}/url"), 201)["url"]
    assert (await anybody.get(url)).status_code == 200


async def test_a_content_that_is_gone_is_said(
    api: httpx.AsyncClient, anybody: httpx.AsyncClient, hub: Hub
) -> None:
    made = await upload(api)
    url = good(await api.post(f"/v1/files/{made['id']}/url"), 201)["url"]
    file: StoredFile = await hub.filing.get(made["id"])
    (hub.settings.data / "files" / file.blob[-1] / file.blob).unlink()
    refused(await api.get(f"/v1/files/{made['id']}/content"), 503, "file_lost")
    told = refused(await anybody.get(url), 503, "file_lost")
    assert told["message"] == "The file cannot be read now. Try again later."


async def test_two_files_at_once_are_two_files(api: httpx.AsyncClient) -> None:
    bodies = [os.urandom(3_000_000) for _ in range(4)]
    made = await asyncio.gather(*(upload(api, each, name="same") for each in bodies))
    for each, body in zip(made, bodies, strict=True):
        assert (await api.get(f"/v1/files/{each['id']}/content")).content == body
