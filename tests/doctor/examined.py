"""One check, made as the command makes it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hub.doctor import Limits, chosen, examine, open_site
from hub.settings import Settings


async def found(
    settings: Settings,
    name: str,
    limits: Limits | None = None,
    clock_s: Callable[[], float] | None = None,
) -> dict[str, str]:
    """What the check of that name finds: codes, with what each says."""
    async with open_site(settings, limits) as site:
        given: dict[str, Any] = {} if clock_s is None else {"clock_s": clock_s}
        [examined] = await examine(replace(site, **given), [chosen(name)])
    return {each.code: each.what for each in examined.findings}
