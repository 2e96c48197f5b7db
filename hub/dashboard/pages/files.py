"""Files: what is kept, for how long, and addresses for those who have no key."""

from typing import Any, Final

from starlette.responses import Response

from hub.dashboard.view import Page, View
from hub.errors import HubError, InvalidError
from hub.model.json import loads
from hub.model.key import Scope
from hub.web.uploads import Upload

_LIST, _ONE = "/dashboard/files", "/dashboard/files/{id}"
_API = "/v1/files/{id}"
_BYTES: Final = "application/octet-stream"
_FORM: Final = "multipart/form-data"
KEPT: Final = {
    "": "as usual",
    "3600": "an hour",
    "86400": "a day",
    "604800": "a week",
    "2592000": "30 days",
    "31536000": "a year",
}
"""For how long a file can be kept, by seconds."""
SIGNED: Final = {"3600": "an hour", "86400": "a day", "604800": "a week", "300": "five minutes"}
"""For how long an address can count, by seconds."""


async def _list(view: View) -> Response:
    context: dict[str, Any] = {"kept": KEPT, "files": [], "more": None, "problem": None}
    try:
        found = await view.page_of("/v1/files", "run_id", "event_id")
    except HubError as error:
        return view.refused(error, "files.html", **context)
    return view.page("files.html", **{**context, "files": found["items"], "more": found["more"]})


async def _keep(view: View) -> Response:
    try:
        file_id = await _upload(view, view.upload)
    except HubError as error:
        found = await view.page_of("/v1/files")
        context = {"kept": KEPT, "files": found["items"], "more": found["more"]}
        return view.refused(error, "files.html", **context)
    return view.go(f"{_LIST}/{file_id}", "The file is kept.")


async def _upload(view: View, upload: Upload | None) -> str:
    if upload is None or not upload.name:
        raise InvalidError("Choose a file first.", code="form_broken")
    given = upload.content_type or _BYTES
    told = await view.desk.answer(
        "POST",
        "/v1/files",
        query={"name": upload.name, "keep_s": view.form.get("keep_s") or None},
        body=upload.content,
        content_type=_BYTES if given.lower().startswith(_FORM) else given,
    )
    made: Any = loads(bytes(told.body))
    return str(made["id"])


async def _show(view: View) -> Response:
    file = await view.ask("GET", _API, {"id": view.part("id")})
    return view.page("file.html", file=file, signed=SIGNED, url=None, problem=None)


async def _content(view: View) -> Response:
    return await view.desk.answer("GET", f"{_API}/content", {"id": view.part("id")})


async def _sign(view: View) -> Response:
    parts = {"id": view.part("id")}
    file = await view.ask("GET", _API, parts)
    ttl = view.form.get("ttl_s", "")
    try:
        body = {"ttl_s": int(ttl)} if ttl.isascii() and ttl.isdecimal() else {}
        url = await view.ask("POST", f"{_API}/url", parts, body=body)
    except HubError as error:
        return view.refused(error, "file.html", file=file, signed=SIGNED, url=None)
    return view.page("file.html", file=file, signed=SIGNED, url=url, problem=None)


async def _delete(view: View) -> Response:
    doing = view.ask("DELETE", _API, {"id": view.part("id")})
    return await view.act(doing, _LIST, "The file is deleted.")


async def _revoke(view: View) -> Response:
    doing = view.ask("POST", "/v1/files/urls/revoke")
    return await view.act(doing, _LIST, "No address that was signed before counts any more.")


PAGES = (
    Page("GET", _LIST, _list),
    Page("POST", f"{_LIST}/new", _keep, Scope.WRITE),
    Page("POST", f"{_LIST}/revoke", _revoke, Scope.ADMIN),
    Page("GET", _ONE, _show),
    Page("GET", f"{_ONE}/content", _content),
    Page("POST", f"{_ONE}/url", _sign),
    Page("POST", f"{_ONE}/delete", _delete, Scope.WRITE),
)
