"""``/v1/files``: keeping files, reading them, and addresses for those who have no key."""

import re
import time

from pydantic import Field
from starlette.responses import Response

from hub.errors import InvalidError
from hub.model.file import MAX_KEEP_S, StoredFile
from hub.model.ids import Prefix
from hub.model.json import Json, dumps_text
from hub.model.key import Scope
from hub.model.time import US_PER_S, now_us, to_iso
from hub.signature import new_secret, signed_url
from hub.store.files import files_page
from hub.store.lookup import LAST
from hub.store.objects import FILES, PUT, PutObject
from hub.web.api.body import Body
from hub.web.api.call import Call, Operation, answer, missing, nothing
from hub.web.serving import content_of
from hub.web.uploads import upload_of

_WHOLE = re.compile(r"[0-9]{1,10}", re.ASCII)


async def _post(call: Call) -> Response:
    query = call.query("name", "keep_s", "run_id", "event_id")
    keep_s = _seconds(query.get("keep_s"))
    run_id, event_id = _id(query, "run_id", "run"), _id(query, "event_id", "evt")
    hub = call.hub
    upload = await upload_of(
        call.request,
        query.get("name"),
        hub.settings.file_max_bytes,
        hub.settings.body_timeout_s,
    )
    kept = await hub.filing.put(
        upload.content, upload.name, upload.content_type, keep_s, run_id, event_id
    )
    return answer(_shown(call, kept), 201, {"location": _url(call, kept)})


async def _get_all(call: Call) -> Response:
    page = call.page("run_id", "event_id")
    equal = {
        name: found
        for name, prefix in _OF.items()
        if (found := _id(page.filters, name, prefix)) is not None
    }
    rows = await call.hub.ledger.read(files_page, page.after(LAST), page.limit + 1, **equal)
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
    wish, file = await call.body_or_none(NewUrl), await _file(call)
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


def _seconds(text: str | None) -> int | None:
    if text is None:
        return None
    if _WHOLE.fullmatch(text) and 1 <= int(text) <= MAX_KEEP_S:
        return int(text)
    raise InvalidError(
        f"'keep_s' must be a whole number of seconds from 1 to {MAX_KEEP_S}.",
        code="query_invalid",
    )


_OF: dict[str, Prefix] = {"run_id": "run", "event_id": "evt"}


def _id(query: dict[str, str], name: str, prefix: Prefix) -> str | None:
    text = query.get(name)
    if text is None or re.fullmatch(prefix + r"_[0-9a-f]{32}", text):
        return text
    raise InvalidError(f"{name!r} must be an id that begins with {prefix}_.", code="query_invalid")


_ONE = "/v1/files/{id}"
OPERATIONS = (
    Operation("POST", "/v1/files", Scope.WRITE, _post, "Keep a file: the body, or a form's one"),
    Operation("GET", "/v1/files", Scope.READ, _get_all, "List files, the newest first"),
    Operation(
        "POST",
        "/v1/files/urls/revoke",
        Scope.ADMIN,
        _revoke,
        "End all addresses that were signed",
    ),
    Operation("GET", _ONE, Scope.READ, _get, "Read what is known of a file"),
    Operation("GET", f"{_ONE}/content", Scope.READ, _content, "Read a file, or a part of it"),
    Operation("DELETE", _ONE, Scope.WRITE, _delete, "Delete a file"),
    Operation(
        "POST",
        f"{_ONE}/url",
        Scope.READ,
        _sign,
        "Sign an address that ends",
        NewUrl,
        unaudited="It keeps nothing.",
    ),
)
