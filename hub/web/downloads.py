"""``/files/{id}/{name}``: addresses of files that were signed for somebody without a key."""

import time
from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import Response

from hub.bootstrap import Hub
from hub.errors import NotFoundError, StoreError
from hub.signature import file_url_invalid, verify_file
from hub.web.problems import problem
from hub.web.serving import content_of

PATH = "/files/{id}/{name}"
_log = structlog.get_logger("hub.web")


def download(hub: Hub) -> Callable[[Request], Awaitable[Response]]:
    """Answers such addresses."""

    async def answer(request: Request) -> Response:
        try:
            response = await _content(hub, request)
        except Exception as error:  # noqa: BLE001 - whatever it is, it becomes a problem
            response = problem(error, request.scope)
        _log.info("file.asked", file=request.path_params["id"][:40], status=response.status_code)
        return response

    return answer


async def _content(hub: Hub, request: Request) -> Response:
    file_id, name = request.path_params["id"], request.path_params["name"]
    expires, signature = (request.query_params.get(each, "") for each in ("expires", "signature"))
    secrets = hub.catalog.now.file_secrets
    verify_file(secrets, file_id, name, expires, signature, time.time())
    try:
        return await content_of(hub.filing, await hub.filing.get(file_id), request)
    except NotFoundError:
        raise file_url_invalid() from None
    except StoreError as error:  # who has no key need not know where files lie
        _log.warning("file.missed", file=file_id, error=error.message)
        raise StoreError(
            "The file cannot be read now. Try again later.", code=error.code
        ) from error
