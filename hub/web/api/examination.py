"""``/v1/health``: what ``hub doctor`` finds inside the hub, and what the hub is set to.

The checks that reach out, to destinations and to where files lie, are the command's alone: whoever
may only look sends nothing on its way.
"""

import platform
from collections.abc import Iterator
from importlib.metadata import version
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.responses import Response

from hub.doctor import INSIDE, examine, site_of, told
from hub.model.json import Json
from hub.model.key import Scope
from hub.model.masking import MASK
from hub.settings import Settings
from hub.web.api.call import Call, Operation, answer
from hub.web.health import troubles
from hub.web.shown.health import HealthShown

_WITHIN_S = 5.0


async def _get(call: Call) -> Response:
    hub = call.hub
    async with site_of(hub) as site:
        examined = await examine(site, INSIDE, _WITHIN_S)
    return answer(
        {
            **told(examined),
            "versions": {
                "hub": version("webhook-hub"),
                "python": platform.python_version(),
                "system": f"{platform.system()} {platform.machine()}",
            },
            "process": {
                "name": hub.worker,
                "embedded": hub.embedded,
                "troubles": await troubles(hub),
            },
            "settings": list(_settings(hub.settings)),
        }
    )


def _settings(settings: Settings) -> Iterator[dict[str, Json]]:
    for name, field in Settings.model_fields.items():
        yield {
            "name": f"HUB_{name.upper()}",
            "value": shown_value(getattr(settings, name)),
            "given": name in settings.model_fields_set,
            "about": field.description or "",
        }


def shown_value(value: object) -> str | None:
    """A setting's value, as everybody who may look may see it."""
    if value is None:
        return None
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value)
    if isinstance(value, bool):
        return str(value).lower()
    return _without_password(str(value))


def _without_password(text: str) -> str:
    """An address without what proves who one is; it may stand before the host, or in the query."""
    if "://" not in text:
        return text
    parts = urlsplit(text)
    before, at, host = parts.netloc.rpartition("@")
    user, colon, _ = before.partition(":")
    netloc = f"{user}{f':{MASK}' if colon else ''}{at}{host}"
    return parts._replace(netloc=netloc, query=MASK if parts.query else "").geturl()


OPERATIONS = (
    Operation(
        *("GET", "/v1/health", Scope.READ, _get, "See how the hub is, and what it is set to"),
        gives={200: HealthShown},
        name="read_health",
    ),
)
