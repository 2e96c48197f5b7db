"""The settings: keys, the public address, the time zone."""

import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from hub.doctor.finding import Check, Finding, fine, problem, warning
from hub.doctor.site import Site

_LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})

WRONG = problem(
    "settings_wrong",
    "A setting has a value that it cannot have, so no program of the hub starts.",
    "Set the variables that are named to what they should be; see docs/settings.md.",
)
ADMIN_KEY = warning(
    "admin_key_set",
    "HUB_ADMIN_KEY is a key for everything, and stands in the environment of every process.",
    "Make a key for each use (`hub key new`), take HUB_ADMIN_KEY away, and revoke its key.",
)
NO_SECRET_KEY = warning(
    "secret_key_missing",
    "Secrets of sources, destinations and variables lie in the database as they are.",
    "Set HUB_SECRET_KEY (`openssl rand -base64 32`) everywhere, then `hub secret reencrypt`.",
)
NO_PUBLIC_URL = warning(
    "public_url_missing",
    "Nobody has said under which address others reach the hub: addresses to paste lead nowhere, "
    "and senders that sign the address are refused behind a proxy.",
    "Set HUB_PUBLIC_URL to the address from outside, such as https://hub.example.com.",
)
PLAIN = warning(
    "public_url_plain",
    "The public address is http: keys, tokens and bodies can be read on their way.",
    "Have a proxy with a certificate in front, and set HUB_PUBLIC_URL to its https address.",
)
NO_ZONE = warning(
    "timezone_unset",
    "Schedules that name no time zone fire by UTC, and this machine keeps another time.",
    "Set HUB_TIMEZONE, or `timezone` in these schedules.",
)


async def _settings(site: Site) -> Sequence[Finding]:
    """They could be read, or there were no site."""
    count = len(site.settings.model_fields_set)
    return [fine("settings", f"{count} are set, the others are as they come.")]


async def _keys(site: Site) -> Sequence[Finding]:
    if site.settings.admin_key is None:
        return [fine("admin_key", "HUB_ADMIN_KEY is not set.")]
    return [ADMIN_KEY.found("HUB_ADMIN_KEY is set.")]


async def _secret_key(site: Site) -> Sequence[Finding]:
    count = len(site.settings.secret_keys)
    if not count:
        return [NO_SECRET_KEY.found("There is no HUB_SECRET_KEY.")]
    said = "one key" if count == 1 else f"the first of {count} keys"
    return [fine("secret_key", f"Secrets are encrypted with {said}.")]


async def _public_url(site: Site) -> Sequence[Finding]:
    url = site.settings.public_url
    if url is None:
        said = f"{len(site.now.sources)} sources say that they are at {site.settings.root}/in/…."
        return [NO_PUBLIC_URL.found(said) if site.now.sources else fine("public_url", said)]
    if url.scheme == "http" and urlsplit(str(url)).hostname not in _LOCAL:
        return [PLAIN.found(f"It is {site.settings.root}.")]
    return [fine("public_url", f"The hub is reached at {site.settings.root}.")]


async def _time_zone(site: Site) -> Sequence[Finding]:
    zone = site.settings.timezone
    unset = [
        each.task
        for stack in site.now.stacks.values()
        for each in stack.schedules
        if each.timezone is None
    ]
    here = time.localtime()
    if unset and zone == "UTC" and here.tm_gmtoff:
        return [NO_ZONE.found(f"This machine is at {here.tm_zone}: {listed(unset)}.")]
    return [fine("timezone", f"Where nothing else is said, times are in {zone}.")]


def listed(names: Sequence[str], most: int = 5) -> str:
    """A few names, and how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


SETTINGS = Check("settings", "That they can be read.", _settings, (WRONG,))
CHECKS = (
    Check("admin_key", "The first key.", _keys, (ADMIN_KEY,)),
    Check("secret_key", "Whether secrets are encrypted.", _secret_key, (NO_SECRET_KEY,)),
    Check("public_url", "The address that others know.", _public_url, (NO_PUBLIC_URL, PLAIN)),
    Check("timezone", "The time that schedules go by.", _time_zone, (NO_ZONE,)),
)
