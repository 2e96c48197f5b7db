"""``/v1/files``: keeping files, reading them, and addresses for those who have no key."""

import time

from pydantic import Field
from starlette.responses import Response

from hub.model.file import MAX_KEEP_S, StoredFile
from hub.model.json import Json, dumps_text
from hub.model.key import Scope
from hub.model.time import US_PER_S, now_us, to_iso
from hub.signature import new_secret, signed_url
from hub.store.files import files_page
from hub.store.lookup import LAST
from hub.store.objects import FILES, PUT, PutObject
from hub.web.api.body import Body
from hub.web.api.call import Call, Operation, answer, missing, nothing
from hub.web.paging import PAGE
from hub.web.parameters import id_of, text, whole
from hub.web.serving import content_of
from hub.web.shown.base import Content, Revoked, listed
from hub.web.shown.data import FileShown, FileUrl
from hub.web.uploads import upload_of


async def _post(call: Call) -> Response:
    query = call.query()
    keep_s = _KEEP.number(query.get("keep_s")) or None
    hub = call.hub
    upload = await upload_of(
        call.request,
        query.get("name"),
        hub.settings.file_max_bytes,
        hub.settings.body_timeout_s,
    )
    kept = await hub.filing.put(
        upload.content,
        upload.name,
        upload.content_type,
        keep_s,
        query.get("run_id"),
        query.get("event_id"),
    )
    return answer(_shown(call, kept), 201, {"location": _url(call, kept)})


async def _get_all(call: Call) -> Response:
    page = call.page()
    before, most = page.after(LAST), page.limit + 1
    rows = await call.hub.ledger.read(files_page, before, most, **page.filters)
    shown, now = rows[: page.limit], now_us()
    last = shown[-1].id if len(rows) > page.limit else None
    return answer(
        page.answer([_shown(call, each) for each in shown if each.expires_at > now], last)
    )


async def _get(call: Call) -> Response:
    return answer(_shown(call, await _file(call)))


async def _content(call: Call) -> Response:
    return await content_of(call.hub.filing, await _file(call), call.request)


async def _delete(call: Call) -> Response:
    file_id = call.id("fil", "file")
    if not await call.hub.filing.drop(file_id):
        raise missing("file", file_id)
    return nothing()


class NewUrl(Body):
    """For how long an address of a file counts."""

    ttl_s: int = Field(3600, ge=1, le=604_800, description="Seconds; a week at most.")


async def _sign(call: Call) -> Response:
    wish, file = await call.body(NewUrl), await _file(call)
    expires_s = min(int(time.time()) + wish.ttl_s, file.expires_at // US_PER_S)
    url = signed_url(call.root, call.hub.catalog.now.file_secrets[0], file.id, file.name, expires_s)
    return answer({"url": url, "expires_at": to_iso(expires_s * US_PER_S)}, 201)


async def _revoke(call: Call) -> Response:
    """A new secret in place of the one before: no address of before counts any more."""
    body = dumps_text({"secrets": [new_secret()]})
    await call.hub.ledger.write(PUT, PutObject(*FILES, body))
    await call.hub.catalog.refresh()
    return answer({"revoked": True})


async def _file(call: Call) -> StoredFile:
    return await call.hub.filing.get(call.id("fil", "file"))


def _shown(call: Call, file: StoredFile) -> dict[str, Json]:
    return {
        "id": file.id,
        "name": file.name,
        "content_type": file.content_type,
        "size": file.size,
        "sha256": file.sha256,
        "created_at": to_iso(file.created_at),
        "expires_at": to_iso(file.expires_at),
        "run_id": file.run_id,
        "event_id": file.event_id,
        "url": _url(call, file),
    }


def _url(call: Call, file: StoredFile) -> str:
    return f"{call.root}/v1/files/{file.id}"


_KEEP = whole("keep_s", "How long it is kept, in seconds.", 1, MAX_KEEP_S)
WHOLE = Content(("*/*",), "The file, by its own type.")
PART = Content(("*/*",), "The part of it that `Range` asks for.")
_UNKNOWN = {404: ("file_unknown",)}
_ONE = "/v1/files/{id}"
OPERATIONS = (
    Operation(
        *("POST", "/v1/files", Scope.WRITE, _post, "Keep a file: the body, or a form's one"),
        Content(("application/octet-stream", "multipart/form-data"), "The file; of any type."),
        optional=True,
        query=(
            text("name", "Its name; counts before what a form calls it."),
            _KEEP,
            id_of("run_id", "run", "The run that it belongs to."),
            id_of("event_id", "evt", "The event that it belongs to."),
        ),
        gives={201: FileShown},
        problems={
            400: ("form_broken",),
            413: ("file_too_large",),
            503: ("files_full", "disk_full", "files_unavailable"),
        },
    ),
    Operation(
        *("GET", "/v1/files", Scope.READ, _get_all, "List files, the newest first"),
        query=(
            id_of("run_id", "run", "Only those of this run."),
            id_of("event_id", "evt", "Only those of this event."),
            *PAGE,
        ),
        gives={200: listed(FileShown)},
    ),
    Operation(
        "POST",
        "/v1/files/urls/revoke",
        Scope.ADMIN,
        _revoke,
        "End all addresses that were signed",
        gives={200: Revoked},
        name="revoke_file_urls",
    ),
    Operation(
        *("GET", _ONE, Scope.READ, _get, "Read what is known of a file"),
        gives={200: FileShown},
        problems=_UNKNOWN,
    ),
    Operation(
        *("GET", f"{_ONE}/content", Scope.READ, _content, "Read a file, or a part of it"),
        gives={200: WHOLE, 206: PART, 304: None},
        problems={
            **_UNKNOWN,
            416: ("range_unsatisfiable",),
            503: ("files_unavailable", "file_lost"),
        },
        name="read_file",
    ),
    Operation(
        *("DELETE", _ONE, Scope.WRITE, _delete, "Delete a file"),
        gives={204: None},
        problems=_UNKNOWN,
    ),
    Operation(
        *("POST", f"{_ONE}/url", Scope.READ, _sign, "Sign an address that ends", NewUrl),
        optional=True,
        gives={201: FileUrl},
        unaudited="It keeps nothing.",
        problems=_UNKNOWN,
        name="sign_file_url",
    ),
)
