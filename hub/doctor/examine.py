"""An examination: every check, all at once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from hub.doctor.finding import Check, Finding, warning
from hub.doctor.site import Part, Site
from hub.errors import HubError

CHECK_S = 30.0

NOT_LOOKED_AT = warning(
    "not_looked_at",
    "This needs something that does not answer.",
    "Mend that first, and ask again.",
)
BROKE_OFF = warning(
    "check_broke_off",
    "This could not be found out in time, or what was asked refused to say it.",
    "See the message, and ask again.",
)
_ABSENT: dict[Part, str] = {
    "catalog": "What people have set cannot be read.",
    "database": "The database does not answer.",
    "redis": "Redis does not answer.",
}
OF_ANY = (NOT_LOOKED_AT, BROKE_OFF)
"""What every check may find."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What one check has found."""

    check: Check
    findings: Sequence[Finding]


async def examine(site: Site, checks: Sequence[Check], within_s: float = CHECK_S) -> list[Examined]:
    """Make the checks, each within its time; in their order."""
    found = await asyncio.gather(*(_made(site, each, within_s) for each in checks))
    return [Examined(*each) for each in zip(checks, found, strict=True)]


async def _made(site: Site, check: Check, within_s: float) -> Sequence[Finding]:
    missing = sorted(check.needs & site.absent.keys())
    if missing:
        return [NOT_LOOKED_AT.found(_ABSENT[missing[-1]])]
    try:
        async with asyncio.timeout(within_s):
            return await check.look(site)
    except TimeoutError:
        return [BROKE_OFF.found(f"There was no answer within {within_s:g} s.")]
    except HubError as error:
        return [BROKE_OFF.found(error.message)]
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are to be seen
        return [BROKE_OFF.found(f"{type(error).__name__}: {error}.")]
