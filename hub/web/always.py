"""What every answer of a server carries, whoever makes it: the server adds it, once.

What is fit for one kind of answer alone, such as a page's content security policy, stands there.
"""

from typing import Final

from hub.settings import Settings

_ALWAYS: Final = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
)
_YEAR_S: Final = 31_536_000
NO_PAGE: Final = {"content-security-policy": "default-src 'none'; frame-ancestors 'none'"}
"""For answers that no browser is to show: nothing in them is run or framed."""


def always(settings: Settings) -> list[tuple[str, str]]:
    """The fields. A hub whose own address is https asks browsers never to come by http."""
    fields = list(_ALWAYS)
    if settings.public_url is not None and settings.public_url.scheme == "https":
        fields.append(("strict-transport-security", f"max-age={_YEAR_S}"))
    return fields
