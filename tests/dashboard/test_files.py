"""Pages of files: kept, looked at, fetched, signed for others, deleted."""

from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest

from hub.model.ids import new_id
from hub.web.desk import Desk
from tests.dashboard.conftest import Visitor, VisitorOf

HOSTILE = "<img src=x onerror=alert(1)>.html"
LIST = "/dashboard/files"


async def upload(
    visitor: Visitor, name: str, content: bytes, kind: str = "text/html", **fields: str
) -> Any:
    data = {"csrf": visitor.csrf, **fields}
    return await visitor.client.post(
        f"{LIST}/new", data=data, files={"file": (name, content, kind)}
    )


async def keep(visitor: Visitor, name: str = HOSTILE, content: bytes = b"<b>x</b>") -> str:
    answer = await upload(visitor, name, content, keep_s="3600")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_a_file_is_kept_and_fetched_as_it_came(desk: Desk, visitor: Visitor) -> None:
    content = bytes(range(256)) * 4_000
    path = await keep(visitor, content=content)
    for page in (await visitor.see(path), await visitor.see(LIST)):
        assert "<img src=x" not in page
        assert HOSTILE in unescape(page)
    (file,) = (await desk.ask("GET", "/v1/files"))["items"]
    assert (file["name"], file["content_type"], file["size"]) == (HOSTILE, "text/html", 1_024_000)
    answer = await visitor.client.get(f"{path}/content")
    assert answer.content == content
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"] == "sandbox"


async def test_a_file_that_cannot_be_kept_is_said(visitor: Visitor) -> None:
    for answer, status, said in (
        (await upload(visitor, "", b""), 400, "Choose a file first"),
        (await upload(visitor, "a", b"x", keep_s="0"), 400, "keep_s"),
        (await upload(visitor, "a", b"x", keep_s="<script>"), 400, "keep_s"),
        (await upload(visitor, "a", b"x", csrf="no"), 403, "not of this session"),
    ):
        assert answer.status_code == status
        assert said in answer.text
    answer = await visitor.client.post(f"{LIST}/new", data={"csrf": visitor.csrf})
    assert answer.status_code == 400
    assert "No file is kept" in await visitor.see(LIST)


async def test_a_type_that_would_be_taken_for_a_form_is_kept_as_bytes(
    desk: Desk, visitor: Visitor
) -> None:
    await upload(visitor, "a", b"x", "multipart/form-data; boundary=x")
    (file,) = (await desk.ask("GET", "/v1/files"))["items"]
    assert (file["content_type"], file["size"]) == ("application/octet-stream", 1)


async def test_an_address_is_signed_for_a_time(visitor: Visitor) -> None:
    path = await keep(visitor)
    page = (await visitor.send(f"{path}/url", 200, ttl_s="300")).text
    address = unescape(page.partition('aria-label="The signed address">')[2].partition("<")[0])
    assert urlsplit(address).path.startswith("/files/")
    assert "data-copy" in page
    wrong = await visitor.send(f"{path}/url", 422, ttl_s="99999999")
    assert "ttl_s" in wrong.text
    assert "no address" not in await visitor.do(f"{LIST}/revoke")


async def test_files_of_a_run_and_pages_of_them(desk: Desk, visitor: Visitor) -> None:
    run_id = new_id("run")
    assert "No file is kept" in await visitor.see(f"{LIST}?run_id={run_id}")
    assert 'role="alert"' in await visitor.see(f"{LIST}?run_id=x", 400)
    assert 'role="alert"' in await visitor.see(f"{LIST}?cursor=x", 400)


async def test_a_file_is_deleted_once(visitor: Visitor) -> None:
    path = await keep(visitor)
    assert "The file is deleted" in await visitor.do(f"{path}/delete")
    assert "There is no file" in await visitor.do(f"{path}/delete")
    for where in (path, f"{path}/content", f"{LIST}/fil_x", f"{LIST}/x/content"):
        await visitor.see(where, 404)


@pytest.mark.parametrize("scope", ["read", "write"])
async def test_what_a_scope_does_not_allow_is_refused(
    visitor: Visitor, visitor_of: VisitorOf, scope: str
) -> None:
    path = await keep(visitor)
    other = await visitor_of("read", scope)
    assert ("Delete the file" in await other.see(path)) == (scope == "write")
    assert "End all addresses" not in await other.see(LIST)
    await other.send(f"{LIST}/revoke", 403)
    if scope == "read":
        assert "Keep a file" not in await other.see(LIST)
        await other.send(f"{path}/delete", 403)
        assert (await upload(other, "a", b"x")).status_code == 403
