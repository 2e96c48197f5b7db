"""Answers that bring no data: what their status means to whoever wanted some, and web pages."""

import re

from hub.connector import retry_after_s
from hub.errors import OutboundError
from hub.model.http import OutboundResponse
from hub.outbound.streaming import Streamed

_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)[\s>]", re.IGNORECASE)
_LATER = frozenset({408, 425, 429})
_ADVICE = {
    401: "it wants to know who asks: give the header fields that it expects, as Authorization",
    403: "it lets nobody in who asks like this: a signed link may be over, or a key is missing",
    404: "there is nothing at this URL: see whether it is spelled as it should be",
    410: "what was at this URL is gone",
    407: "a proxy on the way wants a password",
}


def declined(answer: Streamed) -> OutboundError:
    """The error of a status that brings no data: ``try_later`` or ``status_refused``."""
    status = answer.status
    if status in _LATER or status >= 500:
        asked = OutboundResponse(status, answer.headers, b"", False, 0)
        return OutboundError(
            f"The server answered {status}: it cannot give the data now. Try again later.",
            code="try_later",
            may_have_run=True,
            status=status,
            retry_after_s=retry_after_s(asked),
        )
    why = _ADVICE.get(status, "it does not give the data to this request")
    return OutboundError(
        f"The server answered {status}: {why}.",
        code="status_refused",
        may_have_run=True,
        status=status,
    )


def check_no_page_type(answer: Streamed) -> None:
    """Refuse an answer that calls itself a web page.

    Raises:
        OutboundError: ``answer_is_page``.
    """
    kind = (answer.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind in _PAGE_TYPES:
        raise _page(answer.url)


def check_no_page(beginning: bytes, url: str) -> None:
    """Refuse data that begin as a web page does.

    Raises:
        OutboundError: ``answer_is_page``.
    """
    if _PAGE.match(beginning):
        raise _page(url)


def _page(url: str) -> OutboundError:
    """Says what is wrong, and what the link should look like where the host is known."""
    host = url.partition("://")[2].partition("/")[0].partition(":")[0].lower()
    if host.endswith("google.com"):
        hint = (
            "The file at Google Drive has to be shared with anyone who has the link, and its "
            "link for this is https://drive.usercontent.google.com/download?id=FILE_ID&"
            "export=download&confirm=t (of a Google Sheet "
            "https://docs.google.com/spreadsheets/d/FILE_ID/export?format=csv)."
        )
    elif host.endswith(("dropbox.com", "dropboxusercontent.com")):
        hint = "With dl=1 instead of dl=0 at its end a link of Dropbox gives the file itself."
    else:
        hint = (
            "It may be a page to log in, or a link to share instead of the file's own: at Google "
            "Drive that is https://drive.usercontent.google.com/download?id=FILE_ID&"
            "export=download&confirm=t, at Dropbox a link that ends with dl=1."
        )
    return OutboundError(
        f"There is a web page where the data should be. {hint}",
        code="answer_is_page",
        may_have_run=True,
    )
