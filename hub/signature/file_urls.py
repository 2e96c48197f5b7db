"""Addresses of files: who has one may fetch the file until it ends, signed by HMAC-SHA-256."""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from hub.errors import NotFoundError
from hub.signature.compare import any_equal, exact

_EXPIRES = re.compile(r"[0-9]{1,12}", re.ASCII)


def sign_file(secret: str, file_id: str, name: str, expires_s: int) -> str:
    """The signature of a file's address that ends at that second since the epoch."""
    return _signature(secret, file_id, name, str(expires_s))


def verify_file(
    secrets: Sequence[str], file_id: str, name: str, expires: str, signature: str, now_s: float
) -> None:
    """Refuse an address that is not signed by one of the secrets, or has ended, all alike.

    Raises:
        NotFoundError: ``file_url_invalid``.
    """
    wanted = [exact(_signature(each, file_id, name, expires)) for each in secrets]
    is_signed = any_equal(wanted, [exact(signature)])
    if not is_signed or not _EXPIRES.fullmatch(expires) or int(expires) <= now_s:
        raise file_url_invalid()


def file_url_invalid() -> NotFoundError:
    """The one refusal of all addresses that do not count."""
    return NotFoundError(
        "This address does not count: it has ended, was changed on its way, or its file is gone. "
        "Ask whoever gave it to you for a new one (POST /v1/files/ID/url).",
        code="file_url_invalid",
    )


def signed_url(root: str, secret: str, file_id: str, name: str, expires_s: int) -> str:
    """An address of a file that counts until a second since the epoch."""
    signature = sign_file(secret, file_id, name, expires_s)
    query = urlencode({"expires": expires_s, "signature": signature})
    return f"{root}/files/{file_id}/{quote(name, '')}?{query}"


def _signature(secret: str, file_id: str, name: str, expires: str) -> str:
    signed = "\n".join(("hub file url 1", file_id, expires, name))
    digest = hmac.digest(exact(secret), exact(signed), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
