"""``hub doctor``: looks at everything that the hub needs, and says what is wrong and what to do.

It works best when something does not: each check stands alone, is bounded in time, and is left
out where what it needs does not answer.
"""

from collections.abc import Sequence

from hub.doctor import database, machine, network, redis, setting, work
from hub.doctor.examine import Examined, examine
from hub.doctor.finding import Check, Finding, Grade
from hub.doctor.report import show, told
from hub.doctor.setting import SETTINGS, WRONG
from hub.doctor.site import Limits, Site, open_site, site_of
from hub.errors import InvalidError, SettingsError
from hub.settings import Settings
from hub.stack.problem import nearest

CHECKS: tuple[Check, ...] = (
    SETTINGS,
    *machine.CHECKS,
    *setting.CHECKS,
    *database.CHECKS,
    *redis.CHECKS,
    *network.CHECKS,
    *work.CHECKS,
)
"""In the order in which they are shown."""
INSIDE: tuple[Check, ...] = tuple(each for each in CHECKS if each not in network.CHECKS)
"""Those that reach for nothing but the hub's own database and Redis."""


async def doctor(settings: Settings, names: Sequence[str], *, as_json: bool) -> int:
    """Make the checks of these names, all if there are none, and print what they find.

    Gives 1 where there is a problem, else 0.

    Raises:
        InvalidError: ``check_unknown``.
    """
    checks = [chosen(each) for each in names] or CHECKS
    async with open_site(settings) as site:
        return show(await examine(site, checks), as_json=as_json)


def settings_wrong(error: SettingsError, *, as_json: bool) -> int:
    """Print what is wrong with the settings: nothing else can be looked at."""
    return show([Examined(SETTINGS, [WRONG.found(error.message)])], as_json=as_json)


def chosen(name: str) -> Check:
    """The check of that name.

    Raises:
        InvalidError: ``check_unknown``.
    """
    found = next((each for each in CHECKS if each.name == name), None)
    if found is None:
        known = [each.name for each in CHECKS]
        near = nearest(name, known)
        hint = f"did you mean {near!r}?" if near else f"there are {', '.join(known)}."
        raise InvalidError(f"There is no check {name!r}; {hint}", code="check_unknown")
    return found


__all__ = [
    "CHECKS",
    "INSIDE",
    "Check",
    "Examined",
    "Finding",
    "Grade",
    "Limits",
    "Site",
    "doctor",
    "examine",
    "open_site",
    "settings_wrong",
    "site_of",
    "told",
]
